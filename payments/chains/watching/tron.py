"""Tron: the history of an account at TronGrid, oldest first. Each stream (TRX, and every listed contract) has its own
position: the time, in milliseconds, from which it is read again. A plain node keeps no histories.

The last minutes are read again every time: what is not solidified yet may move to another block.
"""

from datetime import datetime
from typing import Any

from payments.chains.base import NotSeen, Scan, Sighting
from payments.chains.endpoint import Endpoint, MissingAnswer, NodeFault
from payments.chains.fields import int_in, list_in, malformed, moment_in, object_in, rows_in, text_in
from payments.chains.tokens import tokens_on
from payments.chains.tron import address_in
from payments.chains.watching.walking import SLACK, millis_of, read_positions, token_sighting, write_positions

_COIN = "TRX"
_PAGE = 200
_MOST_PAGES = 10  # of one stream in one look
_OVERLAP_MS = 300_000


def look(endpoint: Endpoint, address: str, cursor: str, since: datetime) -> Scan:
    """Raises: NodeFault; NotSeen when this node keeps no histories."""
    positions = read_positions(cursor)
    found: list[Sighting] = []
    is_done = True
    for stream in (_COIN, *(token.contract for token in tokens_on("tron"))):
        told = positions.get(stream, "")
        start = int(told) if told.isdigit() else millis_of(since - SLACK)
        position, is_stream_done = _walk(found, endpoint, address, stream, start)
        positions[stream], is_done = str(position), is_done and is_stream_done
    return Scan(tuple(found), write_positions(positions), is_done=is_done)


def _walk(found: list[Sighting], endpoint: Endpoint, address: str, stream: str, start: int) -> tuple[int, bool]:
    newest, fingerprint = start, ""
    for _ in range(_MOST_PAGES):
        rows, fingerprint = _page(endpoint, address, stream, start, fingerprint)
        for row in rows:
            newest = max(newest, int_in(row.get("block_timestamp"), "block_timestamp"))
            found += _coin_in(row, address) if stream == _COIN else _token_in(row, address, stream)
        if not fingerprint or not rows:
            return max(start, newest - _OVERLAP_MS), True
    return max(newest, start + 1), False


def _page(
    endpoint: Endpoint, address: str, stream: str, start: int, fingerprint: str
) -> tuple[list[dict[str, Any]], str]:
    wanted: dict[str, Any] = {
        "only_to": "true",
        "min_timestamp": start,
        "order_by": "block_timestamp,asc",
        "limit": _PAGE,
        **({"fingerprint": fingerprint} if fingerprint else {}),
    }
    path = f"/v1/accounts/{address}/transactions"
    if stream != _COIN:
        path, wanted = f"{path}/trc20", {**wanted, "contract_address": stream}
    try:
        answer = object_in(endpoint.get(path, **wanted), path)
    except MissingAnswer as missing:
        raise NotSeen("no histories") from missing
    if answer.get("success") is not True:
        raise NodeFault("refused", str(answer.get("error") or answer.get("Error"))[:150])
    following = object_in(answer.get("meta", {}), "meta").get("fingerprint")
    return rows_in(answer.get("data"), "data"), text_in(following, "fingerprint", longest=2_000) if following else ""


def _coin_in(row: dict[str, Any], address: str) -> tuple[Sighting, ...]:
    if "internal_tx_id" in row:
        return ()  # paid by a contract: found by its own transaction's hash only
    results = [object_in(one, "ret").get("contractRet") for one in list_in(row.get("ret"), "ret")]
    contracts = list_in(object_in(row.get("raw_data"), "raw_data").get("contract"), "contract")
    contract = object_in(contracts[0], "contract") if len(contracts) == 1 else {}
    if results != ["SUCCESS"] or contract.get("type") != "TransferContract":
        return ()
    value = object_in(object_in(contract.get("parameter"), "parameter").get("value"), "value")
    amount = int_in(value.get("amount"), "amount")
    if address_in(value.get("to_address")) != address or not amount:
        return ()
    return (Sighting(_txid(row.get("txID")), _COIN, "", amount, 6, _moment(row)),)


def _token_in(row: dict[str, Any], address: str, contract: str) -> tuple[Sighting, ...]:
    token = object_in(row.get("token_info"), "token_info")
    if row.get("type") != "Transfer" or row.get("to") != address or token.get("address") != contract:
        return ()
    amount = int_in(row.get("value"), "value")
    return token_sighting("tron", _txid(row.get("transaction_id")), contract, amount, at=_moment(row))


def _txid(value: Any) -> str:
    txid = text_in(value, "txid").lower()
    if len(txid) != 64:
        raise malformed("txid")
    return txid


def _moment(row: dict[str, Any]) -> datetime:
    return moment_in(row.get("block_timestamp"), "block_timestamp", per_second=1_000)
