"""Cellframe: the history of an address as its node tells it, in an order that no node promises. There is no cursor:
what is not older than anybody's request is told each time."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from payments.chains.base import Scan, Sighting
from payments.chains.cellframe import NET, moment_of
from payments.chains.endpoint import Endpoint, NodeFault
from payments.chains.fields import int_in, list_in, malformed, object_in, text_in
from payments.chains.watching.walking import SLACK, token_sighting

_PAGE = 1_000
_MOST_PAGES = 10
_NOTHING = ("not found", "empty")


def look(endpoint: Endpoint, address: str, cursor: str, since: datetime) -> Scan:
    """Raises: NodeFault."""
    found: list[Sighting] = []
    for page in range(_MOST_PAGES):
        rows = list(_rows(_ask(endpoint, address, page * _PAGE)))
        for row in rows:
            at = moment_of(row.get("tx_created"))
            if row.get("status") == "ACCEPTED" and (at is None or at >= since - SLACK):
                found += _received_in(row, at)
        if len(rows) < _PAGE:
            break
    return Scan(tuple(found), cursor)


def _ask(endpoint: Endpoint, address: str, offset: int) -> Any:
    command = f"tx_history;-net;{NET};-addr;{address};-limit;{_PAGE};-offset;{offset}"
    question = {"method": "tx_history", "params": [command], "id": "1", "version": "2"}
    answer = object_in(endpoint.post("", question), "answer")
    if not isinstance(answer.get("result"), list):
        raise malformed("result")
    return answer["result"]


def _rows(result: Any) -> Iterator[dict[str, Any]]:
    """The transactions in an answer whose lists are nested differently from version to version."""
    waiting = [result]
    while waiting:
        entry = waiting.pop()
        if isinstance(entry, list):
            waiting.extend(entry)
        elif isinstance(entry, dict) and "hash" in entry:
            yield entry
        elif isinstance(entry, dict) and not any(word in str(entry.get("errors", "empty")) for word in _NOTHING):
            raise NodeFault("refused", str(entry["errors"])[:150])


def _received_in(row: dict[str, Any], at: datetime | None) -> Iterator[Sighting]:
    txid = text_in(row["hash"], "hash").lower()
    sums: dict[str, int] = {}
    for entry in list_in(row.get("data"), "data"):
        item = object_in(entry, "data")
        if item.get("tx_type") == "recv":
            ticker = text_in(item.get("token"), "token")
            sums[ticker] = sums.get(ticker, 0) + int_in(item.get("recv_datoshi"), "recv_datoshi")
    for ticker, amount in sums.items():
        yield from token_sighting("cellframe", txid, ticker, amount, at=at)
