"""Tron: TRX and TRC-20, read from any java-tron node or TronGrid. Final means deep enough and solidified.

Two traps: an error comes with HTTP 200, and an event's addresses lack the leading 41.
"""

from typing import Any

from payments.chains.addresses import tron_of_hex
from payments.chains.base import NotSeen, Pending, Transfer
from payments.chains.endpoint import Endpoint, NodeFault
from payments.chains.fields import height_in, int_in, list_in, malformed, moment_in, object_in, text_in
from payments.chains.reading import Moves, NodeReader, Position, failed_transfer

_GENESIS = "00000000000000001ebf88508a03865c71d452e25f4d51194196a1d22b6653dc"
_TRANSFER = "ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"


class Tron(NodeReader):
    """Amounts in sun for TRX."""

    chain = "tron"
    networks = ("TRC20", "TRX")
    native_asset = "TRX"
    native_digits = 6
    confirmations_needed = 20
    max_lag = 20

    def _read_head(self, endpoint: Endpoint) -> int:
        self._require_landmark(endpoint, 0, _GENESIS)
        block = _post(endpoint, "/wallet/getblock", {"detail": False})
        header = object_in(block.get("block_header"), "block_header")
        return height_in(object_in(header.get("raw_data"), "raw_data").get("number"), "number")

    def _read_block_hash(self, endpoint: Endpoint, number: int) -> str:
        block = _post(endpoint, "/wallet/getblock", {"id_or_num": str(number), "detail": False})
        if not block:
            raise NotSeen(str(number))
        return text_in(block.get("blockID"), "blockID")

    def _read(self, endpoint: Endpoint, txid: str) -> tuple[Transfer, ...]:
        question = {"value": txid}
        sent = _post(endpoint, "/wallet/gettransactionbyid", question)
        if not sent:
            raise NotSeen(txid)
        done = _post(endpoint, "/wallet/gettransactioninfobyid", question)
        if not done:
            raise Pending(txid)
        if sent.get("txID") != txid or done.get("id") != txid:
            raise NodeFault("wrong_answer", "another transaction")
        position = self._position(endpoint, txid, done)
        contract = _contract_of(sent)
        if not _has_succeeded(sent, done):
            return failed_transfer(self, txid, position)
        moves = Moves()
        _add_sent(moves, contract)
        _add_events(moves, done)
        _add_internal(moves, done)
        return moves.transfers(self, txid, position)

    def _position(self, endpoint: Endpoint, txid: str, done: dict[str, Any]) -> Position:
        number = height_in(done.get("blockNumber"), "blockNumber")
        confirmations = max(0, endpoint.head - number)
        is_deep = confirmations >= self.confirmations_needed
        is_solid = is_deep and bool(_post(endpoint, "/walletsolidity/gettransactioninfobyid", {"value": txid}))
        if is_deep and not is_solid:
            confirmations = self.confirmations_needed - 1
        return Position(
            block_number=number,
            block_hash=self._read_block_hash(endpoint, number),
            block_time=moment_in(done.get("blockTimeStamp"), "blockTimeStamp", per_second=1_000),
            confirmations=confirmations,
            is_final=is_solid,
        )


def _post(endpoint: Endpoint, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = object_in(endpoint.post(path, body), path)
    if "Error" in answer:
        raise NodeFault("refused", str(answer["Error"])[:150])
    return answer


def _contract_of(sent: dict[str, Any]) -> dict[str, Any]:
    contracts = list_in(object_in(sent.get("raw_data"), "raw_data").get("contract"), "contract")
    if len(contracts) != 1:
        raise malformed("contract")
    return object_in(contracts[0], "contract")


def _has_succeeded(sent: dict[str, Any], done: dict[str, Any]) -> bool:
    results = [object_in(one, "ret").get("contractRet") for one in list_in(sent.get("ret"), "ret")]
    receipt = object_in(done.get("receipt", {}), "receipt").get("result", "SUCCESS")
    return results == ["SUCCESS"] and receipt == "SUCCESS" and done.get("result") != "FAILED"


def _add_sent(moves: Moves, contract: dict[str, Any]) -> None:
    """TRX sent directly, and TRC-10 tokens, which anybody may name as he likes."""
    kind = contract.get("type")
    if kind not in ("TransferContract", "TransferAssetContract"):
        return
    value = object_in(object_in(contract.get("parameter"), "parameter").get("value"), "value")
    token = "" if kind == "TransferContract" else f"trc10:{text_in(value.get('asset_name'), 'asset_name')[:60]}"
    moves.add(token, address_in(value.get("to_address")), int_in(value.get("amount"), "amount"))


def _add_events(moves: Moves, done: dict[str, Any]) -> None:
    for log in list_in(done.get("log"), "log"):
        event = object_in(log, "log")
        topics, data = list_in(event.get("topics"), "topics"), str(event.get("data") or "")
        if len(topics) != 3 or topics[0] != _TRANSFER or len(data) != 64:
            continue  # another event; NFTs use the same one with four topics
        moves.add(address_in(event.get("address")), address_in(str(topics[2])[-40:]), _number(data))


def _add_internal(moves: Moves, done: dict[str, Any]) -> None:
    """TRX that a contract paid out."""
    for internal in list_in(done.get("internal_transactions"), "internal_transactions"):
        call = object_in(internal, "internal_transactions")
        if call.get("rejected"):
            continue
        for part in list_in(call.get("callValueInfo"), "callValueInfo"):
            value = object_in(part, "callValueInfo")
            if value.get("callValue") and not value.get("tokenId"):
                recipient = address_in(call.get("transferTo_address"))
                moves.add("", recipient, int_in(value["callValue"], "callValue"))


def address_in(value: Any) -> str:
    """The base58 spelling of an address in an answer, however it is written there. Raises: NodeFault."""
    text = text_in(value, "address")
    if text.startswith("T"):
        return text
    try:
        return tron_of_hex(text)
    except ValueError:
        raise malformed("address") from None


def _number(text: str) -> int:
    try:
        return int.from_bytes(bytes.fromhex(text), "big")  # int(text, 16) would take a sign
    except ValueError:
        raise malformed("data") from None
