"""Asking for money in three steps: request, call, answer; a crash between them is healed (P3)."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
from django.db import transaction

from lockbay import clock, http
from payments import jobs
from payments.actions.start_intent import ask_for_address, request_intent_within
from payments.errors import Rejected, Unavailable, Unintelligible, UnknownMethod
from payments.methods import PayMethod
from payments.models import Deposit, InboxEvent, Intent
from payments.queries import method_of, pay_methods
from payments.rates.quotes import Quote
from payments.states import DepositState, InboxStatus, IntentStatus, Proof
from tests.payments.money_in import a_txid, an_intent, payer
from tests.payments.providers.contract import Wire
from wallets.money import Money, parse_money
from wallets.queries import balances_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("books_green")]

OPENED = {
    "id": "pay_9",
    "address": "SANDBOXTnine",
    "amount": "1",
    "currency": "USDT",
    "network": "TRC20",
    "qr_text": "x",
}


@pytest.fixture
def wire() -> Any:
    wire = Wire()
    wire.answers = [(201, OPENED)]
    http.use_transport(httpx.MockTransport(wire.answer))
    yield wire
    http.use_transport(None)


def request(**changes: Any) -> Intent:
    fields: dict[str, Any] = {
        "payer": payer(),
        "purpose": "wallet",
        "reference": "R",
        "price": parse_money("20.00", "USD"),
        "method": PayMethod("sandbox", "BTC", "BTC"),
        "quote": Quote("BTC", "USD", Decimal("37123.45"), "test", clock.real_now(), "main"),
        "expires_at": clock.now() + timedelta(hours=1),
        "request_key": "draft:1",
    }
    with transaction.atomic():
        return request_intent_within(**(fields | changes))


def test_the_coin_amount_is_rounded_up_and_the_rate_is_frozen() -> None:
    intent = request()
    assert intent.pay_amount == Money(53875, "BTC")  # 20 / 37123.45 = 0.000538743…
    assert (intent.status, intent.rate, intent.rate_source) == (IntentStatus.REQUESTED, "37123.45", "test")


def test_the_same_request_key_returns_the_first_intent() -> None:
    assert request().pk == request(price=parse_money("99.00", "USD")).pk
    assert Intent.objects.get().price == Money(2000, "USD")


def test_refuses_a_coin_that_the_provider_does_not_offer() -> None:
    with pytest.raises(UnknownMethod):
        request(method=PayMethod("sandbox", "SOL", "SOL"))


def test_the_answer_opens_the_intent_and_asking_again_changes_nothing(wire: Any) -> None:
    intent = an_intent(is_open=False)
    assert ask_for_address(intent.pk).address == "SANDBOXTnine"
    assert ask_for_address(intent.pk).status == IntentStatus.OPEN
    assert len(wire.requests) == 1
    assert wire.requests[0].headers["Idempotency-Key"] == intent.public_id


def test_an_unavailable_provider_leaves_it_requested_and_the_job_finishes_it(wire: Any) -> None:
    intent = an_intent(is_open=False)
    wire.answers = [(503, {})]
    with pytest.raises(Unavailable):
        ask_for_address(intent.pk)
    intent.refresh_from_db()
    assert intent.status == IntentStatus.REQUESTED

    wire.answers = [(201, OPENED)]
    Intent.objects.update(ask_due_at=clock.now())
    jobs.ask_quiet_intents()
    intent.refresh_from_db()
    assert (intent.status, intent.provider_payment_id) == (IntentStatus.OPEN, "pay_9")


@pytest.mark.parametrize(("answer", "error"), [((400, {}), Rejected), ((201, {"id": 7}), Unintelligible)])
def test_a_refusal_fails_the_intent_with_its_reason(wire: Any, answer: Any, error: type[Exception]) -> None:
    intent = an_intent(is_open=False)
    wire.answers = [answer]
    with pytest.raises(error):
        ask_for_address(intent.pk)
    intent.refresh_from_db()
    assert intent.status == IntentStatus.FAILED
    assert intent.failure
    assert intent.ask_due_at is None


def test_a_payment_id_that_is_given_twice_is_refused(wire: Any) -> None:
    ask_for_address(an_intent(is_open=False).pk)
    second = an_intent(is_open=False)
    with pytest.raises(Unintelligible):
        ask_for_address(second.pk)
    second.refresh_from_db()
    assert second.status == IntentStatus.FAILED


def test_a_request_whose_window_is_over_is_given_up(wire: Any) -> None:
    intent = an_intent(is_open=False, minutes=-1)
    Intent.objects.update(ask_due_at=clock.now())
    jobs.ask_quiet_intents()
    intent.refresh_from_db()
    assert intent.status == IntentStatus.FAILED
    assert not wire.requests


def test_methods_are_found_by_their_code() -> None:
    assert method_of("sandbox:USDT:TRC20") in pay_methods()
    for code in ("dynopay:USDT:TRC20", "sandbox:USDT", "", "sandbox:XXX:TRC20"):
        with pytest.raises(UnknownMethod):
            method_of(code)


class TestQuietIntents:
    """P6: the provider is asked, outside any transaction; its answer takes the way of every event."""

    def answer_of(self, intent: Intent, *states: str) -> dict[str, Any]:
        amount = intent.pay_amount.plain()
        paid = [{"txid": a_txid(n), "amount": amount, "status": state} for n, state in enumerate(states)]
        return {
            "id": intent.provider_payment_id,
            "reference": intent.public_id,
            "address": intent.address,
            "currency": intent.pay_asset,
            "network": intent.network,
            "transactions": paid,
        }

    def ask(self, wire: Any, intent: Intent, answer: Any) -> int:
        wire.answers = [answer]
        Intent.objects.filter(pk=intent.pk).update(ask_due_at=clock.now())
        return jobs.ask_quiet_intents()

    def test_a_payment_whose_webhook_was_lost_is_credited(self, wire: Any) -> None:
        intent = an_intent()
        assert self.ask(wire, intent, (200, self.answer_of(intent, "confirmed", "pending"))) == 1
        row = InboxEvent.objects.get()
        assert (row.proof, row.status) == (Proof.ASKED, InboxStatus.APPLIED)
        assert balances_of(payer().pk)["available", "USD"] == Money(2000, "USD")
        assert set(Deposit.objects.values_list("state", flat=True)) == {DepositState.CONFIRMED, DepositState.PENDING}

    def test_the_webhook_after_the_answer_changes_nothing(self, wire: Any) -> None:
        from tests.payments.money_in import post, raw_of

        intent = an_intent()
        self.ask(wire, intent, (200, self.answer_of(intent, "confirmed")))
        post(raw_of(intent, txid=a_txid(0)))
        assert balances_of(payer().pk)["available", "USD"] == Money(2000, "USD")

    def test_no_news_is_not_stored_and_the_next_question_is_later(self, wire: Any) -> None:
        intent = an_intent()
        assert self.ask(wire, intent, (200, self.answer_of(intent))) == 0
        intent.refresh_from_db()
        assert not InboxEvent.objects.exists()
        assert intent.ask_due_at is not None
        assert intent.ask_due_at > clock.now()

    @pytest.mark.parametrize("answer", [httpx.ConnectError("gone"), (500, {}), (404, {})])
    def test_trouble_is_survived(self, wire: Any, answer: Any) -> None:
        assert self.ask(wire, an_intent(), answer) == 0
        assert not InboxEvent.objects.exists()

    def test_a_remainder_whose_webhooks_were_all_lost_is_asked_for(self, wire: Any) -> None:
        """A first, short payment must not end the questions; one that pays in full does."""
        from tests.payments.money_in import post, raw_of

        intent = an_intent(price="20.00")
        post(raw_of(intent, txid=a_txid(0), amount_received="12"))
        intent.refresh_from_db()
        assert intent.ask_due_at is not None
        post(raw_of(intent, txid=a_txid(1), amount_received="8"))
        intent.refresh_from_db()
        assert intent.ask_due_at is None

    def test_a_payment_seen_beside_a_confirmed_one_is_still_asked_for(self, wire: Any) -> None:
        from tests.payments.money_in import post, raw_of

        intent = an_intent(price="20.00")
        post(raw_of(intent, "pending", txid=a_txid(1), amount_received="8"))
        post(raw_of(intent, txid=a_txid(0)))
        intent.refresh_from_db()
        assert intent.ask_due_at is not None

    def test_an_intent_that_breaks_the_question_keeps_nobody_from_being_asked(
        self, wire: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        broken, whole = an_intent(), an_intent()
        Intent.objects.filter(pk=broken.pk).update(provider="gone", ask_due_at=clock.now() - timedelta(minutes=1))
        assert self.ask(wire, whole, (200, self.answer_of(whole, "confirmed"))) == 1
        assert balances_of(payer().pk)["available", "USD"] == Money(2000, "USD")
        assert "QUIET_INTENT_NOT_ASKED" in caplog.text

    def test_a_provider_that_hangs_does_not_hold_the_job_beyond_its_time(
        self, wire: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The queue kills a task after 60 s; who was not asked is asked by the next run."""
        monkeypatch.setattr(jobs, "_ASKING_SECONDS", 0)
        first, second = an_intent(), an_intent()
        Intent.objects.update(ask_due_at=clock.now())
        jobs.ask_quiet_intents()
        assert not wire.requests
        assert Intent.objects.filter(pk__in=[first.pk, second.pk], ask_due_at__lte=clock.now()).count() == 2

    def test_an_unreadable_answer_is_kept_and_parked(self, wire: Any) -> None:
        assert self.ask(wire, an_intent(), (200, b"<html>")) == 1
        assert InboxEvent.objects.get().status == InboxStatus.PARKED

    def test_a_hint_makes_us_ask_soon_and_credits_nothing(self, settings: Any) -> None:
        from payments.actions.apply_event import drain
        from payments.actions.receive_event import receive_event
        from payments.providers import provider_of

        intent = an_intent(provider="dynopay")
        raw = (
            f'{{"event":"payment.settled","payment_id":"{intent.provider_payment_id}","webhook_id":"w","amount":20}}'
        ).encode()
        receive_event(provider=provider_of("dynopay"), raw=raw, headers={})
        drain()
        intent.refresh_from_db()
        assert InboxEvent.objects.get().status == InboxStatus.IGNORED
        assert not Deposit.objects.exists()
        assert intent.ask_due_at is not None
        assert intent.ask_due_at <= clock.now()
