"""Which deadlines a trade has, and which warning is due (E12): pure functions of the row and the moment."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from escrows.models import Escrow, Side
from escrows.states import Status

OFFER, PAYMENT, ACCEPTANCE, DELIVERY, INSPECTION = "offer", "payment", "acceptance", "delivery", "inspection"
LEADS = tuple(timedelta(minutes=minutes) for minutes in (24 * 60, 8 * 60, 2 * 60, 30))


@dataclass(frozen=True)
class Deadline:
    """`name` falls at `at`; `period` is how long the whole wait is."""

    name: str
    at: datetime
    period: timedelta


@dataclass(frozen=True)
class NearWarning:
    """`lead_minutes` before `deadline`: what DeadlineWarning keeps, so that it is given once."""

    deadline: Deadline
    lead_minutes: int


@dataclass(frozen=True)
class WaitingClock:
    """A deadline that has not started: the party on `side` was not told yet (N8). It waits since `since`; then `period`
    runs, and `column` keeps its end."""

    name: str
    side: str
    column: str
    period: timedelta
    since: datetime


def waiting_clock_of(escrow: Escrow) -> WaitingClock | None:
    """The clock that starts when its party is told; None when none waits.

    Without a seller nobody can be told: then the time to accept runs from the payment on, for the buyer's sake.
    """
    if escrow.status == Status.PAYMENT_CONFIRMED and escrow.accept_by is None and escrow.payment_confirmed_at:
        since = escrow.payment_confirmed_at
        return WaitingClock(ACCEPTANCE, Side.SELLER.value, "accept_by", settings.ACCEPT_WINDOW, since)
    if escrow.status == Status.DELIVERED and escrow.inspection_ends_at is None and escrow.delivered_at:
        period = timedelta(hours=escrow.inspection_hours)
        return WaitingClock(INSPECTION, Side.BUYER.value, "inspection_ends_at", period, escrow.delivered_at)
    return None


def untold_name(waiting: WaitingClock) -> str:
    """What the warning to staff is kept under: that nobody was told of a clock."""
    return f"untold_{waiting.name}"


def deadline_of(escrow: Escrow) -> Deadline | None:
    """The one deadline that runs now; None when time decides nothing, as in a frozen trade (P7)."""
    if escrow.frozen_at is not None:
        return None
    if escrow.status == Status.CREATED and escrow.expires_at is not None:
        return Deadline(OFFER, escrow.expires_at, settings.OFFER_WINDOW)
    if escrow.status == Status.PAYMENT_PENDING and escrow.expires_at is not None:
        return Deadline(PAYMENT, escrow.expires_at, settings.PAYMENT_WINDOW)
    if escrow.status == Status.PAYMENT_CONFIRMED and escrow.accept_by is not None:
        return Deadline(ACCEPTANCE, escrow.accept_by, settings.ACCEPT_WINDOW)
    if escrow.status == Status.ACTIVE and escrow.delivery_deadline is not None:
        return Deadline(DELIVERY, escrow.delivery_deadline, timedelta(hours=escrow.delivery_hours))
    if escrow.status == Status.DELIVERED and escrow.inspection_ends_at is not None:
        return Deadline(INSPECTION, escrow.inspection_ends_at, timedelta(hours=escrow.inspection_hours))
    return None


def warning_due(escrow: Escrow, now: datetime) -> NearWarning | None:
    """The warning that `now` calls for: the shortest lead already reached, so a late job skips to the urgent one.

    None before the first lead and while a release runs. After the deadline none either, but for the delivery: nothing
    happens by itself then, so both are told once that it is over (lead 0). A lead counts only when it is shorter than
    the whole period.
    """
    deadline = deadline_of(escrow)
    if deadline is None or escrow.release_due_at is not None:
        return None
    if deadline.at <= now:
        return NearWarning(deadline=deadline, lead_minutes=0) if deadline.name == DELIVERY else None
    reached = [lead for lead in LEADS if lead < deadline.period and deadline.at - lead <= now]
    if not reached:
        return None
    return NearWarning(deadline=deadline, lead_minutes=int(min(reached).total_seconds() // 60))
