"""Who sees which trade (E1), page by page, and what they do next."""

import pytest

from escrows.access import escrow_for, side_of
from escrows.errors import NotFound
from escrows.models import Side
from escrows.queries import NextStep, trades_of, what_next
from escrows.states import Status
from tests.cast import a_paid_trade, a_trade_in, an_agreement, an_offer, bea, max_, olu, paid, sol, stranger

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_parties_find_their_trade_however_they_type_its_id() -> None:
    trade = an_agreement()
    for person in (bea(), sol()):
        assert escrow_for(person, f"  {trade.public_id.lower()}\n") == trade
    assert (side_of(trade, bea()), side_of(trade, sol()), side_of(trade, stranger())) == (Side.BUYER, Side.SELLER, None)
    assert side_of(trade, None) is None


def test_missing_and_not_yours_look_the_same() -> None:
    trade = an_agreement()
    answers = []
    for person, public_id in (
        (stranger(), trade.public_id),
        (max_(), trade.public_id),
        (olu(), trade.public_id),
        (bea(), "ES010126AAAA"),
        (bea(), ""),
        (bea(), "%"),
        (bea(), "\x00"),
    ):
        with pytest.raises(NotFound) as caught:
            escrow_for(person, public_id)
        answers.append(caught.value.args)
    assert set(answers) == {()}


def test_trades_come_in_pages_newest_first() -> None:
    trades = [an_offer() for _ in range(5)]
    an_offer(side="seller")
    first = trades_of(bea(), limit=3)
    second = trades_of(bea(), before=first[-1].pk, limit=3)
    assert [trade.pk for trade in (*first, *second)] == [trade.pk for trade in reversed(trades)]


@pytest.mark.parametrize("status", Status)
def test_both_sides_have_a_next_step_in_every_status(status: Status) -> None:
    trade = a_trade_in(status)
    steps = {what_next(trade, side) for side in Side}
    assert what_next(trade, None) == NextStep.NOTHING
    if status in {Status.COMPLETED, Status.REFUNDED, Status.CANCELLED, Status.EXPIRED}:
        assert steps == {NextStep.NOTHING}
    else:
        assert NextStep.NOTHING not in steps


def test_whoever_is_alone_invites() -> None:
    assert what_next(an_offer(side="seller"), Side.SELLER) == NextStep.INVITE
    assert what_next(paid(an_offer()), Side.BUYER) == NextStep.INVITE
    assert what_next(a_paid_trade(), Side.BUYER) == NextStep.WAIT_FOR_SELLER
