"""What deposits are for. This room has never heard of agreements: an intent carries a purpose and a reference, and
whoever
owns the purpose registers a handler that runs inside the transaction which credits the deposit (E7)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from lockbay.events.recording import NewEvent
from payments.errors import UnknownPurpose
from payments.models import Intent
from wallets.ledger import Leg, NewOperation
from wallets.money import Money


@dataclass(frozen=True)
class CreditedDeposit:
    """A confirmed deposit about to be credited.

    `received` is coin, `value` what it is worth in the intent's price asset: at the intent's frozen rate when first
    seen
    inside its window, at a fresh one when late. The handler posts one operation under `credit_key`: `source_legs`
    plus legs
    that are worth +`value`. `is_again`: it was credited before, vanished, and is confirmed again (P7).
    `correlation_id` is that of the event that confirmed it, for the events of the plan (P11). `unknown_for` is how long
    the payment was there before a person found it for us (A3): clocks stood meanwhile (E15).
    """

    deposit_id: int
    intent: Intent
    received: Money
    value: Money
    is_late: bool
    seen_at: datetime
    confirmed_at: datetime
    credit_key: str
    reference: str
    source_legs: tuple[Leg, ...]
    is_again: bool = False
    correlation_id: str = ""
    unknown_for: timedelta = timedelta(0)


@dataclass(frozen=True)
class VanishedDeposit:
    """A credited deposit that vanished from its chain (P7): what it did for its purpose is undone.

    `value` is what the credit was worth. The handler posts one operation under `key` that names `reverses_id`:
    `source_legs`, the opposite of the credit's, worth +`value`, plus legs that take −`value` from whoever has it.
    """

    deposit_id: int
    intent: Intent
    received: Money
    value: Money
    is_late: bool
    credit_key: str
    key: str
    reverses_id: int
    reference: str
    source_legs: tuple[Leg, ...]


@dataclass
class Plan:
    """What a handler wants done. `apply` runs after every lock and before the posting: statuses, by compare-and-set."""

    operations: list[NewOperation] = field(default_factory=list)
    events: list[NewEvent] = field(default_factory=list)
    apply: Callable[[], None] = lambda: None


class PurposeHandler(Protocol):
    """Both parts cost the same number of queries whatever the length of the list."""

    def lock(self, references: Sequence[str]) -> Any:
        """Locks the handler's own rows, in primary-key order, in one query."""

    def plan(self, locked: Any, deposits: Sequence[CreditedDeposit]) -> Plan:
        """What to post, record and change for these deposits, given what lock() returned."""

    def take_back(self, locked: Any, vanished: Sequence[VanishedDeposit]) -> Plan:
        """What to post, record and change because these credits are undone, given what lock() returned. Whatever it
        takes money from is locked by one call of ledger.lock_balances()."""


Describer = Callable[[str], dict[str, str]]
_handlers: dict[str, PurposeHandler] = {}
_describers: dict[str, Describer] = {}


def register(purpose: str, handler: PurposeHandler) -> None:
    """Called in AppConfig.ready by whoever owns `purpose`."""
    _handlers[purpose] = handler


def register_describer(purpose: str, describer: Describer) -> None:
    """Adds what staff are shown of a reference before and after: names and values, as they are now."""
    _describers[purpose] = describer


def describe(purpose: str, reference: str) -> dict[str, str]:
    """What the owner of `purpose` says of a reference; nothing when it has nothing to say."""
    describer = _describers.get(purpose)
    return {} if describer is None else describer(reference)


def handler_of(purpose: str) -> PurposeHandler:
    """Raises: UnknownPurpose."""
    try:
        return _handlers[purpose]
    except KeyError:
        raise UnknownPurpose(purpose) from None
