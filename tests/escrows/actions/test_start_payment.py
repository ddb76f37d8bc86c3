"""Asking how to pay from outside: a frozen price, a window, an address outside the transaction (E6, F44)."""

import json
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest
import stamina

from escrows.actions.start_payment import start_payment
from escrows.errors import NotAllowed, PaymentUnavailable, Reason, WrongStatus
from escrows.fees import Pricing
from escrows.models import Escrow
from escrows.states import PAYABLE, Status
from lockbay import clock, http
from lockbay.events.models import Event
from payments.methods import PayMethod
from payments.models import Intent, StoredRate
from payments.states import IntentStatus
from tests.cast import a_trade_in, an_agreement, bea, later, set_back, snapshot_of, sol
from wallets.errors import IdempotencyConflict

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("books_green", "rates")]
USDT = PayMethod("sandbox", "USDT", "TRC20")
BTC = PayMethod("sandbox", "BTC", "BTC")


@pytest.fixture
def rates(transactional_db: None) -> None:
    """A tether is 0.999 dollars, a bitcoin 100,000."""
    for base, rate in (("USDT", "0.999"), ("BTC", "100000")):
        StoredRate.objects.create(base=base, quote="USD", rate=rate, source="test", fetched_at=clock.real_now())


@pytest.fixture(autouse=True)
def provider() -> Iterator[list[dict[str, str]]]:
    """The play-money provider's wire; yields what it was asked. While `silent` is the last word it answers 503."""
    asked: list[dict[str, str]] = []

    def answer(request: "http.httpx.Request") -> http.Response:
        body = json.loads(request.content)
        asked.append(body)
        if asked[0].get("silent"):
            return http.Response(503)
        number = len(asked)
        return http.Response(
            201,
            json={
                "id": f"pay_{number}",
                "address": f"T{number}",
                "amount": body["amount"],
                "currency": body["currency"],
                "network": body["network"],
                "qr_text": "",
            },
        )

    stamina.set_testing(True, attempts=1, cap=True)
    http.use_transport(http.MockTransport(answer))
    yield asked
    http.use_transport(None)
    stamina.set_testing(False)


def start(escrow: Escrow, *, key: str = "u1", method: PayMethod = USDT) -> Intent:
    return start_payment(actor=bea(), escrow_id=escrow.pk, method=method, request_key=key)


@pytest.mark.parametrize("status", Status)
def test_works_while_payable_and_changes_nothing_elsewhere(status: Status) -> None:
    trade = a_trade_in(status)
    if status in PAYABLE:
        assert start(trade).status == IntentStatus.OPEN
        trade.refresh_from_db()
        assert trade.status == Status.PAYMENT_PENDING
        return
    before = snapshot_of(trade)
    with pytest.raises(WrongStatus):
        start(trade)
    assert snapshot_of(trade) == before
    assert not Intent.objects.exists()


def test_freezes_rate_source_time_and_expiry() -> None:
    trade = an_agreement()
    now = clock.database_now()
    intent = start(trade)
    trade.refresh_from_db()
    assert trade.expires_at == intent.expires_at
    assert timedelta(0) <= intent.expires_at - now - timedelta(minutes=60) < timedelta(seconds=5)
    quote = trade.pricing["quote"]
    assert (quote["method"], quote["rate"], quote["source"]) == ("sandbox:USDT:TRC20", "0.999", "test")
    assert quote["fetched_at"] == StoredRate.objects.get(base="USDT").fetched_at.isoformat()
    assert Pricing.of(trade).buyer_total == intent.price
    assert (intent.purpose, intent.reference, intent.payer) == ("escrow", trade.public_id, bea())
    assert intent.pay_amount.decimal() * Decimal("0.999") >= Decimal("21.00")
    fact = Event.objects.get(subject_id=trade.pk, kind="escrow.payment_started")
    assert fact.data["pay"] == str(intent.pay_amount)


def test_the_same_request_and_the_same_method_get_the_first_address(provider: list[dict[str, str]]) -> None:
    trade = an_agreement()
    first = start(trade, key="u1")
    trade.refresh_from_db()
    before = snapshot_of(trade)
    assert start(trade, key="u1").pk == start(trade, key="u2").pk == first.pk
    assert snapshot_of(trade) == before
    assert len(provider) == 1


def test_another_method_and_a_new_window_get_a_new_address(provider: list[dict[str, str]]) -> None:
    trade = an_agreement()
    intents = {start(trade, key="u1").pk, start(trade, key="u2", method=BTC).pk}
    with later(minutes=59):
        Escrow.objects.filter(pk=trade.pk).update(expires_at=clock.database_now() + timedelta(hours=1))
    Intent.objects.update(expires_at=clock.now() - timedelta(seconds=1))
    intents.add(start(trade, key="u3").pk)
    assert len(intents) == len(provider) == 3


def test_a_silent_provider_keeps_the_request_and_asking_again_is_safe(provider: list[dict[str, str]]) -> None:
    provider.append({"silent": "yes"})
    trade = an_agreement()
    with pytest.raises(PaymentUnavailable):
        start(trade)
    assert Intent.objects.get().status == IntentStatus.REQUESTED
    provider[0] = {}
    assert start(trade).status == IntentStatus.OPEN
    assert Intent.objects.count() == 1


@pytest.mark.parametrize("method", [PayMethod("sandbox", "CELL", "CF20"), PayMethod("nobody", "USDT", "TRC20")])
def test_without_a_rate_or_a_provider_nothing_changes(method: PayMethod) -> None:
    trade = an_agreement()
    before = snapshot_of(trade)
    with pytest.raises(PaymentUnavailable):
        start(trade, method=method)
    assert snapshot_of(trade) == before


def test_refuses_the_seller_and_an_offer_that_is_over() -> None:
    trade = an_agreement()
    with pytest.raises(NotAllowed) as caught:
        start_payment(actor=sol(), escrow_id=trade.pk, method=USDT, request_key="u1")
    assert caught.value.reason == Reason.BUYER_ONLY
    set_back(trade, "expires_at")
    with pytest.raises(NotAllowed) as caught:
        start(trade)
    assert caught.value.reason == Reason.TOO_LATE


def test_a_request_key_belongs_to_one_trade() -> None:
    start(an_agreement(), key="u1")
    with pytest.raises(IdempotencyConflict):
        start(an_agreement(), key="u1")
