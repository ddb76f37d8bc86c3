"""The seller says that he delivered: the inspection starts when the buyer is told (E12, N8)."""

from datetime import timedelta

import pytest

from escrows.actions.mark_delivered import mark_delivered
from escrows.deadlines import waiting_clock_of
from escrows.errors import NotAllowed
from escrows.models import Escrow
from escrows.states import Status
from lockbay.people.models import User
from tests.cast import an_active_trade, bea, sol
from tests.escrows.actions.triple import Triple


class TestMarkDelivered(Triple):
    allowed = {Status.ACTIVE: Status.DELIVERED}
    answered = frozenset({Status.DELIVERED})

    def act(self, escrow: Escrow, actor: User | None = None) -> object:
        return mark_delivered(actor=actor or sol(), escrow_id=escrow.pk)

    def test_the_agreed_inspection_waits_for_the_buyer_to_be_told(self) -> None:
        delivered = mark_delivered(actor=sol(), escrow_id=an_active_trade(inspection_hours=72).pk)
        waiting = waiting_clock_of(delivered)
        assert waiting is not None
        assert (waiting.side, waiting.period, waiting.since) == ("buyer", timedelta(hours=72), delivered.delivered_at)
        assert delivered.inspection_ends_at is None

    def test_refuses_the_buyer(self) -> None:
        with pytest.raises(NotAllowed):
            self.act(an_active_trade(), actor=bea())
