"""What somebody looks at before they agree to a payout: the owner's history, what speaks for caution, and the exact
entries that would be posted, from the same functions that post them (A2, W8).

What a room above the books knows of a person (trades, disputes) it tells through register_background().
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import Sum

from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.models import Event
from lockbay.people.models import User
from wallets.debts import debt_of
from wallets.models import Approval, Decision, Destination, Withdrawal
from wallets.money import Money
from wallets.withdrawal_legs import APPROVE, SETTLE, approve_legs, settle_legs
from wallets.withdrawal_policy import (
    HOME_ASSET,
    NEEDS_REGISTRATION,
    is_same_person,
    needs_two,
    stopped_asset,
    velocity_excess,
)
from wallets.withdrawal_states import WithdrawalStatus

NEW_DESTINATION = timedelta(days=3)
YOUNG_ACCOUNT = timedelta(days=7)
RECENT = timedelta(days=90)


@dataclass(frozen=True)
class Background:
    """What the agreement knows of a person: completed trades and their volume, and disputes that are open."""

    completed_trades: int = 0
    volume: Money = field(default_factory=lambda: Money(0, HOME_ASSET))
    open_disputes: int = 0


@dataclass(frozen=True)
class History:
    """The owner until now."""

    joined_at: datetime
    background: Background
    completed_withdrawals: int
    withdrawn: Money
    earlier: tuple[Withdrawal, ...]
    debt: Money


@dataclass(frozen=True)
class EntryLine:
    """One entry that would be posted: `purpose` is approve or settle."""

    purpose: str
    account: str
    money: Money


@dataclass(frozen=True)
class Review:
    """`hints` are codes that the page has sentences for; `approvals` those of the present revision."""

    withdrawal: Withdrawal
    history: History
    hints: tuple[str, ...]
    approvals: tuple[Approval, ...]
    needs_two: bool
    lines: tuple[EntryLine, ...]

    def waits_for_second(self) -> bool:
        """One of two has agreed."""
        return self.needs_two and len(self.approvals) == 1

    def is_decided_by(self, person: User) -> bool:
        """Whether `person` is the one who agreed already: it needs another now."""
        return any(approval.staff_id == person.pk for approval in self.approvals)

    def is_own(self, person: User) -> bool:
        """Whether it is `person`'s own money."""
        return is_same_person(person, self.withdrawal.owner_id)


_backgrounds: list[Callable[[int], Background]] = []


def register_background(background: Callable[[int], Background]) -> None:
    """Called once at start by the room that knows the trades; takes a user's id."""
    _backgrounds[:] = [background]


def review_of(withdrawal: Withdrawal, payout: Money | None = None) -> Review:
    """Everything about it now; `payout` is what approving it now would send."""
    history = _history_of(withdrawal)
    approvals = withdrawal.approvals.filter(revision=withdrawal.revision, decision=Decision.APPROVE)
    return Review(
        withdrawal=withdrawal,
        history=history,
        hints=tuple(_hints_of(withdrawal, history)),
        approvals=tuple(approvals.select_related("staff").order_by("pk")),
        needs_two=needs_two(withdrawal),
        lines=preview_lines(withdrawal, payout),
    )


def preview_lines(withdrawal: Withdrawal, payout: Money | None = None) -> tuple[EntryLine, ...]:
    """What the approval posts now, and what the completed payout will post."""
    both = ((APPROVE, approve_legs(withdrawal)), (SETTLE, settle_legs(withdrawal, payout)))
    return tuple(EntryLine(purpose, str(code), money) for purpose, legs in both for code, money in legs)


def _history_of(withdrawal: Withdrawal) -> History:
    others = Withdrawal.objects.filter(owner_id=withdrawal.owner_id).exclude(pk=withdrawal.pk)
    completed = others.filter(status=WithdrawalStatus.COMPLETED)
    total = completed.aggregate(total=Sum("amount_minor"))["total"] or 0
    return History(
        joined_at=withdrawal.owner.date_joined,
        background=_backgrounds[0](withdrawal.owner_id) if _backgrounds else Background(),
        completed_withdrawals=completed.count(),
        withdrawn=Money(int(total), withdrawal.asset),
        earlier=tuple(others.order_by("-pk")[:5]),
        debt=debt_of(withdrawal.owner_id, withdrawal.asset),
    )


def _hints_of(withdrawal: Withdrawal, history: History) -> Sequence[str]:
    now, destination = clock.now(), withdrawal.destination
    found = {
        "new_destination": withdrawal.requested_at - destination.created_at < NEW_DESTINATION,
        "shared_destination": _is_shared(destination),
        "first_withdrawal": not history.completed_withdrawals,
        "more_than_volume": history.background.volume < withdrawal.amount,
        "young_account": now - history.joined_at < YOUNG_ACCOUNT,
        "open_dispute": bool(history.background.open_disputes),
        "vanished_deposit": _happened(withdrawal.owner_id, Kind.DEPOSIT_VANISHED, now),
        "debt": bool(history.debt) or _happened(withdrawal.owner_id, Kind.DEBT_COLLECTED, now),
        "changed": withdrawal.revision > 1,
        "must_be_registered": withdrawal.rail in NEEDS_REGISTRATION and not destination.registered_as,
        "too_much_this_hour": _is_waiting(withdrawal) and velocity_excess(withdrawal, now) is not None,
        "stopped": stopped_asset(withdrawal) is not None,
    }
    return [code for code, is_so in found.items() if is_so]


def _is_waiting(withdrawal: Withdrawal) -> bool:
    return withdrawal.status == WithdrawalStatus.PENDING_APPROVAL


def _is_shared(destination: Destination) -> bool:
    others = Destination.objects.filter(fingerprint=destination.fingerprint)
    return others.exclude(owner_id=destination.owner_id).exists()


def _happened(user_id: int, kind: Kind, now: datetime) -> bool:
    return Event.objects.filter(kind=kind, at__gt=now - RECENT, data__user_id=user_id).exists()
