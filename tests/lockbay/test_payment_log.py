"""The payment log: one page tells the whole story of a payment, whatever is typed in: a support reference, a
transaction, an address, a payment or a trade (P11)."""

from typing import Any

import httpx
import pytest
from django.test import Client
from django.urls import reverse
from structlog.testing import capture_logs

from escrows.actions.start_payment import start_payment
from escrows.errors import PaymentUnavailable
from lockbay import clock
from lockbay.events.models import Event
from lockbay.paymentlog.finding import find
from lockbay.paymentlog.telling import tell
from lockbay.people.models import User
from notifications.fanout import fan_out
from notifications.models import Delivery
from payments.actions.apply_event import drain
from payments.actions.ask_provider import ask_provider
from payments.actions.start_intent import ask_for_address
from payments.errors import Unavailable
from payments.methods import PayMethod
from payments.models import InboxEvent, Intent, StoredRate, Verification
from payments.providers.sandbox import Sandbox
from telegrambot.errors import word_refusal
from tests import cast
from tests.payments.money_in import a_txid, an_intent, body_of, payer, post, raw_of, stored

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The play-money provider's answers, by path; an exception is raised."""
    answers: dict[str, Any] = {}

    def call(self: Any, method: str, url: str, **options: Any) -> Any:
        answer = answers["open" if method == "POST" else "ask"]
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(Sandbox, "call", call)
    return answers


def kinds(text: str) -> list[str]:
    return [line.kind for line in tell(find(text))]


def an_address_is_given(answers: dict[str, Any], intent: Intent) -> Intent:
    body = {"id": f"pay_{intent.pk}", "address": f"SANDBOXT{intent.pk}", "qr_text": "x"}
    answers["open"] = httpx.Response(200, json=body)
    return ask_for_address(intent.pk)


def a_paid_request(answers: dict[str, Any]) -> Intent:
    """Asked for, paid by a webhook with an id of its own, told."""
    intent = an_address_is_given(answers, an_intent(is_open=False))
    raw = raw_of(intent)
    client = Client(headers={"X-Correlation-Id": "webhook-of-this-one"})
    assert post(raw, client=client).status_code == 200
    fan_out()
    return intent


def test_one_id_follows_a_payment_from_webhook_to_message(provider: dict[str, Any]) -> None:
    a_paid_request(provider)
    row = InboxEvent.objects.get()
    assert row.correlation_id == "webhook-of-this-one"
    assert Event.objects.get(kind="deposit.credited").correlation_id == row.correlation_id
    assert Delivery.objects.get(channel="telegram").event.correlation_id == row.correlation_id


def test_events_keep_the_id_of_their_own_webhook_when_others_apply_them(provider: dict[str, Any]) -> None:
    for number in range(3):
        row = stored(raw_of(an_intent()))
        InboxEvent.objects.filter(pk=row.pk).update(correlation_id=f"webhook-{number}")
    drain()
    told = Event.objects.filter(kind="deposit.credited").order_by("pk").values_list("correlation_id", flat=True)
    assert list(told) == ["webhook-0", "webhook-1", "webhook-2"]


def test_a_trade_is_told_under_the_id_of_the_webhook_that_paid_it(provider: dict[str, Any]) -> None:
    trade = cast.a_waiting_trade()
    intent = an_intent(purpose="escrow", reference=trade.public_id, price="105.00", who=cast.bea())
    row = stored(raw_of(intent))
    InboxEvent.objects.filter(pk=row.pk).update(correlation_id="webhook-of-a-trade")
    drain()
    fan_out()
    confirmed = Event.objects.get(kind="escrow.payment_confirmed")
    assert confirmed.correlation_id == "webhook-of-a-trade"
    told = [line.row for line in tell(find(trade.public_id)) if line.kind == "delivery"]
    assert {delivery.event_id for delivery in told} == {confirmed.pk}
    assert {line.row.pk for line in tell(find("webhook-of-a")) if line.kind == "event"} >= {confirmed.pk}


def test_every_name_of_a_payment_finds_the_whole_story_in_order(provider: dict[str, Any]) -> None:
    intent = a_paid_request(provider)
    other = an_intent(who=payer("cleo"))
    whole = ["request", "attempt", "result", "inbox", "deposit", "operation", "event", "delivery"]
    event = Event.objects.get(kind="deposit.credited")
    names = [
        intent.public_id,
        intent.reference,
        intent.provider_payment_id or "",
        intent.address,
        intent.correlation_id,
        a_txid(intent.pk),
        a_txid(intent.pk).upper(),
        "webhook-of-this-one",
        "webhook-",
        f"E{event.pk}",
        InboxEvent.objects.get().event_id,
    ]
    for name in names:
        assert [kind for kind in kinds(name) if kind not in {"try"}][:7] == whole[:7], name
        assert "delivery" in kinds(name), name
        assert find(name).intents == {intent.pk}, name
        assert other.pk not in find(name).intents
    for nothing in ("", "   ", "nothing-like-it", "webh", "E0", "U-1", "x" * 500):
        assert find(nothing).is_empty, nothing


