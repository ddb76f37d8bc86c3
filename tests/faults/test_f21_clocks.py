"""F21: this machine's clock is ten minutes off, or steps back, or stands in a zone with summer time: nothing ends
early, nothing is late that was not. Who is in time is said by the database's clock alone."""

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from escrows.deadlines import deadline_of
from escrows.jobs import run_deadlines
from escrows.states import Status
from lockbay import clock
from payments.models import Deposit, InboxEvent, Intent
from tests.cast import a_delivered_trade, a_paid_trade, a_waiting_trade, an_active_trade
from tests.payments.money_in import an_intent, post, raw_of

pytestmark = pytest.mark.django_db(transaction=True)

OFF = [timedelta(minutes=10), -timedelta(minutes=10)]
NEAR = timedelta(minutes=4)


@pytest.fixture(params=OFF, ids=["fast", "slow"])
def skewed(request: pytest.FixtureRequest) -> Iterator[timedelta]:
    """Inside, this machine's clock is off; the database's is not."""
    with time_machine.travel(datetime.now(UTC) + request.param, tick=True):
        assert abs(clock.real_now() - clock.database_now()) > NEAR
        yield request.param


def ends_in(intent: Intent, left: timedelta) -> Intent:
    Intent.objects.filter(pk=intent.pk).update(expires_at=clock.database_now() + left)
    intent.refresh_from_db()
    return intent


def pays(intent: Intent) -> None:
    assert post(raw_of(intent)).status_code == 200


@pytest.mark.parametrize(("left", "is_late"), [(NEAR, False), (-NEAR, True)], ids=["before", "after"])
def test_a_payment_is_in_time_by_the_databases_clock(skewed: timedelta, left: timedelta, is_late: bool) -> None:
    intent = ends_in(an_intent(price="20.00"), left)
    pays(intent)
    assert (Deposit.objects.get().first_seen_at > intent.expires_at) is is_late
    assert abs(InboxEvent.objects.get().received_at - clock.database_now()) < NEAR


@pytest.mark.parametrize(
    ("build", "name", "after"),
    [
        (a_waiting_trade, "expires_at", Status.EXPIRED),
        (a_paid_trade, "accept_by", Status.REFUNDED),
        (a_delivered_trade, "inspection_ends_at", Status.COMPLETED),
    ],
    ids=["expiry", "acceptance", "inspection"],
)
def test_a_deadline_falls_when_the_database_says_so(skewed: timedelta, build, name: str, after: Status) -> None:  # type: ignore[no-untyped-def]
    soon, over = build(), build()
    type(soon).objects.filter(pk=soon.pk).update(**{name: clock.database_now() + NEAR})
    type(over).objects.filter(pk=over.pk).update(**{name: clock.database_now() - timedelta(seconds=1)})
    before = soon.status
    run_deadlines()
    soon.refresh_from_db()
    over.refresh_from_db()
    assert (soon.status, over.status) == (before, after)


def test_a_new_deadline_is_counted_from_the_databases_clock(skewed: timedelta) -> None:
    escrow = an_active_trade(hours=24)
    assert escrow.delivery_deadline is not None
    assert abs(escrow.delivery_deadline - clock.database_now() - timedelta(hours=24)) < NEAR


def test_a_clock_that_steps_back_between_two_steps_changes_no_deadline() -> None:
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=10), tick=True):
        escrow = an_active_trade(hours=24)
    deadline = deadline_of(escrow)
    assert deadline is not None
    run_deadlines()
    escrow.refresh_from_db()
    assert (escrow.status, escrow.delivery_deadline) == (Status.ACTIVE, deadline.at)
    assert abs(deadline.at - clock.database_now() - timedelta(hours=24)) < NEAR


@pytest.fixture(params=["Europe/Berlin", "America/New_York"])
def zone(request: pytest.FixtureRequest) -> Iterator[None]:
    """The machine stands in a zone with summer time."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = request.param
    time.tzset()
    yield
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


def test_the_zone_of_the_machine_is_no_part_of_any_deadline(zone: None) -> None:
    """Nothing is counted in local time, so no hour is there twice and none is missing when summer time changes."""
    escrow = an_active_trade(hours=24)
    assert escrow.delivery_deadline is not None
    assert abs(escrow.delivery_deadline - datetime.now(UTC) - timedelta(hours=24)) < NEAR
    intent = ends_in(an_intent(price="20.00"), NEAR)
    pays(intent)
    assert Deposit.objects.get().first_seen_at < intent.expires_at
    assert abs(clock.database_now() - datetime.now(UTC)) < NEAR
