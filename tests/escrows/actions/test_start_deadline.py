"""The time that hurts somebody starts when they were told (N8, E11, E12)."""

from datetime import timedelta

import pytest
from django.conf import LazySettings

from escrows.actions.mark_delivered import mark_delivered
from escrows.actions.report_untold import report_untold
from escrows.actions.start_deadline import start_told_deadline
from escrows.deadlines import ACCEPTANCE, INSPECTION, waiting_clock_of
from escrows.errors import NotAllowed, WrongStatus
from escrows.jobs import run_deadlines
from escrows.models import Escrow
from escrows.preview import payment_preview
from escrows.states import Status
from lockbay import clock
from lockbay.events.models import Event
from tests.cast import (
    a_delivered_trade,
    an_active_trade,
    an_agreement,
    an_offer,
    bea,
    give,
    later,
    max_,
    olu,
    paid,
    pay_from_wallet,
    sol,
    usd,
    wallet_of,
)

pytestmark = pytest.mark.django_db(transaction=True)


def an_untold_offer() -> Escrow:
    """Paid, and no channel has reached the seller."""
    trade = an_agreement()
    give(bea(), "21.00")
    return pay_from_wallet(actor=bea(), escrow_id=trade.pk, digest=payment_preview(trade).digest)


def an_untold_delivery() -> Escrow:
    """Delivered, and no channel has reached the buyer."""
    return mark_delivered(actor=sol(), escrow_id=an_active_trade(inspection_hours=72).pk)


def test_without_word_no_time_runs_and_no_job_ends_the_trade() -> None:
    offered, delivered = an_untold_offer(), an_untold_delivery()
    with later(days=30):
        run_deadlines()
    for trade, status in ((offered, Status.PAYMENT_CONFIRMED), (delivered, Status.DELIVERED)):
        trade.refresh_from_db()
        assert (trade.status, trade.accept_by if trade is offered else trade.inspection_ends_at) == (status, None)
    assert not Event.objects.filter(kind="escrow.deadline_near", subject_id__in=[offered.pk, delivered.pk]).exists()


def test_the_seller_s_day_runs_from_the_word() -> None:
    trade = an_untold_offer()
    with later(hours=30):
        before = clock.now()
        told = start_told_deadline(actor=None, escrow_id=trade.pk, what=ACCEPTANCE)
        assert told.accept_by is not None
        assert timedelta(hours=24) <= told.accept_by - before + timedelta(seconds=1) < timedelta(hours=24, minutes=1)
    with later(hours=53):
        run_deadlines()
        trade.refresh_from_db()
        assert trade.status == Status.PAYMENT_CONFIRMED
    with later(hours=55):
        run_deadlines()
    trade.refresh_from_db()
    assert (trade.status, wallet_of(bea())) == (Status.REFUNDED, usd("21.00"))


def test_the_inspection_runs_from_the_word_and_for_as_long_as_agreed() -> None:
    told = start_told_deadline(actor=None, escrow_id=an_untold_delivery().pk, what=INSPECTION)
    assert told.inspection_ends_at is not None
    assert told.inspection_ends_at - clock.now() > timedelta(hours=71, minutes=59)


def test_a_second_word_changes_nothing_and_is_no_second_fact() -> None:
    trade = an_untold_offer()
    first = start_told_deadline(actor=None, escrow_id=trade.pk, what=ACCEPTANCE)
    with later(hours=5):
        again = start_told_deadline(actor=None, escrow_id=trade.pk, what=ACCEPTANCE)
    assert (again.accept_by, again.version) == (first.accept_by, trade.version)
    assert Event.objects.filter(kind="escrow.deadline_started", subject_id=trade.pk).count() == 1


def test_a_late_word_of_the_offer_does_not_start_the_inspection() -> None:
    trade = start_told_deadline(actor=None, escrow_id=an_untold_delivery().pk, what=ACCEPTANCE)
    assert trade.inspection_ends_at is None


def test_who_answers_before_any_word_is_welcome() -> None:
    from escrows.actions.accept import accept_escrow

    assert accept_escrow(actor=sol(), escrow_id=an_untold_offer().pk).status == Status.ACTIVE


def test_without_a_seller_nobody_can_be_told_so_the_time_runs_from_the_payment() -> None:
    trade = paid(an_offer())
    assert trade.accept_by is not None
    assert waiting_clock_of(trade) is None


def test_staff_start_it_by_hand_with_a_reason_and_nobody_else_does() -> None:
    trade = an_untold_offer()
    for party in (bea(), sol(), max_()):
        with pytest.raises(NotAllowed):
            start_told_deadline(actor=party, escrow_id=trade.pk)
    started = start_told_deadline(actor=olu(), escrow_id=trade.pk, note="told on the phone")
    fact = Event.objects.get(kind="escrow.deadline_started", subject_id=trade.pk)
    assert (started.accept_by is not None, fact.actor_id, fact.data["note"]) == (True, olu().pk, "told on the phone")


def test_a_trade_that_is_over_is_left_alone() -> None:
    trade = a_delivered_trade()
    Escrow.objects.filter(pk=trade.pk).update(inspection_ends_at=None)
    from tests.cast import released

    released(trade)
    before = Event.objects.count()
    assert start_told_deadline(actor=None, escrow_id=trade.pk).inspection_ends_at is None
    assert Event.objects.count() == before


def test_staff_hear_once_of_whom_nothing_reached(settings: LazySettings) -> None:
    trade = an_untold_offer()
    with later(hours=23):
        assert not report_untold(actor=None, escrow_id=trade.pk)
    with later(hours=25):
        assert [report_untold(actor=None, escrow_id=trade.pk) for _ in range(2)] == [True, False]
    fact = Event.objects.get(kind="escrow.party_untold")
    assert (fact.data["side"], fact.data["deadline"]) == ("seller", ACCEPTANCE)


def test_the_system_never_starts_what_is_frozen() -> None:
    trade = an_untold_offer()
    Escrow.objects.filter(pk=trade.pk).update(frozen_at=clock.database_now())
    with pytest.raises((NotAllowed, WrongStatus)):
        start_told_deadline(actor=None, escrow_id=trade.pk)
