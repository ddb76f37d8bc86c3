"""Ethereum and BSC by plain JSON-RPC (PROVIDERS.md §5.4).

What arrived is read from the receipt's logs, never from the call's input: a contract may move tokens for somebody, and
a call may fail. The chain's own coin counts when the transaction itself carries it to the recipient; coins that a
contract hands on inside (internal transfers) leave no trace in a receipt and are not counted.
"""

import re
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, ClassVar

from payments.chains.addresses import require_address
from payments.chains.base import ChainReader, MalformedHash, NotSeen, Pending, Scan, Transfer
from payments.chains.endpoint import Endpoint, NodeFault
from payments.chains.fees import QUESTIONS, TransferCost
from payments.chains.pool import pool_of
from payments.chains.tokens import token_of
from payments.chains.watching import look_of_chain

_TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
_HASH = re.compile(r"(0x)?[0-9a-f]{64}", re.ASCII)
_QUANTITY = re.compile(r"0x[0-9a-fA-F]{1,64}", re.ASCII)
_LATEST_MOMENT = 4_102_444_800  # the year 2100: a later block time is nonsense


class EvmReader(ChainReader):
    """What both chains share."""

    chain_id: ClassVar[int]
    max_lag: ClassVar[int]  # blocks behind the best after which a node is not believed
    native_digits = 18

    def __init__(self) -> None:
        self._pool = pool_of(self.chain, probe=self._probe, max_lag=self.max_lag)

    def normalise_txid(self, text: str) -> str:
        """`0x` and 64 lower-case digits; the prefix may be missing. Raises: MalformedHash."""
        cleaned = text.strip().lower()
        if not _HASH.fullmatch(cleaned):
            raise MalformedHash(self.chain, "wrong_format")
        return cleaned if cleaned.startswith("0x") else f"0x{cleaned}"

    def normalise_address(self, text: str) -> str:
        """Lower case; a mixed spelling must carry its EIP-55 checksum. Raises: MalformedAddress."""
        return require_address(self.chain, text)

    def read_transaction(self, txid: str) -> tuple[Transfer, ...]:
        return self._pool.ask_agreed(partial(self._read, txid), _facts)

    def block_hash_at(self, number: int) -> str:
        return self._pool.ask_agreed(partial(_block_hash, number), str)

    def transfers_to(self, address: str, cursor: str, since: datetime) -> Scan:
        look = look_of_chain(self.chain)
        return self._pool.ask(lambda endpoint: look(endpoint, address, cursor, since))

    def transfer_costs(self) -> tuple[TransferCost, ...]:
        return self._pool.ask(QUESTIONS[self.chain])

    def is_replaced(self, txid: str, mark: str) -> bool:
        """True when the sender's nonce was used by another transaction, as many blocks ago as we wait for."""
        return self._pool.ask_agreed(partial(self._is_nonce_spent, txid, mark), bool)

    def _probe(self, endpoint: Endpoint) -> int:
        served = _number(endpoint.rpc("eth_chainId"))
        if served != self.chain_id:
            raise NodeFault("wrong_chain", str(served))
        return _number(endpoint.rpc("eth_blockNumber"))

    def _read(self, txid: str, endpoint: Endpoint) -> tuple[Transfer, ...]:
        transaction = endpoint.rpc("eth_getTransactionByHash", txid)
        if transaction is None:
            raise NotSeen(txid)
        if _text(transaction, "hash").lower() != txid:
            raise NodeFault("malformed", "another transaction")
        receipt = endpoint.rpc("eth_getTransactionReceipt", txid)
        if receipt is None or _field(transaction, "blockNumber") is None:
            raise Pending(txid, f"{_text(transaction, 'from').lower()}:{_number(_field(transaction, 'nonce'))}")
        return self._transfers(txid, transaction, receipt, self._block_of(receipt, endpoint))

    def _transfers(
        self, txid: str, transaction: dict[str, Any], receipt: dict[str, Any], block: "_Block"
    ) -> tuple[Transfer, ...]:
        if _text(receipt, "transactionHash").lower() != txid:
            raise NodeFault("malformed", "another receipt")
        succeeded = _number(_field(receipt, "status")) == 1
        sums: dict[tuple[str, str], int] = {}
        recipient, value = _field(transaction, "to"), _number(_field(transaction, "value"))
        if recipient is not None and (value or not succeeded):
            sums["", str(recipient).lower()] = value
        if succeeded:
            for contract, to, amount in _token_movements(txid, receipt):
                sums[contract, to] = sums.get((contract, to), 0) + amount
        return tuple(
            self._transfer(txid, contract, to, amount, succeeded, block) for (contract, to), amount in sums.items()
        )

    def _transfer(
        self, txid: str, contract: str, recipient: str, amount: int, succeeded: bool, block: "_Block"
    ) -> Transfer:
        asset, digits = self.native_asset, self.native_digits
        if contract:
            token = token_of(self.chain, contract)
            asset, digits = (token.asset, token.digits) if token else ("", 0)
        return Transfer(
            chain=self.chain,
            txid=txid,
            asset=asset,
            contract=contract,
            recipient=recipient,
            raw_amount=amount,
            raw_digits=digits,
            succeeded=succeeded,
            block_number=block.number,
            block_hash=block.hash,
            block_time=block.time,
            confirmations=block.confirmations,
            is_final=block.confirmations >= self.confirmations_needed,
        )

    def _block_of(self, receipt: dict[str, Any], endpoint: Endpoint) -> "_Block":
        number, told_hash = _number(_field(receipt, "blockNumber")), _text(receipt, "blockHash").lower()
        block = endpoint.rpc("eth_getBlockByNumber", hex(number), False)
        if block is None or _text(block, "hash").lower() != told_hash:
            raise NodeFault("inconsistent", f"block {number} is not the receipt's")  # it is being reorganised
        seconds = _number(_field(block, "timestamp"))
        if seconds > _LATEST_MOMENT:
            raise NodeFault("malformed", "block time")
        return _Block(number, told_hash, datetime.fromtimestamp(seconds, UTC), max(endpoint.head - number, 0))

    def _is_nonce_spent(self, txid: str, mark: str, endpoint: Endpoint) -> bool:
        sender, _, nonce = mark.partition(":")
        if not nonce.isdigit():
            return False
        settled = max(endpoint.head - self.confirmations_needed, 0)
        # In this order: a transaction mined between the two calls is then found by the second.
        spent = _number(endpoint.rpc("eth_getTransactionCount", sender, hex(settled))) > int(nonce)
        transaction = endpoint.rpc("eth_getTransactionByHash", txid)
        return spent and (transaction is None or _field(transaction, "blockNumber") is None)


