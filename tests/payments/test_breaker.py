"""A source that fails three times in a row is left alone for a minute, by all processes (R2)."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from structlog.testing import capture_logs

from lockbay import clock
from payments import breaker
from payments.models import Breaker
from tests.at_once import at_once

pytestmark = pytest.mark.django_db


def fail(times):
    for _ in range(times):
        breaker.record_failure("fastforex")


def test_two_failures_leave_it_closed_and_the_third_opens_it():
    fail(2)
    assert breaker.may_ask("fastforex")
    opened = breaker.OPENED.total("fastforex")
    with capture_logs() as logs:
        fail(1)
    assert not breaker.may_ask("fastforex")
    assert breaker.OPENED.total("fastforex") == opened + 1
    assert logs == [
        {"event": "CIRCUIT_BREAKER_OPEN", "source": "fastforex", "failures": 3, "seconds": 60, "log_level": "error"}
    ]


def test_a_success_between_failures_starts_the_count_over():
    fail(2)
    breaker.record_success("fastforex")
    fail(2)
    assert breaker.may_ask("fastforex")


def test_one_source_does_not_close_another():
    fail(3)
    assert breaker.may_ask("coingecko")


def test_after_a_minute_one_caller_may_try_and_the_others_wait():
    with time_machine.travel(datetime(2026, 5, 1, tzinfo=UTC), tick=False) as traveller:
        fail(3)
        traveller.shift(59)
        assert not breaker.may_ask("fastforex")
        traveller.shift(2)
        assert breaker.may_ask("fastforex")
        assert not breaker.may_ask("fastforex")
        breaker.record_success("fastforex")
        assert breaker.may_ask("fastforex")


def test_a_failed_try_opens_it_again_at_once():
    with time_machine.travel(datetime(2026, 5, 1, tzinfo=UTC), tick=False) as traveller:
        fail(3)
        traveller.shift(61)
        assert breaker.may_ask("fastforex")
        fail(1)
        assert not breaker.may_ask("fastforex")


@pytest.mark.django_db(transaction=True)
def test_of_several_who_come_at_once_after_that_minute_one_may_try() -> None:
    Breaker.objects.create(source="fastforex", failures=3, open_until=clock.real_now() - timedelta(seconds=1))
    assert sum(at_once(breaker.may_ask, ["fastforex"] * 6)) == 1
