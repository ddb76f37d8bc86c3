"""Aptos: APT and fungible assets. A committed block is final.

A deposit event names a store; the changes of the same transaction say which token the store holds and whose it is. APT
comes as the old coin or as a fungible asset; both are the chain's own coin. Nodes drop leading zeros of addresses.
"""

import re
from typing import Any

from payments.chains.addresses import padded_aptos
from payments.chains.base import NotSeen, Pending, Transfer
from payments.chains.endpoint import Endpoint, MissingAnswer, NodeFault
from payments.chains.fields import height_in, int_in, list_in, malformed, moment_in, object_in, text_in
from payments.chains.reading import Moves, NodeReader, Position, failed_transfer

_MAIN_NET = 1
_APT_COIN = "0x1::aptos_coin::AptosCoin"
_APT_ASSET = padded_aptos("0xa")
_COIN_STORE = re.compile(r"0x1::coin::CoinStore<(.+)>")


class Aptos(NodeReader):
    """Amounts in octas for APT."""

    chain = "aptos"
    networks = ("APT",)
    native_asset = "APT"
    native_digits = 8
    confirmations_needed = 1
    max_lag = 300

    def _read_head(self, endpoint: Endpoint) -> int:
        state = object_in(endpoint.get("/"), "ledger")
        if state.get("chain_id") != _MAIN_NET:
            raise NodeFault("wrong_chain", str(state.get("chain_id"))[:20])
        return height_in(state.get("block_height"), "block_height")

    def _read_block_hash(self, endpoint: Endpoint, number: int) -> str:
        block = _get(endpoint, f"/blocks/by_height/{number}", unknown="block_not_found")
        return text_in(block.get("block_hash"), "block_hash")

    def _read(self, endpoint: Endpoint, txid: str) -> tuple[Transfer, ...]:
        found = _get(endpoint, f"/transactions/by_hash/{txid}", unknown="transaction_not_found")
        if padded_aptos(text_in(found.get("hash"), "hash")) != txid:
            raise NodeFault("wrong_answer", "another transaction")
        if found.get("type") == "pending_transaction":
            raise Pending(txid)
        position = self._position(endpoint, found)
        if found.get("success") is not True:
            return failed_transfer(self, txid, position)
        return moves_in(found).transfers(self, txid, position)

    def _position(self, endpoint: Endpoint, found: dict[str, Any]) -> Position:
        version = int_in(found.get("version"), "version")
        block = _get(endpoint, f"/blocks/by_version/{version}", unknown="version_not_found")
        return Position(
            block_number=height_in(block.get("block_height"), "block_height"),
            block_hash=text_in(block.get("block_hash"), "block_hash"),
            block_time=moment_in(found.get("timestamp"), "timestamp", per_second=1_000_000),
            confirmations=self.confirmations_needed,
            is_final=True,
        )


def moves_in(found: dict[str, Any]) -> Moves:
    """What a transaction that succeeded moved. Raises: NodeFault."""
    moves = Moves()
    events = [object_in(one, "events") for one in list_in(found.get("events"), "events")]
    changes = [object_in(one, "changes") for one in list_in(found.get("changes"), "changes")]
    _add_assets(moves, events, changes)
    _add_coins(moves, events, changes)
    return moves


def _get(endpoint: Endpoint, path: str, *, unknown: str) -> dict[str, Any]:
    """`unknown` is the code with which the node says that there is no such thing."""
    try:
        return object_in(endpoint.get(path), path)
    except MissingAnswer as missing:
        if unknown in missing.text:
            raise NotSeen(path) from missing
        raise


def _add_assets(moves: Moves, events: list[dict[str, Any]], changes: list[dict[str, Any]]) -> None:
    tokens = {
        place: _inner(data, "metadata") for place, data in _written(changes, "0x1::fungible_asset::FungibleStore")
    }
    owners = {place: data.get("owner") for place, data in _written(changes, "0x1::object::ObjectCore")}
    for event in events:
        if event.get("type") != "0x1::fungible_asset::Deposit":
            continue
        data = object_in(event.get("data"), "data")
        store = _place(data.get("store"))
        if store in tokens and store in owners:
            contract = "" if tokens[store] == _APT_ASSET else tokens[store]
            moves.add(contract, _place(owners[store]), int_in(data.get("amount"), "amount"))


def _add_coins(moves: Moves, events: list[dict[str, Any]], changes: list[dict[str, Any]]) -> None:
    """The newer event says everything; while both kinds are sent for one deposit the older one does not count."""
    told = []
    for event in events:
        if event.get("type") == "0x1::coin::CoinDeposit":
            data = object_in(event.get("data"), "data")
            coin = text_in(data.get("coin_type"), "coin_type", longest=2_000)
            told.append((coin, _place(data.get("account")), int_in(data.get("amount"), "amount")))
    newer = {(coin, account) for coin, account, _ in told}
    stores = _coin_stores(changes)
    for event in events:
        if event.get("type") == "0x1::coin::DepositEvent":
            data, handle = object_in(event.get("data"), "data"), object_in(event.get("guid"), "guid")
            key = _place(handle.get("account_address")), str(handle.get("creation_number"))
            if key in stores and (stores[key], key[0]) not in newer:
                told.append((stores[key], key[0], int_in(data.get("amount"), "amount")))
    for coin, account, amount in told:
        moves.add("" if coin == _APT_COIN else coin, account, amount)


def _coin_stores(changes: list[dict[str, Any]]) -> dict[tuple[str, str], str]:
    """(account, number of its deposit events) → coin type."""
    stores = {}
    for change in changes:
        resource = change.get("data")
        matched = _COIN_STORE.fullmatch(str(resource.get("type"))) if isinstance(resource, dict) else None
        if matched and isinstance(resource, dict):
            handle = object_in(object_in(resource.get("data"), "data").get("deposit_events"), "deposit_events")
            number = object_in(object_in(handle.get("guid"), "guid").get("id"), "id").get("creation_num")
            stores[_place(change.get("address")), str(number)] = matched[1]
    return stores


def _written(changes: list[dict[str, Any]], kind: str) -> list[tuple[str, dict[str, Any]]]:
    """(address, contents) of every resource of `kind` that the transaction left behind."""
    found = []
    for change in changes:
        resource = change.get("data")
        if isinstance(resource, dict) and resource.get("type") == kind:
            found.append((_place(change.get("address")), object_in(resource.get("data"), "data")))
    return found


def _inner(data: dict[str, Any], name: str) -> str:
    return _place(object_in(data.get(name), name).get("inner"))


def _place(value: Any) -> str:
    text = text_in(value, "address")
    if not text.startswith("0x") or len(text) > 66:
        raise malformed("address")
    return padded_aptos(text)
