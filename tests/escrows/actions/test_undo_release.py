"""The buyer takes a release back inside its window (E14)."""

from datetime import timedelta

import pytest
from pytest_django import Settings

from escrows.actions.complete_release import complete_release
from escrows.actions.undo_release import undo_release
from escrows.errors import NotAllowed, Reason
from escrows.models import Escrow
from escrows.moving import amend
from escrows.states import Status
from lockbay import clock
from lockbay.people.models import User
from tests.cast import a_delivered_trade, bea, held_by, released, set_back, sol, usd, wallet_of
from tests.escrows.actions.triple import Triple


class TestUndoRelease(Triple):
    allowed = {Status.ACTIVE: Status.ACTIVE, Status.DELIVERED: Status.DELIVERED}

    def make_ready(self, escrow: Escrow) -> None:
        amend(escrow, {"release_due_at": clock.database_now() + timedelta(seconds=60)}, allowed=self.allowed)

    def act(self, escrow: Escrow, actor: User | None = None) -> object:
        return undo_release(actor=actor or bea(), escrow_id=escrow.pk)

    def test_clears_the_release_and_moves_no_money(self, settings: Settings) -> None:
        settings.RELEASE_UNDO_WINDOW = timedelta(seconds=60)
        trade = undo_release(actor=bea(), escrow_id=released(a_delivered_trade()).pk)
        assert trade.release_due_at is None
        assert (held_by(trade), wallet_of(sol())) == (usd("21.00"), usd("0.00"))
        with pytest.raises(NotAllowed):
            complete_release(actor=None, escrow_id=trade.pk)
        assert released(trade).release_due_at is not None

    def test_refuses_without_a_release_after_its_window_and_to_the_seller(self, settings: Settings) -> None:
        settings.RELEASE_UNDO_WINDOW = timedelta(seconds=60)
        trade = a_delivered_trade()
        for moment, actor, reason in (
            ("before", bea(), Reason.NO_RELEASE_RUNNING),
            ("running", sol(), Reason.BUYER_ONLY),
            ("after", bea(), Reason.TOO_LATE),
        ):
            if moment == "running":
                released(trade)
            elif moment == "after":
                set_back(trade, "release_due_at")
            with pytest.raises(NotAllowed) as caught:
                undo_release(actor=actor, escrow_id=trade.pk)
            assert caught.value.reason == reason
