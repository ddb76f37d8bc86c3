"""A trade is moved along its table by the acts that exist, with their own rules; staff act in nobody's own matter."""

from collections.abc import Callable

import pytest

from escrows.models import Escrow
from escrows.states import Status
from lockbay.events.models import Event
from tests import cast
from tests.cast import bea, olu, set_back, sol, usd, wallet_of
from tests.escrows.deposits import a_deposit, credit, take_back
from tests.repairs.stories import REASON, Mending, everything
from wallets.errors import RepairRefused

pytestmark = pytest.mark.django_db(transaction=True)


def move(escrow: Escrow, to: str) -> Mending:
    return Mending("move_escrow", "escrow", escrow.pk, {"move": to}, bea())


def _overdue(build: Callable[[], Escrow], deadline: str) -> Callable[[], Escrow]:
    def make() -> Escrow:
        escrow = build()
        set_back(escrow, deadline)
        return escrow

    return make


def a_frozen_trade() -> Escrow:
    trade = cast.a_waiting_trade()
    gone, stays = a_deposit(trade, "12.00"), a_deposit(trade, "9.00")
    credit(gone, stays)
    take_back(gone)
    trade.refresh_from_db()
    return trade


@pytest.mark.parametrize(
    ("build", "to", "status", "buyer", "seller"),
    [
        (_overdue(cast.a_delivered_trade, "inspection_ends_at"), "complete", Status.COMPLETED, "0.00", "20.00"),
        (_overdue(cast.a_paid_trade, "accept_by"), "refund", Status.REFUNDED, "21.00", "0.00"),
        (_overdue(cast.an_offer, "expires_at"), "expire", Status.EXPIRED, "0.00", "0.00"),
        (cast.an_agreement, "cancel", Status.CANCELLED, "0.00", "0.00"),
        (cast.a_paid_trade, "cancel", Status.REFUNDED, "21.00", "0.00"),
        (_overdue(cast.an_active_trade, "delivery_deadline"), "cancel", Status.REFUNDED, "21.00", "0.00"),
        (a_frozen_trade, "end_frozen", Status.REFUNDED, "9.00", "0.00"),
    ],
)
def test_a_step_that_is_due_is_taken_by_its_act(
    build: Callable[[], Escrow], to: str, status: Status, buyer: str, seller: str
) -> None:
    escrow = build()
    before = escrow.status
    shown = move(escrow, to).look(olu())
    assert [(one.before, one.after) for one in shown.changes if one.what == "status"] == [(before, status)]
    move(escrow, to).ask(olu())
    escrow.refresh_from_db()
    assert (escrow.status, wallet_of(bea()), wallet_of(sol())) == (status, usd(buyer), usd(seller))
    fact = Event.objects.filter(subject_type="escrow", subject_id=escrow.pk).latest("seq")
    assert (fact.actor_id, fact.data["note"]) == (olu().pk, REASON)


@pytest.mark.parametrize(
    ("build", "to", "refusal"),
    [
        (cast.a_delivered_trade, "complete", "escrow_not_due"),
        (cast.an_active_trade, "complete", "escrow_not_due"),
        (cast.an_active_trade, "cancel", "escrow_deadline_not_over"),
        (cast.an_offer, "expire", "escrow_not_due"),
        (cast.a_delivered_trade, "cancel", "escrow_wrong_status"),
        (cast.a_delivered_trade, "refund", "escrow_wrong_status"),
        (cast.a_paid_trade, "end_frozen", "escrow_not_frozen"),
        (a_frozen_trade, "refund", "escrow_payment_in_doubt"),
        (lambda: cast.a_trade_in(Status.DISPUTED), "complete", "escrow_wrong_status"),
        (lambda: cast.a_trade_in(Status.COMPLETED), "cancel", "escrow_wrong_status"),
        (cast.an_offer, "delivered", "choose_move"),
    ],
)
def test_a_step_that_is_not_due_or_not_in_the_table_is_refused(
    build: Callable[[], Escrow], to: str, refusal: str
) -> None:
    escrow = build()
    before = everything()
    with pytest.raises(RepairRefused, match=refusal):
        move(escrow, to).look(olu())
    assert everything() == before


def test_a_trade_that_holds_more_than_the_limit_needs_two_people() -> None:
    escrow = cast.a_delivered_trade(price="400.00")
    set_back(escrow, "inspection_ends_at")
    repair = move(escrow, "complete").ask(olu())
    escrow.refresh_from_db()
    assert (repair.needs_two, repair.amount, escrow.status) == (True, usd("420.00"), Status.DELIVERED)


def test_a_short_payment_goes_back_with_the_trade() -> None:
    escrow = cast.a_waiting_trade()
    credit(a_deposit(escrow, "9.00"))
    move(escrow, "cancel").ask(olu())
    escrow.refresh_from_db()
    assert (escrow.status, wallet_of(bea())) == (Status.CANCELLED, usd("9.00"))
