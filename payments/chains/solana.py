"""Solana: SOL and SPL tokens, by what balances were before and after. Final means the commitment "finalized".

Differences of balances say what really arrived, however many programs took part; instructions do not.
"""

from typing import Any

from embit import base58

from payments.chains.base import MalformedHash, NotSeen, Transfer
from payments.chains.endpoint import Endpoint, NodeFault
from payments.chains.fields import height_in, int_in, list_in, malformed, moment_in, object_in, text_in
from payments.chains.reading import Moves, NodeReader, Position, failed_transfer

_GENESIS = "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d"
_TOKEN_PROGRAM = "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA"  # noqa: S105
_SKIPPED = ("-32007", "-32009")  # no block was made in this slot


class Solana(NodeReader):
    """Amounts in lamports for SOL; a block number is a slot."""

    chain = "solana"
    networks = ("SOL",)
    native_asset = "SOL"
    native_digits = 9
    confirmations_needed = 1
    max_lag = 150

    def normalise_txid(self, text: str) -> str:
        txid = super().normalise_txid(text)
        if len(base58.decode(txid)) != 64:
            raise MalformedHash(self.chain, txid)
        return txid

    def _read_head(self, endpoint: Endpoint) -> int:
        if endpoint.url not in self._genuine:
            if endpoint.rpc("getGenesisHash") != _GENESIS:
                raise NodeFault("wrong_chain")
            self._genuine.add(endpoint.url)
        return height_in(endpoint.rpc("getSlot", {"commitment": "finalized"}), "slot")

    def _read_block_hash(self, endpoint: Endpoint, number: int, commitment: str = "finalized") -> str:
        options = {"transactionDetails": "none", "rewards": False, "commitment": commitment}
        try:
            block = endpoint.rpc("getBlock", number, {**options, "maxSupportedTransactionVersion": 0})
        except NodeFault as fault:
            if fault.code == "rpc_error" and any(code in fault.detail for code in _SKIPPED):
                raise NotSeen(str(number)) from fault
            raise
        if block is None:
            raise NotSeen(str(number))
        return text_in(object_in(block, "block").get("blockhash"), "blockhash")

    def _read(self, endpoint: Endpoint, txid: str) -> tuple[Transfer, ...]:
        for commitment in ("finalized", "confirmed"):
            options = {"encoding": "jsonParsed", "commitment": commitment, "maxSupportedTransactionVersion": 0}
            found = endpoint.rpc("getTransaction", txid, options)
            if found is not None:
                return self._read_found(endpoint, txid, object_in(found, "result"), commitment)
        raise NotSeen(txid)

    def _read_found(
        self, endpoint: Endpoint, txid: str, found: dict[str, Any], commitment: str
    ) -> tuple[Transfer, ...]:
        transaction = object_in(found.get("transaction"), "transaction")
        if list_in(transaction.get("signatures"), "signatures")[:1] != [txid]:
            raise NodeFault("wrong_answer", "another transaction")
        position = self._position(endpoint, found, commitment)
        meta = object_in(found.get("meta"), "meta")
        if "err" not in meta:
            raise malformed("err")
        if meta["err"] is not None:
            return failed_transfer(self, txid, position)
        return moves_in(found).transfers(self, txid, position)

    def _position(self, endpoint: Endpoint, found: dict[str, Any], commitment: str) -> Position:
        slot = height_in(found.get("slot"), "slot")
        is_final = commitment == "finalized"
        told = found.get("blockTime")
        return Position(
            block_number=slot,
            block_hash=self._read_block_hash(endpoint, slot, commitment),
            block_time=None if told is None else moment_in(told, "blockTime"),
            confirmations=self.confirmations_needed if is_final else 0,
            is_final=is_final,
        )


def moves_in(found: dict[str, Any]) -> Moves:
    """What a transaction that succeeded moved, by the differences of balances. Raises: NodeFault."""
    moves, meta = Moves(), object_in(found.get("meta"), "meta")
    transaction = object_in(found.get("transaction"), "transaction")
    _add_coins(moves, object_in(transaction.get("message"), "message"), meta)
    _add_tokens(moves, meta)
    return moves


def _add_coins(moves: Moves, message: dict[str, Any], meta: dict[str, Any]) -> None:
    keys = list_in(message.get("accountKeys"), "accountKeys")
    accounts = [text_in(object_in(one, "accountKeys").get("pubkey"), "pubkey") for one in keys]
    before, after = (list_in(meta.get(name), name) for name in ("preBalances", "postBalances"))
    if not len(accounts) == len(before) == len(after):
        raise malformed("balances")
    for account, was, became in zip(accounts, before, after, strict=True):
        moves.add("", account, int_in(became, "postBalances") - int_in(was, "preBalances"))


def _add_tokens(moves: Moves, meta: dict[str, Any]) -> None:
    for name, sign in (("preTokenBalances", -1), ("postTokenBalances", 1)):
        for entry in list_in(meta.get(name), name):
            balance = object_in(entry, name)
            mint = text_in(balance.get("mint"), "mint")
            # A mint of the newer program may take a fee on the way or be taken back: none of them is allow-listed.
            program = balance.get("programId") or _TOKEN_PROGRAM
            contract = mint if program == _TOKEN_PROGRAM else f"{program}:{mint}"
            amount = int_in(object_in(balance.get("uiTokenAmount"), "uiTokenAmount").get("amount"), "amount")
            moves.add(contract, text_in(balance.get("owner"), "owner"), sign * amount)
