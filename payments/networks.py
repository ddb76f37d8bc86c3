"""The networks money can come by: which chain they live on and how their ids and addresses are written.

Formats: PROVIDERS.md §5.11. A transaction id is validated here before it may become a key (P2).
"""

import re
from dataclasses import dataclass
from functools import lru_cache

_HEX = r"[0-9a-f]{64}"
_BASE58 = r"[1-9A-HJ-NP-Za-km-z]"


@dataclass(frozen=True, slots=True)
class Network:
    """`txid` matches a normalised transaction id; `folds_case` is true where addresses compare without case."""

    code: str
    chain: str
    txid: re.Pattern[str]
    folds_case: bool = False


def _network(code: str, chain: str, txid: str, *, folds_case: bool = False) -> Network:
    return Network(code, chain, re.compile(txid, re.ASCII), folds_case)


NETWORKS: dict[str, Network] = {
    network.code: network
    for network in (
        _network("TRC20", "tron", _HEX),
        _network("TRX", "tron", _HEX),
        _network("ERC20", "ethereum", f"0x{_HEX}", folds_case=True),
        _network("ETH", "ethereum", f"0x{_HEX}", folds_case=True),
        _network("BEP20", "bsc", f"0x{_HEX}", folds_case=True),
        _network("BTC", "bitcoin", _HEX),
        _network("LTC", "litecoin", _HEX),
        _network("DOGE", "dogecoin", _HEX),
        _network("BCH", "bitcoincash", _HEX),
        _network("SOL", "solana", f"{_BASE58}{{86,88}}"),
        _network("APT", "aptos", f"0x{_HEX}", folds_case=True),
        _network("CF20", "cellframe", f"0x{_HEX}"),
        _network("BANK", "bank", r"[a-z0-9][a-z0-9._-]{0,99}"),  # a provider's own id of a bank payment
    )
}

_BECH32_PREFIXES = ("bc1", "ltc1", "bitcoincash:")


def normal_txid(network: Network, text: str) -> str:
    """The one spelling of a transaction id; "" when `text` is none of this network's."""
    cleaned = text.strip()
    if network.chain != "solana":
        cleaned = cleaned.lower()
        wants_prefix = network.txid.pattern.startswith("0x")
        if wants_prefix != cleaned.startswith("0x"):
            cleaned = f"0x{cleaned}" if wants_prefix else cleaned[2:]
    return cleaned if network.txid.fullmatch(cleaned) else ""


@lru_cache(maxsize=4096)  # a batch asks for the address of each request again and again
def normal_address(network: Network, text: str) -> str:
    """The one spelling of an address, for comparing and as part of a deposit's key: the one that a chain's reader
    uses, so that a provider and our own nodes key one payment alike. What is no address of the chain is kept as told.
    """
    from payments.chains.addresses import CHAINS, require_address  # the package reads the table above
    from payments.chains.base import MalformedAddress

    cleaned = text.strip()
    if network.chain in CHAINS:
        try:
            return require_address(network.chain, cleaned)
        except MalformedAddress:
            pass  # play money's addresses, and what a provider may yet call one
    return folded_case(network, cleaned)


def folded_case(network: Network, text: str) -> str:
    """An address trimmed and, where case means nothing, in lower case: stable for ever, for ids that are made of it."""
    cleaned = text.strip()
    return cleaned.lower() if network.folds_case or cleaned.lower().startswith(_BECH32_PREFIXES) else cleaned
