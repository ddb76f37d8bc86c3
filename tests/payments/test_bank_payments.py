"""Naira by bank: an event only makes us ask, and what the provider answers is credited at the frozen rate (E6, P6)."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
from django.test import Client

from lockbay import clock, http
from payments import jobs
from payments.actions.start_intent import ask_for_address
from payments.errors import Unintelligible
from payments.models import Deposit, InboxEvent, Intent
from payments.queries import is_payment_awaited
from payments.states import DepositState, InboxStatus, IntentStatus
from tests.payments.money_in import an_intent, payer
from tests.payments.providers.contract import Wire
from wallets.money import Money
from wallets.queries import balances_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("books_green")]

RATE = "0.0006980559142787337265715"  # 1432.55 naira for a dollar, turned round
PAGE = "https://checkout.example/pay/1"


@pytest.fixture(autouse=True)
def _accounts(settings: Any) -> None:
    settings.FLUTTERWAVE_SECRET_KEY, settings.FLUTTERWAVE_WEBHOOK_SECRETS = "FLWSECK_TEST-1", ["hash"]
    settings.FINCRA_SECRET_KEY, settings.FINCRA_WEBHOOK_SECRETS = "sk_test_1", ["hash"]
    settings.BANK_CUSTOMER_EMAIL = "pay@lockbay.example"


@pytest.fixture
def wire() -> Iterator[Wire]:
    wire = Wire()
    http.use_transport(httpx.MockTransport(wire.answer))
    yield wire
    http.use_transport(None)


def open_page(wire: Wire, provider: str) -> Intent:
    wire.answers = [(200, {"status": True if provider == "fincra" else "success", "data": {"link": PAGE}})]
    intent = an_intent(provider=provider, asset="NGN", network="BANK", rate=RATE, price="100.00", is_open=False)
    return ask_for_address(intent.pk)


def tell(intent: Intent, **data: Any) -> Any:
    """The provider's webhook; what it claims is of no account."""
    if intent.provider == "fincra":
        raw = json.dumps(
            {"event": "charge.successful", "data": {"reference": intent.public_id, "amount": 1, **data}}
        ).encode()
        headers = {"signature": hmac.new(b"hash", raw, hashlib.sha512).hexdigest()}
    else:
        body = {"event": "charge.completed", "data": {"id": 7, "tx_ref": intent.public_id, "amount": 1, **data}}
        raw, headers = json.dumps(body).encode(), {"verif-hash": "hash"}
    return Client(headers=headers).post(f"/hooks/{intent.provider}", raw, content_type="application/json")


def answer_of(intent: Intent, *, amount: str = "143255", **changes: Any) -> dict[str, Any]:
    names = {"flutterwave": ("tx_ref", "successful"), "fincra": ("merchantReference", "success")}
    reference, status = names[intent.provider]
    data = {"id": 285959875, reference: intent.public_id, "amount": amount, "currency": "NGN", "status": status}
    return {"status": True if intent.provider == "fincra" else "success", "data": data | changes}


@pytest.mark.parametrize("provider", ["flutterwave", "fincra"])
def test_a_payment_on_the_page_is_credited_once_at_the_frozen_rate(wire: Wire, provider: str) -> None:
    intent = open_page(wire, provider)
    assert (intent.status, intent.pay_url, intent.pay_amount) == (IntentStatus.OPEN, PAGE, Money(143_255_00, "NGN"))
    wire.answers = [(200, answer_of(intent))]
    assert tell(intent).status_code == 200
    assert not Deposit.objects.exists(), "an event by itself is no money"
    assert jobs.ask_quiet_intents() == 1
    assert tell(intent, again=True).status_code == 200
    jobs.ask_quiet_intents()
    deposit = Deposit.objects.get()
    assert (deposit.state, deposit.chain, deposit.txid) == (DepositState.CONFIRMED, "bank", "285959875")
    assert (deposit.money, deposit.value_minor) == (Money(143_255_00, "NGN"), 100_00)
    assert balances_of(payer().pk)["available", "USD"] == Money(100_00, "USD")


def test_the_worker_is_woken_to_ask_about_a_hint_and_not_by_what_else_comes(wire: Wire) -> None:
    """Its schedule would come up to five minutes later, when the window may be over."""
    from django_q.models import OrmQ

    intent = open_page(wire, "flutterwave")
    assert tell(intent).status_code == 200
    assert [task.func() for task in OrmQ.objects.all()] == ["payments.jobs.ask_quiet_intents"]
    OrmQ.objects.all().delete()
    wire.answers = [(200, answer_of(intent))]
    jobs.ask_quiet_intents()
    assert Deposit.objects.get().state == DepositState.CONFIRMED
    assert "payments.jobs.ask_quiet_intents" not in [task.func() for task in OrmQ.objects.all()]


