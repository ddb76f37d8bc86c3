"""A payment confirmed by hand is the payment itself: its own time, its own way, and never a second credit (A3, E7)."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from escrows.models import Escrow
from escrows.states import Status
from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.models import Event
from payments.actions.apply_event import drain
from payments.actions.replay_event import replay_event
from payments.models import Deposit, InboxEvent, Intent
from tests import cast
from tests.cast import bea, held_by, olu, usd, wallet_of
from tests.payments.money_in import SENT, a_txid, raw_of, stored
from tests.repairs.stories import Mending, a_lost_payment, everything, said_of
from wallets.errors import RepairRefused
from wallets.models import Operation

pytestmark = pytest.mark.django_db(transaction=True)


def by_hand(trade: Escrow, request: Intent, **changes: str) -> Mending:
    return Mending("confirm_payment", "escrow", trade.pk, {**said_of(request), **changes}, bea())


def told(intent: Intent, status: str = "confirmed", **changes: Any) -> InboxEvent:
    """The provider's own event, applied."""
    row = stored(raw_of(intent, status, **changes))
    drain()
    row.refresh_from_db()
    return row


def credits_posted() -> int:
    return Operation.objects.filter(key__contains=":credit:").count()


def test_it_keeps_the_time_of_the_payment_and_no_clock_ran_meanwhile() -> None:
    trade, intent = a_lost_payment()
    paid_at = clock.now().replace(second=0, microsecond=0)
    with cast.later(hours=3):
        shown = by_hand(trade, intent, paid_at=f"{paid_at:%Y-%m-%dT%H:%M}").look(olu())
        assert [one.after for one in shown.changes if one.what == "status"] == ["payment_confirmed"]
        assert ("expires_at", "") in [(one.what, one.after) for one in shown.changes]
        by_hand(trade, intent, paid_at=f"{paid_at:%Y-%m-%dT%H:%M}").ask(olu())
        now = clock.now()
    trade.refresh_from_db()
    deposit = Deposit.objects.get()
    assert (trade.status, trade.expires_at, held_by(trade)) == (Status.PAYMENT_CONFIRMED, None, usd("21.00"))
    assert trade.payment_confirmed_at == deposit.confirmed_at == deposit.first_seen_at == paid_at
    assert (trade.deposit_reference, deposit.is_late) == (deposit.txid, False)
    assert trade.delivery_deadline is not None
    assert abs(trade.delivery_deadline - now - timedelta(hours=48)) < timedelta(minutes=2)
    fact = Event.objects.get(kind=Kind.ESCROW_PAYMENT_CONFIRMED)
    assert datetime.fromisoformat(fact.data["payment_confirmed_at"]) == paid_at
    assert 3 * 3600 <= fact.data["extended_by"] < 3 * 3600 + 120


@pytest.mark.parametrize("changes", [{}, {"txid": SENT}], ids=["with its transaction", "without one"])
def test_its_own_event_later_credits_nothing(changes: dict[str, Any]) -> None:
    trade, intent = a_lost_payment()
    by_hand(trade, intent).ask(olu())
    assert Deposit.objects.get().by_hand
    for _ in range(2):
        row = told(intent, **changes)
        assert (row.status, row.operations) == ("duplicate", [])
    assert (credits_posted(), Deposit.objects.get().by_hand) == (1, False)
    another = told(intent, txid=a_txid("another"), amount_received="5")
    assert (another.status, credits_posted()) == ("applied", 2), "once its event has come, others are themselves again"


def test_while_only_a_person_vouches_for_it_no_other_payment_is_believed_to_be_another() -> None:
    """A transaction id that was mistyped must not become a second credit."""
    trade, intent = a_lost_payment()
    by_hand(trade, intent, txid=a_txid("mistyped")).ask(olu())
    for row in (told(intent), told(intent, "pending"), told(intent, amount_received="20.5")):
        assert (credits_posted(), wallet_of(bea())) == (1, usd("0.00")), row.status
    assert (told(intent).status, told(intent).error) in {("parked", "confirmed_by_hand"), ("duplicate", "")}
    assert InboxEvent.objects.filter(error="confirmed_by_hand").exists()
    by_hand(trade, intent).ask(olu(), reason="it was a second one, they sent both receipts")
    assert (credits_posted(), wallet_of(bea())) == (2, usd("21.00"))


