"""Many hands on one trade at one moment: exactly one wins, losers are told, books stay green (F29, F30, F45)."""

from collections.abc import Callable
from threading import Barrier, Thread

import pytest
from django.db import connection

from escrows.actions.accept import accept_escrow
from escrows.actions.cancel import cancel_escrow
from escrows.actions.complete_release import complete_release
from escrows.actions.decline import decline_escrow
from escrows.actions.expire import expire_escrow
from escrows.actions.mark_delivered import mark_delivered
from escrows.actions.pay_from_wallet import pay_from_wallet
from escrows.actions.refund_unaccepted import refund_unaccepted
from escrows.actions.release import release_escrow
from escrows.errors import EscrowRefusal, NotAllowed, WrongStatus
from escrows.jobs import run_deadlines
from escrows.models import Escrow
from escrows.preview import payment_preview, refund_preview, release_preview
from escrows.states import Status
from lockbay.events.models import Event
from tests.cast import (
    a_delivered_trade,
    a_paid_trade,
    a_waiting_trade,
    an_active_trade,
    bea,
    give,
    held_by,
    set_back,
    sol,
    usd,
    wallet_of,
)
from tests.escrows.deposits import a_deposit, credit
from wallets.models import Operation

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("books_green")]
ROUNDS = pytest.mark.parametrize("turn", range(3))


