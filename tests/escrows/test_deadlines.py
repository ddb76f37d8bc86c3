"""Which deadline runs, and when it is warned of (E12)."""

from datetime import UTC, datetime, timedelta

import pytest

from escrows.deadlines import ACCEPTANCE, DELIVERY, INSPECTION, OFFER, PAYMENT, deadline_of, warning_due
from escrows.models import Escrow
from escrows.states import Status

AT = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


def a_trade(status: Status, **facts: object) -> Escrow:
    return Escrow(status=status, delivery_hours=48, inspection_hours=24, **facts)


@pytest.mark.parametrize(
    ("status", "field", "name"),
    [
        (Status.CREATED, "expires_at", OFFER),
        (Status.PAYMENT_PENDING, "expires_at", PAYMENT),
        (Status.PAYMENT_CONFIRMED, "accept_by", ACCEPTANCE),
        (Status.ACTIVE, "delivery_deadline", DELIVERY),
        (Status.DELIVERED, "inspection_ends_at", INSPECTION),
    ],
)
def test_each_live_status_has_its_deadline(status: Status, field: str, name: str) -> None:
    deadline = deadline_of(a_trade(status, **{field: AT}))
    assert deadline is not None
    assert (deadline.name, deadline.at) == (name, AT)
    assert deadline_of(a_trade(status)) is None


@pytest.mark.parametrize(
    "status", [Status.DISPUTED, Status.COMPLETED, Status.REFUNDED, Status.CANCELLED, Status.EXPIRED]
)
def test_time_decides_nothing_in_the_others(status: Status) -> None:
    facts = dict.fromkeys(("expires_at", "accept_by", "delivery_deadline", "inspection_ends_at"), AT)
    assert deadline_of(a_trade(status, **facts)) is None


@pytest.mark.parametrize(
    ("before", "lead"),
    [
        (timedelta(hours=24, seconds=1), None),
        (timedelta(hours=24), 1440),
        (timedelta(hours=8, seconds=1), 1440),
        (timedelta(hours=8), 480),
        (timedelta(hours=2), 120),
        (timedelta(minutes=30, seconds=1), 120),
        (timedelta(minutes=30), 30),
        (timedelta(seconds=1), 30),
        (timedelta(0), 0),
        (-timedelta(days=30), 0),
    ],
)
def test_the_shortest_lead_reached_is_the_one_that_is_due(before: timedelta, lead: int | None) -> None:
    due = warning_due(a_trade(Status.ACTIVE, delivery_deadline=AT), AT - before)
    assert (due.lead_minutes if due else None) == lead


@pytest.mark.parametrize(("hours", "least"), [(1, 30), (2, 30), (8, 120), (24, 480), (25, 1440)])
def test_a_lead_as_long_as_the_whole_period_is_no_warning(hours: int, least: int) -> None:
    escrow = a_trade(Status.ACTIVE, delivery_deadline=AT)
    escrow.delivery_hours = hours
    moments = (AT - timedelta(hours=hours) + timedelta(minutes=step) for step in range(hours * 60))
    leads = {due.lead_minutes for moment in moments if (due := warning_due(escrow, moment))}
    assert max(leads) == least


@pytest.mark.parametrize(
    ("status", "field"),
    [
        (Status.CREATED, "expires_at"),
        (Status.PAYMENT_PENDING, "expires_at"),
        (Status.PAYMENT_CONFIRMED, "accept_by"),
        (Status.DELIVERED, "inspection_ends_at"),
    ],
)
def test_what_ends_by_itself_is_not_warned_of_afterwards(status: Status, field: str) -> None:
    assert warning_due(a_trade(status, **{field: AT}), AT) is None


def test_nobody_is_warned_while_a_release_runs() -> None:
    escrow = a_trade(Status.ACTIVE, delivery_deadline=AT, release_due_at=AT)
    assert warning_due(escrow, AT - timedelta(hours=1)) is None
