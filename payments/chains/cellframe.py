"""Cellframe, net Backbone: CELL and CF-20 tokens, whose ticker is their identity on that net.

Nodes tell no height. Newer ones count confirmations; with older ones time stands for them: an accepted transaction of
ten minutes is final, one confirmation for every two minutes.
"""

from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from lockbay import clock
from payments.chains.addresses import require_address
from payments.chains.base import MalformedAddress, NotSeen, Pending, Transfer, Unknown
from payments.chains.endpoint import Endpoint, NodeFault
from payments.chains.fields import height_in, int_in, list_in, malformed, object_in, text_in
from payments.chains.reading import Moves, NodeReader, Position, failed_transfer

NET = "Backbone"
_SECONDS_PER_CONFIRMATION = 120
_HEIGHT_UNTOLD = 0
_NOT_LOCKED = (None, "", "not_locked")


class Cellframe(NodeReader):
    """Amounts in datoshi."""

    chain = "cellframe"
    networks = ("CF20",)
    native_asset = "CELL"
    native_digits = 18
    confirmations_needed = 5
    max_lag = 0
    call_seconds = 30  # slow by nature

    @property
    def recheck_depth(self) -> int:
        """Without heights there is nothing to compare again once it is final."""
        return self.confirmations_needed

    def block_hash_at(self, number: int) -> str:
        raise Unknown(f"{self.chain}: nodes tell no heights")

    def _read_head(self, endpoint: Endpoint) -> int:
        return _HEIGHT_UNTOLD

    def _read_block_hash(self, endpoint: Endpoint, number: int) -> str:
        raise malformed("height")

    def _read(self, endpoint: Endpoint, txid: str) -> tuple[Transfer, ...]:
        command = f"tx_history;-net;{NET};-tx;0x{txid[2:].upper()}"
        question = {"method": "tx_history", "params": [command], "id": "1", "version": "2"}
        found = _find(object_in(endpoint.post("", question), "answer").get("result"), txid)
        if not text_in(found.get("atom_hash"), "atom_hash").strip("0x"):
            raise Pending(txid)  # a blank hash: no block holds it
        position = _position(self, found)
        if found.get("status") != "ACCEPTED" or found.get("ret_code") != 0:
            return failed_transfer(self, txid, position)
        moves = Moves()
        for entry in list_in(found.get("items"), "items"):
            _add_output(moves, object_in(entry, "items"), found)
        return moves.transfers(self, txid, position)


def _find(result: Any, txid: str) -> dict[str, Any]:
    """The transaction in an answer whose lists are nested differently from version to version."""
    waiting = [result]
    while waiting:
        entry = waiting.pop()
        if isinstance(entry, list):
            waiting.extend(entry)
        elif isinstance(entry, dict) and str(entry.get("hash", "")).lower() == txid:
            return entry
        elif isinstance(entry, dict) and "errors" in entry:
            if "not found" in str(entry["errors"]):
                raise NotSeen(txid)
            raise NodeFault("refused", str(entry["errors"])[:150])
    raise malformed("result")


def _position(reader: Cellframe, found: dict[str, Any]) -> Position:
    created = moment_of(found.get("tx_created"))
    if "confirmations" in found:
        confirmations = max(0, height_in(found["confirmations"], "confirmations") - 1)  # the head itself does not count
    else:
        age = 0 if created is None else int((clock.real_now() - created).total_seconds())
        confirmations = min(reader.confirmations_needed, max(0, age // _SECONDS_PER_CONFIRMATION))
    return Position(
        block_number=_HEIGHT_UNTOLD,
        block_hash=text_in(found.get("atom_hash"), "atom_hash").lower(),
        block_time=created,
        confirmations=confirmations,
        is_final=confirmations >= reader.confirmations_needed,
    )


def moment_of(value: Any) -> datetime | None:
    """A moment as nodes write it; None when it cannot be read, or has no zone."""
    try:
        moment = parsedate_to_datetime(str(value))
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def _add_output(moves: Moves, output: dict[str, Any], found: dict[str, Any]) -> None:
    """Inputs, fees and conditions have no address; what is locked for later has not arrived."""
    if not output.get("addr") or "value" not in output or output.get("time_unlock") not in _NOT_LOCKED:
        return
    try:
        recipient = require_address("cellframe", str(output["addr"]))
    except MalformedAddress:
        return
    ticker = text_in(output.get("token") or found.get("token_ticker"), "token")
    moves.add(ticker, recipient, int_in(output["value"], "value"))
