"""Looking for payments to an address of ours, a chain at a time: each file here asks one node what came (P8).

A look is a hint that names transactions; what counts is what the chain's reader says of each of them. It starts at a
cursor, which is text that only the same file understands, and tells where the next look starts.
"""

from collections.abc import Callable
from datetime import datetime
from functools import cache

from django.utils.module_loading import import_string

from payments.chains.base import Scan, UnknownChain
from payments.chains.endpoint import Endpoint

Look = Callable[[Endpoint, str, str, datetime], Scan]

LOOKS: dict[str, str] = {
    "ethereum": "payments.chains.watching.evm.look_on_ethereum",
    "bsc": "payments.chains.watching.evm.look_on_bsc",
    "tron": "payments.chains.watching.tron.look",
    "solana": "payments.chains.watching.solana.look",
    "aptos": "payments.chains.watching.aptos.look",
    "bitcoin": "payments.chains.watching.bitcoin.look_on_bitcoin",
    "litecoin": "payments.chains.watching.bitcoin.look_on_litecoin",
    "dogecoin": "payments.chains.watching.bitcoin.look_on_dogecoin",
    "bitcoincash": "payments.chains.watching.bitcoin.look_on_bitcoincash",
    "cellframe": "payments.chains.watching.cellframe.look",
}


@cache
def look_of_chain(chain: str) -> Look:
    """The question that finds payments to an address. Raises: UnknownChain."""
    if chain not in LOOKS:
        raise UnknownChain(chain[:40])
    look: Look = import_string(LOOKS[chain])
    return look
