"""What the readers of single chains share: asking the pool for agreed facts, adding up what one transaction moved."""

from abc import abstractmethod
from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from payments.chains.addresses import require_address
from payments.chains.base import ChainReader, MalformedHash, NotSeen, Scan, Transfer
from payments.chains.endpoint import Endpoint, NodeFault
from payments.chains.fees import QUESTIONS, TransferCost
from payments.chains.pool import pool_of
from payments.chains.tokens import token_of
from payments.chains.watching import look_of_chain
from payments.networks import NETWORKS, normal_txid


@dataclass(frozen=True, slots=True)
class Position:
    """Where a transaction stands in its chain; the fields are those of Transfer."""

    block_number: int
    block_hash: str
    block_time: datetime | None
    confirmations: int
    is_final: bool


class NodeReader(ChainReader):
    """A reader whose subclasses only put questions to one node; two nodes must tell the same before it is believed."""

    max_lag: ClassVar[int]  # blocks behind the best head at which a node is no longer believed
    call_seconds: ClassVar[int | None] = None

    def __init__(self) -> None:
        self._pool = pool_of(self.chain, probe=self._read_head, max_lag=self.max_lag, seconds=self.call_seconds)
        self._genuine: set[str] = set()  # nodes that have shown the right first block

    def normalise_txid(self, text: str) -> str:
        txid = normal_txid(NETWORKS[self.networks[0]], text)
        if not txid:
            raise MalformedHash(self.chain, text[:100])
        return txid

    def normalise_address(self, text: str) -> str:
        return require_address(self.chain, text)

    def read_transaction(self, txid: str) -> tuple[Transfer, ...]:
        return self._pool.ask_agreed(lambda endpoint: self._read(endpoint, txid), facts_of)

    def block_hash_at(self, number: int) -> str:
        return self._pool.ask_agreed(lambda endpoint: self._read_block_hash(endpoint, number), lambda told: told)

    def transfer_costs(self) -> tuple[TransferCost, ...]:
        if self.chain not in QUESTIONS:
            return super().transfer_costs()
        return self._pool.ask(QUESTIONS[self.chain])

    def transfers_to(self, address: str, cursor: str, since: datetime) -> Scan:
        look = look_of_chain(self.chain)
        return self._pool.ask(lambda endpoint: look(endpoint, address, cursor, since))

    def _require_landmark(self, endpoint: Endpoint, number: int, block_hash: str) -> None:
        """Raises: NodeFault wrong_chain when the node has another block at this height, or none."""
        if endpoint.url in self._genuine:
            return
        try:
            told = self._read_block_hash(endpoint, number)
        except NotSeen:
            told = ""
        if told != block_hash:
            raise NodeFault("wrong_chain", told)
        self._genuine.add(endpoint.url)

    @abstractmethod
    def _read_head(self, endpoint: Endpoint) -> int:
        """The height of the node's head. Raises: NodeFault."""

    @abstractmethod
    def _read(self, endpoint: Endpoint, txid: str) -> tuple[Transfer, ...]:
        """What one node says of a transaction. Raises: NodeFault, NotSeen, Pending."""

    @abstractmethod
    def _read_block_hash(self, endpoint: Endpoint, number: int) -> str:
        """What one node says of a height. Raises: NodeFault, NotSeen."""


class Moves:
    """Adds up what one transaction moved, by contract and recipient."""

    def __init__(self) -> None:
        self._sums: dict[tuple[str, str], int] = {}

    def add(self, contract: str, recipient: str, raw_amount: int) -> None:
        """`contract` is "" for the chain's own coin."""
        key = contract, recipient
        self._sums[key] = self._sums.get(key, 0) + raw_amount

    def amounts_to(self, recipient: str) -> dict[str, int]:
        """contract → what came to `recipient`; sums above zero only."""
        return {contract: amount for (contract, to), amount in self._sums.items() if to == recipient and amount > 0}

    def transfers(self, reader: ChainReader, txid: str, position: Position) -> tuple[Transfer, ...]:
        """One Transfer for each sum above zero."""
        return tuple(
            _transfer(reader, txid, position, contract=contract, recipient=recipient, raw_amount=amount)
            for (contract, recipient), amount in self._sums.items()
            if amount > 0
        )


def failed_transfer(reader: ChainReader, txid: str, position: Position, contract: str = "") -> tuple[Transfer, ...]:
    """What a transaction that failed on the chain moved: nothing, said aloud."""
    return (_transfer(reader, txid, position, contract=contract, recipient="", raw_amount=0, succeeded=False),)


def facts_of(transfers: tuple[Transfer, ...]) -> Hashable:
    """What two nodes must tell alike. Confirmations are left out: heads differ by a block all the time."""
    return tuple(
        sorted(
            (one.contract, one.recipient, one.raw_amount, one.succeeded, one.block_hash, one.is_final)
            for one in transfers
        )
    )


def _transfer(
    reader: ChainReader,
    txid: str,
    position: Position,
    *,
    contract: str,
    recipient: str,
    raw_amount: int,
    succeeded: bool = True,
) -> Transfer:
    token = token_of(reader.chain, contract) if contract else None
    if token:
        asset, digits = token.asset, token.digits
    else:
        asset, digits = ("", 0) if contract else (reader.native_asset, reader.native_digits)
    return Transfer(
        chain=reader.chain,
        txid=txid,
        asset=asset,
        contract=contract,
        recipient=recipient,
        raw_amount=raw_amount,
        raw_digits=digits,
        succeeded=succeeded,
        block_number=position.block_number,
        block_hash=position.block_hash,
        block_time=position.block_time,
        confirmations=position.confirmations,
        is_final=position.is_final,
    )