class Ethereum(EvmReader):
    """ETH and ERC-20."""

    chain, networks, native_asset, chain_id = "ethereum", ("ETH", "ERC20"), "ETH", 1
    confirmations_needed, max_lag = 20, 5


class Bsc(EvmReader):
    """BEP-20; its own coin is understood in a pasted hash, and not watched: no network of ours takes it."""

    chain, networks, native_asset, chain_id = "bsc", ("BEP20",), "BNB", 56
    confirmations_needed, max_lag = 25, 20


@dataclass(frozen=True, slots=True)
class _Block:
    number: int
    hash: str
    time: datetime
    confirmations: int


def _token_movements(txid: str, receipt: dict[str, Any]) -> Iterator[tuple[str, str, int]]:
    """(contract, recipient, amount) of each ERC-20 Transfer log; an NFT's has a fourth topic."""
    for log in _rows(_field(receipt, "logs")):
        if log.get("removed") is True or _text(log, "transactionHash").lower() != txid:
            raise NodeFault("inconsistent", "a log of another transaction or of a dropped block")
        topics, data = _field(log, "topics"), _text(log, "data")
        if not isinstance(topics, list) or len(topics) != 3 or str(topics[0]).lower() != _TRANSFER or len(data) != 66:
            continue
        amount = _number(data)
        if amount:
            yield _text(log, "address").lower(), "0x" + str(topics[2]).lower()[-40:], amount


def _block_hash(number: int, endpoint: Endpoint) -> str:
    block = endpoint.rpc("eth_getBlockByNumber", hex(number), False)
    if block is None:
        raise NotSeen(f"block {number}")
    return _text(block, "hash").lower()


def _facts(transfers: Sequence[Transfer]) -> Hashable:
    """What two nodes must tell alike: all but how far each has got."""
    return tuple(replace(transfer, confirmations=0, is_final=False) for transfer in transfers)


def _field(answer: Any, name: str) -> Any:
    if not isinstance(answer, dict):
        raise NodeFault("malformed", f"{name}: not an object")
    if name not in answer:
        raise NodeFault("malformed", f"{name} is missing")
    return answer[name]


def _text(answer: Any, name: str) -> str:
    value = _field(answer, name)
    if not isinstance(value, str):
        raise NodeFault("malformed", f"{name}: not a text")
    return value


def _rows(answer: Any) -> list[dict[str, Any]]:
    if not isinstance(answer, list) or not all(isinstance(row, dict) for row in answer):
        raise NodeFault("malformed", "not a list of objects")
    return answer


def _number(value: Any) -> int:
    if not isinstance(value, str) or not _QUANTITY.fullmatch(value):
        raise NodeFault("malformed", "not a quantity")
    return int(value, 16)
