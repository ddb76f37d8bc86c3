"""Around every call to a provider: a breaker that all processes share, counts by outcome, times (P5)."""

import contextlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import time_machine
from django.db import transaction
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from lockbay import http
from payments import breaker
from payments.actions.start_intent import ask_for_address
from payments.errors import Rejected, Unavailable, Unintelligible
from payments.health import check_providers
from payments.models import Breaker
from payments.providers import provider_of
from payments.states import IntentStatus
from tests.payments.money_in import an_intent
from tests.payments.providers.contract import Wire

pytestmark = pytest.mark.django_db

DOWN = (503, {})
FINE = (200, {"id": "pay_1"})


@pytest.fixture
def wire(settings: Any) -> Iterator[Wire]:
    settings.PROVIDER_BREAKER_FAILURES, settings.PROVIDER_BREAKER_SECONDS = 3, 30
    wire = Wire()
    http.use_transport(httpx.MockTransport(wire.answer))
    with time_machine.travel(datetime(2026, 5, 1, tzinfo=UTC), tick=False):
        yield wire
    http.use_transport(None)


def ask(provider: str = "sandbox") -> bytes:
    return provider_of(provider).ask("pay_1")


def fails(wire: Wire, answer: Any = DOWN, times: int = 3) -> None:
    wire.answers = [answer]
    for _ in range(times):
        with pytest.raises((Unavailable, Rejected)):
            ask()


def counter(name: str, **labels: str) -> Callable[[], int]:
    """How much a metric has moved since now."""
    before = REGISTRY.get_sample_value(name, labels) or 0
    return lambda: int((REGISTRY.get_sample_value(name, labels) or 0) - before)


def test_after_failures_in_a_row_it_is_left_alone_without_a_call(wire: Wire) -> None:
    opened = counter("lockbay_breaker_open_total", source="provider:sandbox")
    with capture_logs() as logs:
        fails(wire)
    assert len(wire.requests) == 9, "three tries each"
    assert [line for line in logs if line["event"] == "CIRCUIT_BREAKER_OPEN"] == [
        {
            "event": "CIRCUIT_BREAKER_OPEN",
            "source": "provider:sandbox",
            "failures": 3,
            "seconds": 30,
            "log_level": "error",
        }
    ]
    assert opened() == 1
    with pytest.raises(Unavailable, match="breaker open"):
        ask()
    assert len(wire.requests) == 9


def test_one_probe_at_a_time_closes_it_again(wire: Wire) -> None:
    fails(wire)
    with time_machine.travel(datetime(2026, 5, 1, 0, 0, 31, tzinfo=UTC), tick=False):
        assert breaker.may_ask("provider:sandbox"), "this caller probes"
        with pytest.raises(Unavailable, match="breaker open"):
            ask()
    with time_machine.travel(datetime(2026, 5, 1, 0, 1, 2, tzinfo=UTC), tick=False):
        wire.answers = [FINE]
        assert ask()
        assert ask()
    assert Breaker.objects.get().failures == 0


def test_a_probe_that_fails_opens_it_at_once(wire: Wire) -> None:
    fails(wire)
    with time_machine.travel(datetime(2026, 5, 1, 0, 0, 31, tzinfo=UTC), tick=False):
        fails(wire, times=1)
        with pytest.raises(Unavailable, match="breaker open"):
            ask()


def test_a_refusal_is_an_answer(wire: Wire) -> None:
    fails(wire, times=2)
    fails(wire, (400, {}), times=5)
    fails(wire, times=2)
    wire.answers = [FINE]
    assert ask()


def test_one_provider_does_not_close_another_nor_a_source_of_its_name(wire: Wire) -> None:
    fails(wire)
    assert breaker.may_ask(breaker.breaker_of_provider("dynopay"))
    assert breaker.may_ask("sandbox")


@pytest.mark.parametrize(
    ("answer", "outcome", "tries"),
    [
        (FINE, "ok", 1),
        (DOWN, "unavailable", 3),
        (httpx.ConnectTimeout("gone"), "unavailable", 3),
        ((400, {}), "rejected", 1),
        ((200, b"<html>"), "unintelligible", 1),
    ],
)
def test_tries_are_counted_by_outcome_and_timed(wire: Wire, answer: Any, outcome: str, tries: int) -> None:
    intent = an_intent(is_open=False)
    counted = counter("lockbay_provider_calls_total", provider="sandbox", outcome=outcome)
    timed = counter("lockbay_provider_call_seconds_count", provider="sandbox")
    wire.answers = [answer]
    with contextlib.suppress(Unavailable, Rejected, Unintelligible):
        provider_of("sandbox").open_payment(_request(intent))
    assert (counted(), timed()) == (tries, tries)


def test_while_it_is_open_a_new_payment_waits_and_is_not_failed(wire: Wire, db: None) -> None:
    fails(wire)
    intent = an_intent(is_open=False)
    with pytest.raises(Unavailable):
        ask_for_address(intent.pk)
    intent.refresh_from_db()
    assert intent.status == IntentStatus.REQUESTED
    assert intent.ask_due_at is not None


def test_ready_names_it_and_is_red_only_when_nobody_is_left(wire: Wire, settings: Any) -> None:
    settings.PAYMENT_PROVIDERS = ["sandbox", "dynopay"]
    assert check_providers().ok
    fails(wire)
    assert (check_providers().ok, check_providers().detail) == (True, "breaker open: sandbox")
    settings.PAYMENT_PROVIDERS = ["sandbox"]
    assert not check_providers().ok
    until = REGISTRY.get_sample_value("lockbay_breaker_open_until_seconds", {"source": "provider:sandbox"})
    assert until == (datetime(2026, 5, 1, tzinfo=UTC) + timedelta(seconds=30)).timestamp()


@pytest.mark.django_db(transaction=True)
def test_inside_a_transaction_nothing_is_even_looked_up() -> None:
    with transaction.atomic(), pytest.raises(http.NetworkInsideTransaction):
        ask()


def _request(intent: Any) -> Any:
    from payments.actions.start_intent import _request_of

    return _request_of(intent)