def all_at_once(*acts: Callable[[], object]) -> list[object]:
    """Runs each in its own thread and connection; an answer is what it returned or the refusal it met."""
    answers: list[object] = [None] * len(acts)
    gate = Barrier(len(acts))

    def run(place: int, act: Callable[[], object]) -> None:
        gate.wait()
        try:
            answers[place] = act()
        except EscrowRefusal as refusal:
            answers[place] = refusal
        except BaseException as error:
            answers[place] = error
            raise
        finally:
            connection.close()

    threads = [Thread(target=run, args=(place, act)) for place, act in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def closings_of(escrow: Escrow) -> int:
    keys = [f"escrow:{escrow.public_id}:{purpose}" for purpose in ("release", "refund")]
    return Operation.objects.filter(key__in=keys).count()


def facts_of(escrow: Escrow, kind: str) -> int:
    return Event.objects.filter(subject_id=escrow.pk, kind=kind).count()


@ROUNDS
def test_many_clicks_on_release_pay_once_and_all_are_answered(turn: int) -> None:
    trade, had = a_delivered_trade(), wallet_of(sol())
    digest = release_preview(trade).digest
    answers = all_at_once(*[lambda: release_escrow(actor=bea(), escrow_id=trade.pk, digest=digest) for _ in range(6)])
    assert [answer.status for answer in answers if isinstance(answer, Escrow)] == ["completed"] * 6
    assert wallet_of(sol()) - had == usd("20.00")
    assert facts_of(trade, "escrow.completed") == facts_of(trade, "escrow.release_requested") == 1


@ROUNDS
def test_many_clicks_on_pay_take_once(turn: int) -> None:
    trade = a_waiting_trade()
    give(bea(), "63.00")
    digest = payment_preview(trade).digest
    answers = all_at_once(*[lambda: pay_from_wallet(actor=bea(), escrow_id=trade.pk, digest=digest) for _ in range(6)])
    assert all(isinstance(answer, Escrow) for answer in answers)
    assert (wallet_of(bea()), held_by(trade)) == (usd("42.00"), usd("21.00"))


@ROUNDS
def test_release_cancel_and_the_clock_at_one_moment_have_one_winner(turn: int) -> None:
    trade = an_active_trade()
    set_back(trade, "delivery_deadline")
    release, refund = release_preview(trade).digest, refund_preview(trade).digest
    answers = all_at_once(
        lambda: release_escrow(actor=bea(), escrow_id=trade.pk, digest=release),
        lambda: cancel_escrow(actor=bea(), escrow_id=trade.pk, digest=refund),
        lambda: mark_delivered(actor=sol(), escrow_id=trade.pk),
        run_deadlines,
    )
    trade.refresh_from_db()
    closed = {Status.COMPLETED: 1, Status.REFUNDED: 1, Status.DELIVERED: 0}
    assert closings_of(trade) == closed[Status(trade.status)]
    assert sum(isinstance(answer, EscrowRefusal) for answer in answers) == 2


@ROUNDS
def test_release_and_auto_release_at_one_moment_pay_once(turn: int) -> None:
    trade, had = a_delivered_trade(), wallet_of(sol())
    set_back(trade, "inspection_ends_at")
    digest = release_preview(trade).digest
    answers = all_at_once(
        lambda: release_escrow(actor=bea(), escrow_id=trade.pk, digest=digest),
        lambda: complete_release(actor=None, escrow_id=trade.pk),
        lambda: complete_release(actor=None, escrow_id=trade.pk),
    )
    assert wallet_of(sol()) - had == usd("20.00")
    assert facts_of(trade, "escrow.completed") == 1
    assert sum(isinstance(answer, WrongStatus) for answer in answers) in {1, 2}


@ROUNDS
def test_accept_decline_cancel_and_silence_at_one_moment_have_one_winner(turn: int) -> None:
    trade = a_paid_trade()
    digest = refund_preview(trade).digest
    answers = all_at_once(
        lambda: accept_escrow(actor=sol(), escrow_id=trade.pk),
        lambda: decline_escrow(actor=sol(), escrow_id=trade.pk),
        lambda: cancel_escrow(actor=bea(), escrow_id=trade.pk, digest=digest),
        lambda: refund_unaccepted(actor=None, escrow_id=trade.pk),
    )
    trade.refresh_from_db()
    assert trade.status in {Status.ACTIVE, Status.REFUNDED}
    assert closings_of(trade) == (1 if trade.status == Status.REFUNDED else 0)
    assert sum(isinstance(answer, EscrowRefusal) for answer in answers) == 3


@ROUNDS
def test_money_expiry_cancel_and_wallet_at_one_moment_lose_nothing(turn: int) -> None:
    trade, had = a_waiting_trade(), wallet_of(bea())
    give(bea(), "21.00")
    deposit = a_deposit(trade, "21.00")
    pay, refund = payment_preview(trade).digest, refund_preview(trade).digest
    answers = all_at_once(
        lambda: credit(deposit),
        lambda: pay_from_wallet(actor=bea(), escrow_id=trade.pk, digest=pay),
        lambda: cancel_escrow(actor=bea(), escrow_id=trade.pk, digest=refund),
        lambda: expire_escrow(actor=None, escrow_id=trade.pk),
    )
    trade.refresh_from_db()
    assert isinstance(answers[3], NotAllowed | WrongStatus)
    assert trade.status in {Status.PAYMENT_CONFIRMED, Status.CANCELLED}
    assert wallet_of(bea()) - had + held_by(trade) == usd("42.00")
    assert facts_of(trade, "escrow.payment_confirmed") == (1 if trade.status == Status.PAYMENT_CONFIRMED else 0)


@ROUNDS
def test_drains_of_overlapping_lists_meet_the_acts_without_deadlock(turn: int) -> None:
    first, second = a_waiting_trade(), a_waiting_trade()
    forth, back = ([a_deposit(trade, "21.00") for trade in order] for order in ((first, second), (second, first)))
    answers = all_at_once(
        lambda: credit(*forth),
        lambda: credit(*back),
        lambda: cancel_escrow(actor=bea(), escrow_id=first.pk, digest=refund_preview(first).digest),
        lambda: cancel_escrow(actor=bea(), escrow_id=second.pk, digest=refund_preview(second).digest),
        run_deadlines,
    )
    assert not [answer for answer in answers if isinstance(answer, Exception) and not isinstance(answer, EscrowRefusal)]
    assert wallet_of(bea()) + held_by(first) + held_by(second) == usd("84.00")
