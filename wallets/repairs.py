"""Repairs (A3): what a kind of repair is, and how it is run so that what was shown is exactly what is done.

Every room registers its kinds. A kind does its work inside the caller's transaction; a preview is the same work, rolled
back. What was posted and recorded meanwhile is the preview, so the two cannot differ.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from django.conf import settings

from lockbay.people.models import User
from wallets.debts import COLLECTED
from wallets.errors import InsufficientFunds, RepairRefused
from wallets.models import Entry, Repair
from wallets.money import Money, exact_money
from wallets.posted import Noted, note_everything
from wallets.withdrawal_policy import HOME_ASSET, is_same_person


@dataclass(frozen=True)
class Order:
    """What a kind is to do: `given` is what was typed into its form, `key` unique to the repair for what it posts."""

    actor: User
    key: str
    subject_type: str
    subject_id: int
    given: Mapping[str, str]
    reason: str


@dataclass(frozen=True)
class Change:
    """Something that is not an entry: `what` of `name` goes from `before` ("" when new) to `after`. What `is_running`
    moves with the clock: it is shown, and no reason to look again."""

    what: str
    name: str
    before: str
    after: str
    is_running: bool = False


@dataclass(frozen=True)
class Performed:
    """What a kind says of its work besides entries and events. `people` it concerns must not repair it themselves;
    `stake` is what it decides about when that is more than it moves; `mark` changes when its subject does."""

    changes: tuple[Change, ...] = ()
    people: frozenset[int] = frozenset()
    stake: Money | None = None
    mark: str = ""


class RepairKind(Protocol):
    """One kind of repair. Its form is templates/admin/repairs/form_NAME.html."""

    name: str

    def offer(self, subject_type: str, subject_id: int) -> dict[str, Any] | None:
        """What the form shows; None where this kind does not start from the subject."""

    def perform_within(self, order: Order) -> Performed:
        """Does it inside the caller's transaction. Raises: RepairRefused, InsufficientFunds."""


@dataclass(frozen=True)
class ShownEntry:
    """One ledger entry: kind of its operation, account code, signed amount."""

    operation: str
    account: str
    money: Money


@dataclass(frozen=True)
class RepairPreview:
    """Exactly what a repair does. `digest` covers entries, changes, messages and the state they were made from."""

    entries: tuple[ShownEntry, ...]
    changes: tuple[Change, ...]
    messages: tuple[str, ...]
    amount: Money
    needs_two: bool
    digest: str
    operations: tuple[str, ...] = ()

    def as_shown(self) -> dict[str, list[Any]]:
        """What is kept of it."""
        return {
            "entries": [[entry.operation, entry.account, str(entry.money)] for entry in self.entries],
            "changes": [[one.what, one.name, one.before, one.after] for one in self.changes],
            "messages": list(self.messages),
        }


_kinds: dict[str, RepairKind] = {}


def register_repair(kind: RepairKind) -> None:
    """Called in AppConfig.ready by the room that owns what is repaired."""
    _kinds[kind.name] = kind


def repair_kind(name: str) -> RepairKind:
    """Raises: RepairRefused."""
    try:
        return _kinds[name]
    except KeyError:
        raise RepairRefused("unknown_kind") from None


def offers_for(subject_type: str, subject_id: int) -> list[tuple[str, dict[str, Any]]]:
    """(name of the kind, what its form shows) of every repair that starts from the subject."""
    offers = [(name, kind.offer(subject_type, subject_id)) for name, kind in _kinds.items()]
    return [(name, offer) for name, offer in offers if offer is not None]


def order_for(repair: Repair, *, actor: User, reason: str) -> Order:
    """What a stored repair orders, by whoever does it now."""
    return Order(
        actor=actor,
        key=f"repair:{repair.pk}",
        subject_type=repair.subject_type,
        subject_id=repair.subject_id,
        given=repair.parameters,
        reason=reason,
    )


def run_within(kind: str, order: Order) -> RepairPreview:
    """Does it inside the caller's transaction and says what that was.

    Raises: RepairRefused, also when it touches money of the person who orders it.
    """
    try:
        with note_everything() as noted:
            performed = repair_kind(kind).perform_within(order)
    except InsufficientFunds as error:
        facts = {"available": Money(error.available, error.asset), "wanted": Money(error.wanted, error.asset)}
        raise RepairRefused("insufficient_funds", account=error.code, **facts) from error
    rows = list(
        Entry.objects.filter(operation_id__in=noted.operation_ids).select_related("operation", "account").order_by("pk")
    )
    owners = {row.account.owner_id for row in rows if row.account.owner_id is not None}
    require_nobodys_own(order.actor, owners | performed.people)
    return _preview_of(kind, order, performed, rows, noted)


def require_nobodys_own(actor: User, people: Iterable[int]) -> None:
    """Nobody repairs for themselves, under whichever of their accounts. Raises: RepairRefused."""
    if any(is_same_person(actor, person) for person in sorted(people)):
        raise RepairRefused("own_money")


def _preview_of(kind: str, order: Order, performed: Performed, rows: list[Entry], noted: Noted) -> RepairPreview:
    entries = tuple(ShownEntry(row.operation.kind, row.account.code, row.money) for row in rows)
    amount, is_valued = _amount_of(rows)
    amount = amount if performed.stake is None else max(amount, performed.stake)
    messages = tuple(event.kind for event in noted.events)
    covered = [
        *(kind, order.subject_type, order.subject_id, sorted(order.given.items()), performed.mark),
        [[entry.operation, entry.account, str(entry.money)] for entry in entries],
        [[one.what, one.name, one.before, "" if one.is_running else one.after] for one in performed.changes],
        messages,
    ]
    return RepairPreview(
        entries=entries,
        changes=performed.changes,
        messages=messages,
        amount=amount,
        needs_two=not is_valued or exact_money(settings.REPAIR_TWO_PEOPLE_ABOVE_USD, HOME_ASSET) < amount,
        digest=hashlib.sha256(json.dumps(covered).encode()).hexdigest()[:32],
        operations=tuple(dict.fromkeys(row.operation.key for row in rows)),
    )


def _amount_of(rows: list[Entry]) -> tuple[Money, bool]:
    """What moves in the home asset, and whether every operation says what it is worth there. What goes on to a debt
    has been counted when it came in."""
    moving = [row for row in rows if row.operation.kind != COLLECTED]
    total = sum(row.amount for row in moving if row.asset == HOME_ASSET and row.amount > 0)
    valued = {row.operation_id for row in moving if row.asset == HOME_ASSET}
    return Money(total, HOME_ASSET), {row.operation_id for row in moving} <= valued