def test_an_attempt_is_stored_before_the_first_call_and_its_result_after(provider: dict[str, Any]) -> None:
    intent = an_intent(is_open=False)
    provider["open"] = Unavailable("sandbox", "slow")
    with capture_logs() as logs, pytest.raises(Unavailable):
        ask_for_address(intent.pk)
    names = [line["event"] for line in logs if "VERIFICATION" in line["event"]]
    assert names == ["PROVIDER_VERIFICATION_ATTEMPT", "PROVIDER_VERIFICATION_RESULT"]
    row = Verification.objects.get()
    assert (row.question, row.outcome, row.correlation_id) == ("address", "unavailable", intent.correlation_id)
    assert row.finished_at is not None


def test_a_process_that_dies_leaves_an_attempt_without_a_result(
    provider: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    intent = an_intent(is_open=False)

    def dies(*_given: Any) -> None:
        found = Verification.objects.get()
        assert (found.finished_at, found.outcome) == (None, ""), "it is there before the call"
        raise SystemExit

    monkeypatch.setattr(Sandbox, "open_payment", dies)
    monkeypatch.setattr("payments.verifying._finish", lambda *_given: None)
    with pytest.raises(SystemExit):
        ask_for_address(intent.pk)
    (line,) = [line for line in tell(find(intent.public_id)) if line.kind == "attempt"]
    assert line.is_bad


def test_what_a_provider_answers_is_told_check_by_check(provider: dict[str, Any]) -> None:
    intent = an_intent()
    Intent.objects.filter(pk=intent.pk).update(ask_due_at="2026-01-01T00:00:00Z")
    one = {"txid": a_txid(intent.pk), "amount": "20.00", "status": "confirmed", "received_at": "2026-01-15T10:30:00Z"}
    body = {**body_of(intent), "id": intent.provider_payment_id, "status": "confirmed", "transactions": [one]}
    provider["ask"] = httpx.Response(200, json=body)
    assert ask_provider(intent_id=intent.pk) is not None
    drain()
    row = Verification.objects.get()
    assert (row.question, row.outcome) == ("payment", "confirmed")
    assert [(name, passed) for name, passed, _ in row.results] == [
        ("readable", True),
        ("payment_seen", True),
        ("confirmed", True),
    ]
    intent.refresh_from_db()
    assert InboxEvent.objects.get().correlation_id == intent.correlation_id == row.correlation_id
    assert Event.objects.get(kind="deposit.credited").correlation_id == row.correlation_id


def test_a_failure_gives_the_buyer_a_reference_that_finds_it(provider: dict[str, Any]) -> None:
    trade = cast.an_agreement()
    StoredRate.objects.create(base="USDT", quote="USD", rate="1", source="test", fetched_at=clock.real_now())
    provider["open"] = Unavailable("sandbox", "down")
    method = PayMethod("sandbox", "USDT", "TRC20")
    with pytest.raises(PaymentUnavailable) as refusal:
        start_payment(actor=cast.bea(), escrow_id=trade.pk, method=method, request_key="k")
    reference = refusal.value.reference
    assert len(reference) >= 6
    assert f"Support reference: {reference}" in word_refusal(refusal.value)
    assert kinds(reference)[:3] == ["request", "attempt", "result"]
    assert find(reference).intents == find(trade.public_id).intents


class TestPage:
    @pytest.fixture
    def desk(self, client: Client) -> Client:
        client.force_login(User.objects.create(username="olu", is_staff=True, is_superuser=True))
        return client

    def test_shows_the_story_and_is_reached_from_every_row(self, desk: Client, provider: dict[str, Any]) -> None:
        intent = a_paid_request(provider)
        page = desk.get(reverse("payment_log"), {"q": intent.public_id}).content.decode()
        for words in (
            "verification began",
            "webhook",
            "deposit.credited",
            "20.00 USD",
            "payment.confirmed",
            "deposit_credited",
        ):
            assert words in page
        rows = {"intent": intent.pk, "deposit": intent.deposits.get().pk, "inboxevent": InboxEvent.objects.get().pk}
        for name, pk in rows.items():
            answer = desk.get(reverse(f"admin:payments_{name}_open_log", args=[pk]), follow=True)
            assert intent.public_id in answer.content.decode(), name
        assert desk.get(reverse("admin:payments_verification_changelist")).status_code == 200

    def test_escapes_what_strangers_wrote_and_says_when_nothing_is_known(self, desk: Client) -> None:
        page = desk.get(reverse("payment_log"), {"q": "<script>alert(1)</script>"}).content.decode()
        assert "<script>alert(1)" not in page
        assert "Nothing is known of it" in page

    def test_is_closed_to_others(self, client: Client) -> None:
        assert client.get(reverse("payment_log")).status_code == 302
        client.force_login(User.objects.create(username="max", is_staff=True))
        assert client.get(reverse("payment_log")).status_code == 403
