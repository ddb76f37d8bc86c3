"""What sending costs on each chain right now, as its nodes tell: the price of each resource times the units of it.

Prices are live. Units belong to the kind of transfer: the plain one of the chain's own coin, or of a token to somebody
who holds that token already. Nothing here guesses: a chain whose nodes tell no price has no question.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from payments.chains.endpoint import Endpoint, NodeFault
from payments.chains.explorers import explorer_of
from payments.chains.fields import int_in, list_in, malformed, object_in, text_in

Kind = Literal["coin", "token"]

_HIGHEST_PRICE = 10**15
_GAS = {"coin": 21_000, "token": 65_000}  # measured: USDT and USDC take 41,000 to 63,000
_TRX_BYTES, _TRC20_BYTES, _TRC20_ENERGY = 268, 345, 65_000
_LAMPORTS_A_SIGNATURE = 5_000  # of the protocol; what is paid on top to be taken sooner is asked for
_COMPUTE = {"coin": 450, "token": 7_000}
_MICRO = 1_000_000
_APTOS_GAS = 1_000  # the receiving account or store may have to be made
_SEGWIT_VBYTES, _LEGACY_BYTES = 141, 226  # one input, two outputs


@dataclass(frozen=True, slots=True)
class Resource:
    """`units` of one thing that a transfer uses up, each at `price` of the coin's smallest unit."""

    name: str  # gas, energy, bandwidth, signature, compute, vbyte
    units: int
    price: Decimal


@dataclass(frozen=True, slots=True)
class TransferCost:
    """What one transfer costs now. `coin`: the chain's own; `token`: anything else on it."""

    kind: Kind
    resources: tuple[Resource, ...]

    @property
    def raw(self) -> Decimal:
        """In the smallest unit of the chain's own coin."""
        return sum((one.units * one.price for one in self.resources), Decimal(0))


Question = Callable[[Endpoint], tuple[TransferCost, ...]]


def _ask_evm(endpoint: Endpoint) -> tuple[TransferCost, ...]:
    """The node's suggestion, and never less than the newest block's base fee, below which nothing is taken."""
    block = object_in(endpoint.rpc("eth_getBlockByNumber", "latest", False), "block")
    base = _quantity(block.get("baseFeePerGas", "0x0"), "baseFeePerGas")
    price = _positive(max(Decimal(base), Decimal(_quantity(endpoint.rpc("eth_gasPrice"), "gasPrice"))), "gasPrice")
    return tuple(_one(kind, "gas", _GAS[kind], price) for kind in _KINDS)


def _ask_tron(endpoint: Endpoint) -> tuple[TransferCost, ...]:
    """Resources that nobody staked for are burned at the chain's own prices, in sun."""
    answer = object_in(endpoint.post("/wallet/getchainparameters", {}), "getchainparameters")
    rows = [object_in(row, "chainParameter") for row in list_in(answer.get("chainParameter"), "chainParameter")]
    told = {str(row.get("key")): row.get("value") for row in rows}
    energy = _positive(told.get("getEnergyFee"), "getEnergyFee")
    byte = _positive(told.get("getTransactionFee"), "getTransactionFee")
    token = (Resource("energy", _TRC20_ENERGY, energy), Resource("bandwidth", _TRC20_BYTES, byte))
    return _one("coin", "bandwidth", _TRX_BYTES, byte), TransferCost("token", token)


def _ask_solana(endpoint: Endpoint) -> tuple[TransferCost, ...]:
    """One signature, and what three of four recent transactions or fewer paid on top, in micro-lamports a unit."""
    rows = [object_in(row, "fees") for row in list_in(endpoint.rpc("getRecentPrioritizationFees", []), "fees")]
    if not rows:
        raise malformed("fees")
    paid = sorted(int_in(row.get("prioritizationFee"), "prioritizationFee") for row in rows)
    price = Decimal(paid[(len(paid) - 1) * 3 // 4]) / Decimal(_MICRO)
    if price > _HIGHEST_PRICE:
        raise malformed("prioritizationFee")
    signature = Resource("signature", 1, Decimal(_LAMPORTS_A_SIGNATURE))
    return tuple(TransferCost(kind, (signature, Resource("compute", _COMPUTE[kind], price))) for kind in _KINDS)


def _ask_aptos(endpoint: Endpoint) -> tuple[TransferCost, ...]:
    answer = object_in(endpoint.get("/estimate_gas_price"), "estimate_gas_price")
    price = _positive(answer.get("gas_estimate"), "gas_estimate")
    return tuple(_one(kind, "gas", _APTOS_GAS, price) for kind in _KINDS)


def _ask_bitcoin_like(vbytes: int) -> Question:
    def ask(endpoint: Endpoint) -> tuple[TransferCost, ...]:
        price = _positive(explorer_of(endpoint).byte_price(endpoint), "byte_price")
        return (_one("coin", "vbyte", vbytes, price),)

    return ask


_KINDS: tuple[Kind, Kind] = ("coin", "token")
QUESTIONS: Mapping[str, Question] = {
    "ethereum": _ask_evm,
    "bsc": _ask_evm,
    "tron": _ask_tron,
    "solana": _ask_solana,
    "aptos": _ask_aptos,
    "bitcoin": _ask_bitcoin_like(_SEGWIT_VBYTES),
    "litecoin": _ask_bitcoin_like(_SEGWIT_VBYTES),
    "dogecoin": _ask_bitcoin_like(_LEGACY_BYTES),
    "bitcoincash": _ask_bitcoin_like(_LEGACY_BYTES),
}


def _one(kind: Kind, name: str, units: int, price: Decimal) -> TransferCost:
    return TransferCost(kind, (Resource(name, units, price),))


def _positive(value: Any, name: str) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise malformed(name)
    price = Decimal(value)
    if not price.is_finite() or not 0 < price <= _HIGHEST_PRICE:
        raise malformed(name)
    return price


def _quantity(value: Any, name: str) -> int:
    text = text_in(value, name, longest=34)
    try:
        if not text.startswith("0x"):
            raise ValueError(text)
        return int.from_bytes(bytes.fromhex(text[2:].rjust(32, "0")), "big")  # int(text, 16) would take a sign
    except ValueError:
        raise NodeFault("malformed", name) from None
