"""Ethereum and BSC: tokens by the logs of their contracts, the chain's own coin by whole blocks.

The cursor is "number:hash": the next block to read, and the hash of the one before. When that hash is another one now,
the chain was reorganised, and the look goes back. Logs are read some blocks back every time: nodes index them late.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from payments.chains.base import Scan, Sighting
from payments.chains.endpoint import Endpoint, NodeFault
from payments.chains.fields import list_in, malformed, object_in, rows_in, text_in
from payments.chains.tokens import tokens_on
from payments.chains.watching.walking import SLACK, Patience, token_sighting

_TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
_QUANTITY = re.compile(r"0x[0-9a-fA-F]{1,64}", re.ASCII)
_HASH = re.compile(r"0x[0-9a-f]{64}", re.ASCII)
_LATEST_MOMENT = 4_102_444_800  # the year 2100: a later block time is nonsense
_FAR = 10  # spans behind the head: what happened before anybody asked is not walked through


@dataclass(frozen=True, slots=True)
class _Ways:
    """`span`: blocks in one look; `depth`: how far back a reorganisation is looked for; `coin`: "" when not watched."""

    chain: str
    span: int
    depth: int
    coin: str


@dataclass(frozen=True, slots=True)
class _Header:
    hash: str
    at: datetime


def _look(ways: _Ways, endpoint: Endpoint, address: str, cursor: str, since: datetime) -> Scan:
    first = _first_block(ways, endpoint, cursor, since)
    if first is None or first > endpoint.head:
        return Scan((), cursor)
    last = min(endpoint.head, first + ways.span - 1)
    found: list[Sighting] = []
    if ways.coin:
        last = _add_coins(found, ways, endpoint, address, first, last)
    tip = _header(endpoint, last)
    if tip is None:
        raise NodeFault("inconsistent", f"no block {last} below the head")
    found += _tokens(ways, endpoint, address, max(first - ways.depth, 0), last)
    left = max(endpoint.head - last, 0)
    return Scan(tuple(found), f"{last + 1}:{tip.hash}", is_done=not left, blocks_left=left)


def _first_block(ways: _Ways, endpoint: Endpoint, cursor: str, since: datetime) -> int | None:
    """Where to begin; None when the node is not as far as the last look was."""
    number, _, known_hash = cursor.partition(":")
    if not number.isdigit():
        return _block_before(ways, endpoint, since - SLACK)
    following = int(number)
    before = _header(endpoint, following - 1) if 0 < following <= endpoint.head + 1 else None
    if before is None:
        return None if following else 0
    if before.hash != known_hash:
        return max(following - 2 * ways.depth, 0)
    if endpoint.head - following > _FAR * ways.span:
        return max(following, _block_before(ways, endpoint, since - SLACK))
    return following


def _block_before(ways: _Ways, endpoint: Endpoint, moment: datetime) -> int:
    """A block that is not younger than `moment`, and near the first one that is."""
    low, high, step = endpoint.head, endpoint.head, ways.span
    while low > 0 and _moment(endpoint, low) > moment:
        low, high, step = max(endpoint.head - step, 0), low, step * 4
    while high - low > ways.span:
        middle = (low + high) // 2
        low, high = (middle, high) if _moment(endpoint, middle) <= moment else (low, middle)
    return low


def _moment(endpoint: Endpoint, number: int) -> datetime:
    header = _header(endpoint, number)
    if header is None:
        raise NodeFault("inconsistent", f"no block {number} below the head")
    return header.at


def _add_coins(found: list[Sighting], ways: _Ways, endpoint: Endpoint, address: str, first: int, last: int) -> int:
    """Reads whole blocks while there is time, one at least; returns the last one read."""
    patience = Patience()
    for number in range(first, last + 1):
        block = _block(endpoint, number, is_whole=True)
        if block is None:
            raise NodeFault("inconsistent", f"no block {number} below the head")
        found += _coins_in(block, ways.coin, address)
        if patience.is_over:
            return number
    return last


def _coins_in(block: dict[str, Any], coin: str, address: str) -> Iterator[Sighting]:
    at = _header_in(block).at
    for sent in rows_in(block.get("transactions"), "transactions"):
        if str(sent.get("to")).lower() == address and (value := _number(sent.get("value"), "value")):
            yield Sighting(_hash_in(sent, "hash"), coin, "", value, 18, at)


def _tokens(ways: _Ways, endpoint: Endpoint, address: str, first: int, last: int) -> Iterator[Sighting]:
    wanted = {
        "fromBlock": hex(first),
        "toBlock": hex(last),
        "address": [token.contract for token in tokens_on(ways.chain)],
        "topics": [_TRANSFER, None, "0x" + address[2:].rjust(64, "0")],
    }
    moments: dict[int, datetime] = {}
    sums: dict[tuple[str, str, int], int] = {}
    for log in rows_in(endpoint.rpc("eth_getLogs", wanted), "logs"):
        topics, data = list_in(log.get("topics"), "topics"), str(log.get("data") or "")
        if log.get("removed") is True or len(topics) != 3 or len(data) != 66:
            continue
        if str(topics[0]).lower() != _TRANSFER or "0x" + str(topics[2]).lower()[-40:] != address:
            raise NodeFault("wrong_answer", "a log that was not asked for")
        number = _number(log.get("blockNumber"), "blockNumber")
        key = _hash_in(log, "transactionHash"), text_in(log.get("address"), "address").lower(), number
        sums[key] = sums.get(key, 0) + _number(data, "data")
    for (txid, contract, number), amount in sums.items():
        if number not in moments:
            moments[number] = _moment(endpoint, number)
        yield from token_sighting(ways.chain, txid, contract, amount, at=moments[number])


def _header(endpoint: Endpoint, number: int) -> _Header | None:
    block = _block(endpoint, number, is_whole=False)
    return None if block is None else _header_in(block)


def _header_in(block: dict[str, Any]) -> _Header:
    seconds = _number(block.get("timestamp"), "timestamp")
    if seconds > _LATEST_MOMENT:
        raise malformed("timestamp")
    return _Header(_hash_in(block, "hash"), datetime.fromtimestamp(seconds, UTC))


def _block(endpoint: Endpoint, number: int, *, is_whole: bool) -> dict[str, Any] | None:
    block = endpoint.rpc("eth_getBlockByNumber", hex(number), is_whole)
    return None if block is None else object_in(block, "block")


def _hash_in(answer: dict[str, Any], name: str) -> str:
    told = text_in(answer.get(name), name).lower()
    if not _HASH.fullmatch(told):
        raise malformed(name)
    return told


def _number(value: Any, name: str) -> int:
    if not isinstance(value, str) or not _QUANTITY.fullmatch(value):
        raise malformed(name)
    return int(value, 16)


look_on_ethereum = partial(_look, _Ways("ethereum", span=25, depth=20, coin="ETH"))
look_on_bsc = partial(_look, _Ways("bsc", span=500, depth=25, coin=""))  # no network of ours takes its own coin