def test_another_amount_for_it_waits_for_a_person() -> None:
    trade, intent = a_lost_payment()
    by_hand(trade, intent).ask(olu())
    row = told(intent, amount_received="9")
    assert (row.status, row.error, credits_posted()) == ("parked", "amount_differs", 1)


def test_a_payment_that_was_seen_is_confirmed_in_its_own_row() -> None:
    trade, intent = a_lost_payment()
    told(intent, "pending")
    pending = Deposit.objects.get()
    mending = Mending("confirm_payment", "deposit", pending.pk, said_of(intent), bea())
    mending.ask(olu())
    pending.refresh_from_db()
    assert (Deposit.objects.count(), pending.state, pending.by_hand) == (1, "confirmed", True)
    assert held_by(trade) == usd("21.00")


def test_its_stored_word_can_be_replayed_and_changes_nothing() -> None:
    trade, intent = a_lost_payment()
    by_hand(trade, intent).ask(olu())
    row = InboxEvent.objects.get(proof="hand")
    assert (row.status, row.operations) == ("applied", [f"deposit:{Deposit.objects.get().pk}:credit:1"])
    replay_event(actor=olu(), inbox_id=row.pk, dry_run=False, reason="once more")
    assert (credits_posted(), Deposit.objects.get().by_hand) == (1, True)


def test_for_a_trade_that_ended_it_goes_to_the_wallet_of_its_payer() -> None:
    trade, intent = a_lost_payment()
    cast.set_back(trade, "expires_at")
    cast.expire_escrow(actor=None, escrow_id=trade.pk)
    by_hand(trade, intent).ask(olu())
    trade.refresh_from_db()
    assert (trade.status, wallet_of(bea())) == (Status.EXPIRED, usd("21.00"))


def _credited(trade: Escrow, intent: Intent) -> None:
    told(intent)


def _in_suspense(trade: Escrow, intent: Intent) -> None:
    told(intent, payment_id="pay_of_nobody")


def _of_another(trade: Escrow, intent: Intent) -> None:
    _other, theirs = a_lost_payment()
    told(theirs, txid=a_txid(intent.pk))


@pytest.mark.parametrize(
    ("before", "refusal"),
    [(_credited, "credited_before"), (_in_suspense, "assign_instead"), (_of_another, "credited_elsewhere")],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_what_is_known_already_is_refused_and_the_right_repair_is_named(
    before: Callable[[Escrow, Intent], None], refusal: str
) -> None:
    trade, intent = a_lost_payment()
    before(trade, intent)
    known = everything()
    with pytest.raises(RepairRefused, match=refusal):
        by_hand(trade, intent).look(olu())
    assert everything() == known


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"intent": "PI?"}, "unknown_request"),
        ({"txid": "receipt 12"}, "txid_malformed"),
        ({"txid": ""}, "txid_malformed"),
        ({"amount": "0"}, "amount_malformed"),
        ({"amount": "1e3"}, "amount_malformed"),
        ({"paid_at": "yesterday"}, "time_malformed"),
        ({"paid_at": "2020-01-01T00:00"}, "paid_before_request"),
        ({"paid_at": "2099-01-01T00:00"}, "paid_in_the_future"),
    ],
)
def test_what_cannot_be_is_refused(changes: dict[str, str], refusal: str) -> None:
    trade, intent = a_lost_payment()
    with pytest.raises(RepairRefused, match=refusal):
        by_hand(trade, intent, **changes).look(olu())


def test_a_request_of_another_trade_is_not_taken() -> None:
    trade, _intent = a_lost_payment()
    _other, theirs = a_lost_payment()
    with pytest.raises(RepairRefused, match="unknown_request"):
        by_hand(trade, theirs).look(olu())


def test_the_providers_own_payment_id_serves_where_there_is_no_transaction() -> None:
    trade, intent = a_lost_payment()
    by_hand(trade, intent, txid=intent.provider_payment_id or "").ask(olu())
    assert (Deposit.objects.get().txid, held_by(trade)) == ("", usd("21.00"))
    assert told(intent).status == "duplicate"
    assert (Deposit.objects.get().txid, credits_posted()) == (a_txid(intent.pk), 1)
