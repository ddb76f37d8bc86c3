"""The seller takes a paid trade on (E11)."""

from datetime import timedelta

import pytest

from escrows.actions.accept import accept_escrow
from escrows.errors import NotAllowed, Reason
from escrows.models import Escrow
from escrows.states import Status
from lockbay.people.models import User
from tests.cast import a_paid_trade, bea, later, set_back, sol
from tests.escrows.actions.triple import Triple


class TestAccept(Triple):
    allowed = {Status.PAYMENT_CONFIRMED: Status.ACTIVE}
    answered = frozenset({Status.ACTIVE})

    def act(self, escrow: Escrow, actor: User | None = None) -> object:
        return accept_escrow(actor=actor or sol(), escrow_id=escrow.pk)

    def test_restarts_the_delivery_clock(self) -> None:
        trade = a_paid_trade(hours=24)
        first = trade.delivery_deadline
        with later(hours=5):
            accepted = accept_escrow(actor=sol(), escrow_id=trade.pk)
        assert accepted.accepted_at is not None
        assert first is not None
        assert accepted.delivery_deadline == accepted.accepted_at + timedelta(hours=24)
        assert accepted.delivery_deadline - first >= timedelta(hours=5)

    def test_refuses_the_buyer(self) -> None:
        with pytest.raises(NotAllowed) as caught:
            self.act(a_paid_trade(), actor=bea())
        assert caught.value.reason == Reason.SELLER_ONLY

    def test_refuses_when_the_time_is_over(self) -> None:
        trade = a_paid_trade()
        set_back(trade, "accept_by")
        with pytest.raises(NotAllowed) as caught:
            self.act(trade)
        assert caught.value.reason == Reason.TOO_LATE