def test_a_provider_that_is_asked_late_makes_no_payment_late(wire: Wire) -> None:
    """The worker was down over the end of the window: what counts is when the provider first told of it."""
    intent = open_page(wire, "flutterwave")
    tell(intent)
    ends = clock.now() - timedelta(seconds=1)
    Intent.objects.filter(pk=intent.pk).update(expires_at=ends)
    InboxEvent.objects.update(received_at=ends - timedelta(seconds=9))
    Intent.objects.update(hinted_at=ends - timedelta(seconds=9))
    assert is_payment_awaited(intent.purpose, intent.reference, heard_by=ends)
    assert not is_payment_awaited(intent.purpose, intent.reference, heard_by=ends - timedelta(seconds=10))
    wire.answers = [(200, answer_of(intent))]
    jobs.ask_quiet_intents()
    assert not is_payment_awaited(intent.purpose, intent.reference, heard_by=ends)
    deposit = Deposit.objects.get()
    assert (deposit.is_late, deposit.first_seen_at) == (False, ends - timedelta(seconds=9))
    assert Decimal(deposit.value_rate) == Decimal(RATE)


def test_only_the_first_payment_was_announced_by_the_hint(wire: Wire) -> None:
    intent = open_page(wire, "flutterwave")
    tell(intent)
    wire.answers = [(200, answer_of(intent, amount="71627.50"))]
    jobs.ask_quiet_intents()
    hinted_at = Intent.objects.get().hinted_at
    Intent.objects.update(ask_due_at=clock.now())
    wire.answers = [(200, answer_of(intent, id=285959876, amount="71627.50"))]
    jobs.ask_quiet_intents()
    seen = [deposit.first_seen_at for deposit in Deposit.objects.order_by("pk")]
    assert seen[0] == hinted_at < seen[1]


def test_a_hint_is_remembered_from_the_first_time(wire: Wire) -> None:
    intent = open_page(wire, "fincra")
    assert Intent.objects.get().hinted_at is None
    tell(intent)
    first = Intent.objects.get().hinted_at
    tell(intent, again=True)
    assert Intent.objects.get().hinted_at == first is not None


@pytest.mark.parametrize("provider", ["flutterwave", "fincra"])
def test_less_than_was_asked_for_is_worth_less(wire: Wire, provider: str) -> None:
    intent = open_page(wire, provider)
    wire.answers = [(200, answer_of(intent, amount="71627.50"))]
    tell(intent)
    jobs.ask_quiet_intents()
    assert Deposit.objects.get().value_minor == 50_00


@pytest.mark.parametrize("provider", ["flutterwave", "fincra"])
@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"currency": "GHS"}, "unknown_coin GHS"),
        ({"tx_ref": "PI0", "merchantReference": "PI0"}, "other_payment"),
        ({"status": "strange"}, "unknown_status strange"),
        ({"amount": "143,255", "amountReceived": "143,255"}, "bad_amount str"),
    ],
)
def test_an_answer_in_which_something_is_wrong_parks_and_credits_nothing(
    wire: Wire, provider: str, wrong: dict[str, Any], reason: str
) -> None:
    intent = open_page(wire, provider)
    wire.answers = [(200, answer_of(intent, **wrong))]
    tell(intent)
    jobs.ask_quiet_intents()
    assert not Deposit.objects.exists()
    parked = InboxEvent.objects.get(kind="asked")
    assert (parked.status, parked.error) == (InboxStatus.PARKED, reason)


def test_a_forged_event_with_the_shared_secret_moves_nothing(wire: Wire) -> None:
    intent = open_page(wire, "flutterwave")
    wire.answers = [(200, {"status": "error", "message": "No transaction was found for this id", "data": None})]
    assert tell(intent, amount=143255, currency="NGN", status="successful").status_code == 200
    assert jobs.ask_quiet_intents() == 0
    assert not Deposit.objects.exists()


def test_an_event_with_another_secret_is_refused_and_not_stored(wire: Wire, settings: Any) -> None:
    intent = open_page(wire, "flutterwave")
    settings.FLUTTERWAVE_WEBHOOK_SECRETS = ["other"]
    assert tell(intent).status_code == 401
    assert not InboxEvent.objects.exists()


def test_a_page_with_too_long_an_address_fails_the_intent(wire: Wire) -> None:
    wire.answers = [(200, {"status": "success", "data": {"link": "https://checkout.example/" + "x" * 500}})]
    intent = an_intent(provider="flutterwave", asset="NGN", network="BANK", rate=RATE, is_open=False)
    with pytest.raises(Unintelligible):
        ask_for_address(intent.pk)
    intent.refresh_from_db()
    assert intent.status == IntentStatus.FAILED


def test_money_after_the_window_waits_for_a_fresh_rate_of_the_naira(wire: Wire) -> None:
    from payments.rates import quotes
    from tests.payments.rates.wire import store_rates

    intent = open_page(wire, "flutterwave")
    Intent.objects.filter(pk=intent.pk).update(expires_at=intent.created_at)
    wire.answers = [(200, answer_of(intent))]
    tell(intent)
    jobs.ask_quiet_intents()
    assert InboxEvent.objects.get(kind="asked").error.startswith("rate_unavailable")
    store_rates()
    quotes.forget_all()
    InboxEvent.objects.update(next_try_at=None)
    jobs.drain_inbox()
    assert Deposit.objects.get().is_late
    assert Decimal(Deposit.objects.get().value_rate) == quotes.quote_of("NGN", "USD").rate
