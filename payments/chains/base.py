"""The contract of a chain reader: one file per chain says what really happened to whom, in raw integers.

A reader never decides whether a payment is good enough: that is `checks`. It answers what the chain holds, or says that
it cannot know. There are two ways of not knowing, and both mean "wait", never "refuse": NotSeen (the nodes are fine and
none of them has the transaction in a block) and Unknown (no node can be believed now, or they disagree).
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from payments.chains.fees import TransferCost


class ChainError(Exception):
    """Base of everything a reader raises."""


class MalformedHash(ChainError):
    """This text is no transaction id of this chain. Found out without any call."""


class MalformedAddress(ChainError):
    """This text is no address of this chain: format or checksum. Found out without any call."""


class Wait(ChainError):
    """Nothing can be said yet: ask again later. Never credits, never refuses."""


class NotSeen(Wait):
    """The nodes are fine and none of them knows the transaction."""


class Pending(NotSeen):
    """A node has the transaction, no block does. `mark` (may be "") is kept and given to `is_replaced` later."""

    def __init__(self, txid: str, mark: str = "") -> None:
        super().__init__(txid)
        self.mark = mark


class Unknown(Wait):
    """No node can be believed now, or nodes disagree; the text is for staff."""


class UnknownChain(ChainError):
    """No reader serves this chain or network."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """What one transaction moved to one recipient in one asset; several outputs of that kind are summed.

    `asset` is ours, "" for a token that is not allow-listed; `contract` its contract, mint or coin type, "" for the
    chain's own coin. `raw_amount` counts the smallest unit as it arrived; `raw_digits` is the allow-list's number of
    decimals (0 when `asset` is ""), never the answer's. `recipient` is normalised, "" when the transaction failed
    before it said whom. `block_number` None: not in a block yet. `confirmations` are counted from the head minus one.
    """

    chain: str
    txid: str
    asset: str
    contract: str
    recipient: str
    raw_amount: int
    raw_digits: int
    succeeded: bool
    block_number: int | None
    block_hash: str
    block_time: datetime | None
    confirmations: int
    is_final: bool


@dataclass(frozen=True, slots=True)
class Sighting:
    """A hint that `txid` brought an allow-listed asset to a watched address: one per (txid, asset), outputs summed.

    Amounts are as in Transfer. `at` is the block's time; None: in no block yet.
    """

    txid: str
    asset: str
    contract: str
    raw_amount: int
    raw_digits: int
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Scan:
    """What one look at an address found; the next one starts at `cursor`, which only its chain's reader understands.

    `is_done` False: there is more to read at once. `blocks_left` counts blocks between there and the head, where a
    chain is walked block by block.
    """

    sightings: tuple[Sighting, ...]
    cursor: str
    is_done: bool = True
    blocks_left: int = 0


class ChainReader(ABC):
    """One chain. Subclasses fill the class data. The two `normalise_` methods are pure; the rest uses the network and
    is refused inside a transaction (P3)."""

    chain: ClassVar[str]  # as in payments.networks, e.g. "ethereum"
    networks: ClassVar[Sequence[str]]  # e.g. ("ETH", "ERC20")
    native_asset: ClassVar[str]  # e.g. "ETH"
    native_digits: ClassVar[int]
    confirmations_needed: ClassVar[int]  # P9; 1 where the chain itself says "final"

    @abstractmethod
    def normalise_txid(self, text: str) -> str:
        """The one spelling of a transaction id. Raises: MalformedHash."""

    @abstractmethod
    def normalise_address(self, text: str) -> str:
        """The one spelling of an address, for comparing and storing; format and checksum are validated.

        Raises: MalformedAddress.
        """

    @abstractmethod
    def read_transaction(self, txid: str) -> tuple[Transfer, ...]:
        """Every transfer in one transaction, allow-listed or not; empty when it moved nothing.

        A failed transaction is one Transfer (or more) with `succeeded` False. `txid` is normalised.
        Raises: NotSeen, Pending, Unknown.
        """

    @abstractmethod
    def block_hash_at(self, number: int) -> str:
        """The hash of the block at this height now. Raises: NotSeen (the chain is shorter), Unknown."""

    @abstractmethod
    def transfers_to(self, address: str, cursor: str, since: datetime) -> Scan:
        """Transfers of allow-listed assets to a normalised address, from `cursor` on ("" for the first time), and none
        that anybody can have meant before `since`.

        Each is a hint that names a txid: read_transaction is what proves it. The same one may come again.
        Raises: Unknown; NotSeen when no node that answers keeps histories.
        """

    def is_replaced(self, txid: str, mark: str) -> bool:
        """True when the transaction of an earlier Pending can never be mined any more (F28); False when unsure."""
        return False

    def transfer_costs(self) -> "tuple[TransferCost, ...]":
        """What sending costs on this chain now, as one believed node tells. Raises: Unknown; UnknownChain when the
        chain's nodes tell no price."""
        raise UnknownChain(f"{self.chain} tells no price")

    @property
    def recheck_depth(self) -> int:
        """Confirmations up to which the block hash is compared again (P9)."""
        return 2 * self.confirmations_needed
