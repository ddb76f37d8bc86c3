"""The seller says that he delivered: the inspection starts (E12)."""

from datetime import timedelta

import pytest

from escrows.actions.mark_delivered import mark_delivered
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

    def test_starts_the_agreed_inspection(self) -> None:
        delivered = mark_delivered(actor=sol(), escrow_id=an_active_trade(inspection_hours=72).pk)
        assert delivered.delivered_at is not None
        assert delivered.inspection_ends_at == delivered.delivered_at + timedelta(hours=72)

    def test_refuses_the_buyer(self) -> None:
        with pytest.raises(NotAllowed):
            self.act(an_active_trade(), actor=bea())
