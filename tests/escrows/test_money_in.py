"""A trade paid through the real webhook, inbox and drain (E7, E10, F38, F42)."""

from datetime import timedelta

import pytest

from escrows.models import Escrow
from escrows.states import Status
from lockbay.events import recording
from lockbay.events.models import Event
from payments.actions.apply_event import drain
from payments.models import InboxEvent
from payments.states import InboxStatus
from tests.cast import a_waiting_trade, bea, cancelled, held_by, snapshot_of, usd, wallet_of
from tests.payments.money_in import an_intent, post, raw_of, stored

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("books_green")]


def a_webhook(trade: Escrow, amount: str = "21.000000") -> bytes:
    intent = an_intent(price="21.00", purpose="escrow", reference=trade.public_id, who=bea())
    return raw_of(intent, amount_received=amount)


def test_a_webhook_confirms_its_trade_within_its_own_request() -> None:
    trade = a_waiting_trade()
    assert post(a_webhook(trade)).status_code == 200
    trade.refresh_from_db()
    assert (trade.status, held_by(trade)) == (Status.PAYMENT_CONFIRMED, usd("21.00"))
    row = InboxEvent.objects.get()
    assert (row.status, len(row.operations)) == (InboxStatus.APPLIED, 1)


def test_the_same_webhook_again_changes_nothing() -> None:
    trade = a_waiting_trade()
    raw = a_webhook(trade)
    post(raw)
    before = snapshot_of(trade)
    assert post(raw).status_code == 200
    assert snapshot_of(trade) == before


def test_money_after_a_cancel_is_the_payers() -> None:
    trade = a_waiting_trade()
    raw = a_webhook(trade)
    cancelled(trade)
    assert post(raw).status_code == 200
    assert wallet_of(bea()) == usd("21.00")
    assert Event.objects.filter(subject_id=trade.pk, kind="escrow.payment_late").count() == 1


def test_a_malformed_snapshot_parks_its_event_and_harms_no_neighbour() -> None:
    good, bad, other = (a_waiting_trade() for _ in range(3))
    rows = [stored(a_webhook(trade)) for trade in (good, bad, other)]
    Escrow.objects.filter(pk=bad.pk).update(pricing={"price": 2000})
    before = snapshot_of(bad)["row"]
    drain()
    statuses = [Escrow.objects.get(pk=trade.pk).status for trade in (good, bad, other)]
    assert statuses == [Status.PAYMENT_CONFIRMED, Status.PAYMENT_PENDING, Status.PAYMENT_CONFIRMED]
    failed = InboxEvent.objects.get(pk=rows[1].pk)
    assert failed.status in {InboxStatus.PENDING, InboxStatus.PARKED}
    assert "SnapshotMalformed" in failed.error
    assert "Traceback" in failed.error
    assert failed.operations == []
    assert snapshot_of(bad)["row"] == before
    Escrow.objects.filter(pk=bad.pk).update(pricing=good.pricing)
    InboxEvent.objects.filter(pk=failed.pk).update(next_try_at=failed.received_at - timedelta(days=1), status="pending")
    drain()
    assert Escrow.objects.get(pk=bad.pk).status == Status.PAYMENT_CONFIRMED


def test_an_exception_after_the_credit_leaves_the_event_with_its_traceback_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trade = a_waiting_trade()
    row = stored(a_webhook(trade))
    before = snapshot_of(trade)

    def fail(events: list[Event]) -> None:
        if any(event.kind == "escrow.payment_confirmed" for event in events):
            raise RuntimeError("between credit and commit")

    with monkeypatch.context() as patched:
        patched.setattr(recording, "_hooks", [fail])
        drain()
    assert snapshot_of(trade) == before
    failed = InboxEvent.objects.get(pk=row.pk)
    assert "between credit and commit" in failed.error
    InboxEvent.objects.filter(pk=row.pk).update(next_try_at=failed.received_at - timedelta(days=1), status="pending")
    drain()
    assert Escrow.objects.get(pk=trade.pk).status == Status.PAYMENT_CONFIRMED
