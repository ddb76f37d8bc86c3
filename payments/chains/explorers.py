"""The two explorers of Bitcoin-like chains, told apart by their address: Blockchair, and everything else is an Esplora.

Both are read into the same few facts. Amounts are in the smallest unit (1e-8 of the coin).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from payments.chains.base import NotSeen
from payments.chains.endpoint import Endpoint, MissingAnswer, NodeFault
from payments.chains.fields import height_in, int_in, list_in, malformed, moment_in, object_in, rows_in, text_in

_ESPLORA_PAGE, _BLOCKCHAIR_PAGE, _MOST_PAGES = 25, 100, 20


@dataclass(frozen=True, slots=True)
class Output:
    """`address` as the explorer writes it, "" when the output has none."""

    address: str
    raw_amount: int


@dataclass(frozen=True, slots=True)
class Facts:
    """One transaction; `height` None: not in a block yet. `spends` is its first input, "txid:index" or ""."""

    txid: str
    height: int | None
    block_hash: str
    block_time: datetime | None
    is_coinbase: bool
    spends: str
    outputs: tuple[Output, ...]


@dataclass(frozen=True, slots=True)
class Spender:
    """The transaction in the block at `height` that spent an output."""

    txid: str
    height: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """What one transaction brought to an address, zero or less when it took from there; `height` and `at` are None in
    the mempool."""

    txid: str
    height: int | None
    at: datetime | None
    raw_amount: int


@dataclass(frozen=True, slots=True)
class Explorer:
    """How to ask one kind of explorer. Each raises NodeFault; `facts`, `block_hash` and `spender` also NotSeen."""

    head: Callable[[Endpoint], int]
    facts: Callable[[Endpoint, str], Facts]
    block_hash: Callable[[Endpoint, int], str]
    spender: Callable[[Endpoint, str, int], Spender | None]  # of an output of a transaction; None when no block has one
    byte_price: Callable[[Endpoint], Any]  # per virtual byte, to be in one of the next three blocks; as it was told


def explorer_of(endpoint: Endpoint) -> Explorer:
    """Which kind an endpoint is."""
    return _BLOCKCHAIR if is_blockchair(endpoint) else _ESPLORA


def is_blockchair(endpoint: Endpoint) -> bool:
    """By its host."""
    return "blockchair" in (urlsplit(endpoint.url).hostname or "")


def esplora_history(endpoint: Endpoint, address: str) -> Iterator[Facts]:
    """The transactions of an address, newest first, those of the mempool before all; pages are asked for as needed."""
    rows = _esplora_page(endpoint, f"/address/{address}/txs")
    for _ in range(_MOST_PAGES):
        yield from rows
        mined = [facts for facts in rows if facts.height is not None]
        if len(mined) < _ESPLORA_PAGE:
            return
        rows = _esplora_page(endpoint, f"/address/{address}/txs/chain/{mined[-1].txid}")


def blockchair_receipts(endpoint: Endpoint, address: str) -> Iterator[Receipt]:
    """As esplora_history. Raises: NotSeen for an address that it has never heard of."""
    key = address.removeprefix("bitcoincash:")
    for page in range(_MOST_PAGES):
        told = _dashboard(
            endpoint,
            "address",
            key,
            transaction_details="true",
            limit=f"{_BLOCKCHAIR_PAGE},0",
            offset=f"{page * _BLOCKCHAIR_PAGE},0",
        )
        rows = rows_in(told.get("transactions"), "transactions")
        for row in rows:
            yield _blockchair_receipt(row)
        if len(rows) < _BLOCKCHAIR_PAGE:
            return


def _esplora_head(endpoint: Endpoint) -> int:
    return height_in(endpoint.get_text("/blocks/tip/height"), "height")


def _esplora_facts(endpoint: Endpoint, txid: str) -> Facts:
    return _esplora_facts_in(object_in(_known(endpoint.get, f"/tx/{txid}", txid), "tx"))


def _esplora_facts_in(found: dict[str, Any]) -> Facts:
    status = object_in(found.get("status"), "status")
    is_mined = status.get("confirmed") is True
    inputs = [object_in(one, "vin") for one in list_in(found.get("vin"), "vin")]
    is_coinbase = bool(inputs) and inputs[0].get("is_coinbase") is True
    outputs = [object_in(one, "vout") for one in list_in(found.get("vout"), "vout")]
    return Facts(
        txid=text_in(found.get("txid"), "txid"),
        height=height_in(status.get("block_height"), "block_height") if is_mined else None,
        block_hash=text_in(status.get("block_hash"), "block_hash") if is_mined else "",
        block_time=moment_in(status.get("block_time"), "block_time") if is_mined else None,
        is_coinbase=is_coinbase,
        spends=_place_of(inputs[0], "txid", "vout") if inputs and not is_coinbase else "",
        outputs=tuple(
            Output(str(one.get("scriptpubkey_address") or ""), int_in(one.get("value"), "value")) for one in outputs
        ),
    )


def _esplora_page(endpoint: Endpoint, path: str) -> list[Facts]:
    return [_esplora_facts_in(row) for row in rows_in(endpoint.get(path), "txs")]


def _esplora_block_hash(endpoint: Endpoint, number: int) -> str:
    return text_in(_known(endpoint.get_text, f"/block-height/{number}", str(number)), "block_hash")


def _esplora_spender(endpoint: Endpoint, txid: str, index: int) -> Spender | None:
    spent = object_in(_known(endpoint.get, f"/tx/{txid}/outspend/{index}", txid), "outspend")
    if spent.get("spent") is not True:
        return None
    status = object_in(spent.get("status"), "status")
    if status.get("confirmed") is not True:
        return None
    return Spender(text_in(spent.get("txid"), "txid"), height_in(status.get("block_height"), "block_height"))


def _esplora_byte_price(endpoint: Endpoint) -> Any:
    try:
        return object_in(endpoint.get("/fee-estimates"), "fee-estimates").get("3")
    except MissingAnswer:
        return object_in(endpoint.get("/v1/fees/recommended"), "fees").get("halfHourFee")  # as mempool.space has it


def _known(ask: Callable[[str], Any], path: str, what: str) -> Any:
    try:
        return ask(path)
    except MissingAnswer as missing:
        if "not found" in missing.text.lower() and "<" not in missing.text:
            raise NotSeen(what) from missing
        raise  # a page of some proxy says nothing about the transaction


def _blockchair_head(endpoint: Endpoint) -> int:
    data = object_in(_read_blockchair(endpoint, "/stats")["data"], "data")
    return height_in(data.get("best_block_height"), "best_block_height")


def _blockchair_facts(endpoint: Endpoint, txid: str) -> Facts:
    found = _dashboard(endpoint, "transaction", txid)
    sent = object_in(found.get("transaction"), "transaction")
    is_mined = sent.get("block_id") != -1
    height = height_in(sent.get("block_id"), "block_id") if is_mined else None
    inputs = [object_in(one, "inputs") for one in list_in(found.get("inputs"), "inputs")]
    outputs = [object_in(one, "outputs") for one in list_in(found.get("outputs"), "outputs")]
    return Facts(
        txid=text_in(sent.get("hash"), "hash"),
        height=height,
        block_hash="" if height is None else _blockchair_block_hash(endpoint, height),
        block_time=None if height is None else _blockchair_time(sent.get("time")),
        is_coinbase=sent.get("is_coinbase") is True,
        spends=_place_of(inputs[0], "transaction_hash", "index") if inputs else "",
        outputs=tuple(Output(str(one.get("recipient") or ""), int_in(one.get("value"), "value")) for one in outputs),
    )


def _blockchair_block_hash(endpoint: Endpoint, number: int) -> str:
    block = object_in(_dashboard(endpoint, "block", str(number)).get("block"), "block")
    return text_in(block.get("hash"), "hash")


def _blockchair_spender(endpoint: Endpoint, txid: str, index: int) -> Spender | None:
    outputs = list_in(_dashboard(endpoint, "transaction", txid).get("outputs"), "outputs")
    if index >= len(outputs):
        raise malformed("outputs")
    output = object_in(outputs[index], "outputs")
    height = output.get("spending_block_id")
    if output.get("is_spent") is not True or height in (None, -1):
        return None
    spender = text_in(output.get("spending_transaction_hash"), "spending_transaction_hash")
    return Spender(spender, height_in(height, "spending_block_id"))


def _blockchair_byte_price(endpoint: Endpoint) -> Any:
    data = object_in(_read_blockchair(endpoint, "/stats")["data"], "data")
    return data.get("suggested_transaction_fee_per_byte_sat")


def _blockchair_receipt(row: dict[str, Any]) -> Receipt:
    change, is_mined = row.get("balance_change"), row.get("block_id") != -1
    if not isinstance(change, int) or isinstance(change, bool):
        raise malformed("balance_change")
    return Receipt(
        txid=text_in(row.get("hash"), "hash"),
        height=height_in(row.get("block_id"), "block_id") if is_mined else None,
        at=_blockchair_time(row.get("time")) if is_mined else None,
        raw_amount=change,
    )


def _dashboard(endpoint: Endpoint, kind: str, key: str, **params: Any) -> dict[str, Any]:
    data = _read_blockchair(endpoint, f"/dashboards/{kind}/{key}", **params)["data"]
    if not isinstance(data, dict) or not data.get(key):
        raise NotSeen(key)  # an unknown key is missing; all of them missing is an empty list or null
    return object_in(data[key], kind)


def _read_blockchair(endpoint: Endpoint, path: str, **params: Any) -> dict[str, Any]:
    answer = object_in(endpoint.get(path, **params), path)
    code = object_in(answer.get("context"), "context").get("code")
    if code == 404:
        raise NotSeen(path)
    if code != 200 or "data" not in answer:
        raise NodeFault("refused", str(code)[:20])
    return answer


def _place_of(spent: dict[str, Any], txid: str, index: str) -> str:
    return f"{text_in(spent.get(txid), txid, longest=64)}:{int_in(spent.get(index), index)}"


def _blockchair_time(value: Any) -> datetime:
    try:
        return datetime.strptime(text_in(value, "time"), "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        raise malformed("time") from None


_ESPLORA = Explorer(_esplora_head, _esplora_facts, _esplora_block_hash, _esplora_spender, _esplora_byte_price)
_BLOCKCHAIR = Explorer(
    _blockchair_head, _blockchair_facts, _blockchair_block_hash, _blockchair_spender, _blockchair_byte_price
)
