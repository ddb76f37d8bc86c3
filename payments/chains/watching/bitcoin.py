"""Bitcoin and its kin: the history of an address at an Esplora or at Blockchair, newest first, the mempool before all.

The cursor is a height: what is in blocks from there on is read again each time, so that a reorganisation loses nothing.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from payments.chains.addresses import require_address
from payments.chains.base import MalformedAddress, NotSeen, Scan, Sighting
from payments.chains.endpoint import Endpoint
from payments.chains.explorers import Facts, Receipt, blockchair_receipts, esplora_history, is_blockchair
from payments.chains.watching.walking import SLACK, Patience

_DIGITS = 8


@dataclass(frozen=True, slots=True)
class _Ways:
    chain: str
    coin: str
    depth: int  # blocks below the head that are read again


def _look(ways: _Ways, endpoint: Endpoint, address: str, cursor: str, since: datetime) -> Scan:
    start = int(cursor) if cursor.isascii() and cursor.isdigit() else 0
    earliest, patience = since - SLACK, Patience()
    found: list[Sighting] = []
    for receipt in _receipts(ways, endpoint)(address):
        is_known = receipt.height is not None and receipt.height < start
        if is_known or (receipt.at is not None and receipt.at < earliest):
            break
        if receipt.raw_amount > 0:
            found.append(Sighting(receipt.txid, ways.coin, "", receipt.raw_amount, _DIGITS, receipt.at))
        if patience.is_over:
            return Scan(tuple(found), cursor)  # newest first: the rest is reached only from the top
    return Scan(tuple(found), str(max(start, endpoint.head - ways.depth)))


def _receipts(ways: _Ways, endpoint: Endpoint) -> Callable[[str], Iterator[Receipt]]:
    if is_blockchair(endpoint):
        return partial(blockchair_receipts, endpoint)
    return partial(_esplora_receipts, ways, endpoint)


def _esplora_receipts(ways: _Ways, endpoint: Endpoint, address: str) -> Iterator[Receipt]:
    for facts in esplora_history(endpoint, address):
        yield Receipt(facts.txid, facts.height, facts.block_time, _sum_to(ways.chain, address, facts))


def _sum_to(chain: str, address: str, facts: Facts) -> int:
    return sum(output.raw_amount for output in facts.outputs if _is_to(chain, address, output.address))


def _is_to(chain: str, address: str, spelled: str) -> bool:
    try:
        return require_address(chain, spelled) == address
    except MalformedAddress:
        return False


def _look_or_nothing(ways: _Ways, endpoint: Endpoint, address: str, cursor: str, since: datetime) -> Scan:
    """An address that the explorer has never heard of has received nothing."""
    try:
        return _look(ways, endpoint, address, cursor, since)
    except NotSeen:
        return Scan((), cursor)


look_on_bitcoin = partial(_look_or_nothing, _Ways("bitcoin", "BTC", depth=6))
look_on_litecoin = partial(_look_or_nothing, _Ways("litecoin", "LTC", depth=12))
look_on_dogecoin = partial(_look_or_nothing, _Ways("dogecoin", "DOGE", depth=40))
look_on_bitcoincash = partial(_look_or_nothing, _Ways("bitcoincash", "BCH", depth=20))
