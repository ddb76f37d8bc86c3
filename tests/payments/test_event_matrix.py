"""The matrix of every provider that sends webhooks: one event a thousand times from sixteen threads, events in the
wrong order, the same event with another body. Each time it is one credit, and the books are green (P1, P2, F5, F6)."""

from collections import Counter
from typing import Any

import pytest
from django.test import Client

from payments import jobs
from payments.actions.apply_event import drain
from payments.models import Deposit, InboxEvent, Intent
from payments.providers import ADAPTERS
from payments.states import DepositState, InboxStatus, Proof
from tests.at_once import at_once
from tests.payments.money_in import payer
from tests.payments.providers.rails import RAILS, Rail, configure
from wallets.models import Operation
from wallets.money import parse_money
from wallets.queries import balances_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("books_green")]
every_rail = pytest.mark.parametrize("rail", RAILS, ids=lambda rail: rail.name)

COPIES, THREADS, ASKERS = 1_000, 16, 4
ORDERS = [
    ("confirmed", "before", "other body"),
    ("before", "other body", "confirmed"),
    ("other body", "before", "before"),
]


@pytest.fixture(autouse=True)
def _accounts(settings: Any) -> None:
    configure(settings)


def test_nobody_who_sends_webhooks_is_missing() -> None:
    assert {rail.name for rail in RAILS} == set(ADAPTERS) - {"onchain"}


@every_rail
def test_a_thousand_copies_from_sixteen_threads_are_one_credit(rail: Rail) -> None:
    intent = rail.open()
    raw = rail.event(intent, rail.confirmed)

    def deliver(thread: int) -> Counter[int]:
        client = Client()
        return Counter(rail.send(raw, client) for _ in range(COPIES)[thread::THREADS])

    answers: Counter[int] = sum(at_once(deliver, range(THREADS)), Counter())
    assert answers == {200: COPIES}
    assert InboxEvent.objects.filter(proof=Proof.SIGNED).count() == 1
    _settle()
    _require_one_credit(rail, intent)


@every_rail
@pytest.mark.parametrize("order", ORDERS, ids=" then ".join)
def test_events_in_any_order_and_with_other_bodies_are_one_credit(rail: Rail, order: tuple[str, ...]) -> None:
    intent = rail.open()
    for said in [*order, *order]:
        assert rail.send(_events(rail, intent)[said]) == 200
        _settle()
    _require_one_credit(rail, intent)
    assert not InboxEvent.objects.filter(status=InboxStatus.PARKED).exists()


@every_rail
def test_all_of_them_at_once_are_one_credit(rail: Rail) -> None:
    intent = rail.open()
    bodies = [*_events(rail, intent).values()] * 5
    assert at_once(rail.send, bodies) == [200] * len(bodies)
    _settle()
    _require_one_credit(rail, intent)


@pytest.mark.parametrize("rail", [rail for rail in RAILS if rail.amount], ids=lambda rail: rail.name)
def test_another_amount_under_the_same_id_is_kept_for_a_person(rail: Rail) -> None:
    intent = rail.open()
    for changes in ({}, {rail.amount: "200.5"}):
        assert rail.send(rail.event(intent, rail.confirmed, **changes)) == 200
    _require_one_credit(rail, intent)
    parked = InboxEvent.objects.get(status=InboxStatus.PARKED)
    assert parked.error == "amount_differs"


def _events(rail: Rail, intent: Intent) -> dict[str, bytes]:
    return {
        "confirmed": rail.event(intent, rail.confirmed),
        "before": rail.event(intent, rail.before, **dict(rail.before_says)),
        "other body": rail.event(intent, rail.confirmed, a_field_of_tomorrow="again"),
    }


def _settle() -> None:
    """What the worker does, in several processes at one moment: those who only sent a hint are asked (P6)."""
    drain()  # what a request ran out of time for
    if Intent.objects.filter(ask_due_at__isnull=False, deposits=None).exists():
        at_once(lambda _: jobs.ask_quiet_intents(), range(ASKERS))


def _require_one_credit(rail: Rail, intent: Intent) -> None:
    deposit = Deposit.objects.get()
    assert (deposit.intent_id, deposit.state, deposit.credits) == (intent.pk, DepositState.CONFIRMED, 1)
    assert Operation.objects.count() == 1
    assert balances_of(payer().pk) == {("available", "USD"): parse_money(rail.worth, "USD")}
    assert not InboxEvent.objects.filter(status=InboxStatus.PENDING).exists()
