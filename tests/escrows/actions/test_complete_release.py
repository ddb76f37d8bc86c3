"""Time pays the seller only after a release or a delivery (E12, E14)."""

import pytest

from escrows.actions.complete_release import complete_release
from escrows.errors import NotAllowed, Reason
from escrows.models import Escrow
from escrows.states import Status
from lockbay.events.models import Event
from lockbay.people.models import User
from tests.cast import a_delivered_trade, an_active_trade, bea, later, olu, set_back, sol, usd, wallet_of
from tests.escrows.actions.triple import Triple


class TestCompleteRelease(Triple):
    allowed = {Status.ACTIVE: Status.COMPLETED, Status.DELIVERED: Status.COMPLETED}
    is_for_the_system = True

    def make_ready(self, escrow: Escrow) -> None:
        set_back(escrow, "release_due_at")

    def act(self, escrow: Escrow, actor: User | None = None) -> object:
        return complete_release(actor=actor, escrow_id=escrow.pk)

    def test_silence_after_delivery_pays_the_seller(self) -> None:
        trade = a_delivered_trade(inspection_hours=24)
        with later(hours=24, seconds=1):
            complete_release(actor=None, escrow_id=trade.pk)
        trade.refresh_from_db()
        assert (trade.status, trade.close_reason) == (Status.COMPLETED, "inspection_ended")
        assert wallet_of(sol()) == usd("20.00")

    def test_not_a_moment_earlier(self) -> None:
        trade = a_delivered_trade(inspection_hours=24)
        with later(hours=23, minutes=59), pytest.raises(NotAllowed) as caught:
            complete_release(actor=None, escrow_id=trade.pk)
        assert (caught.value.reason, caught.value.until) == (Reason.NOT_DUE, trade.inspection_ends_at)

    def test_time_alone_never_pays_without_delivered(self) -> None:
        trade = an_active_trade(hours=1)
        with later(days=1000), pytest.raises(NotAllowed):
            complete_release(actor=None, escrow_id=trade.pk)

    def test_staff_write_why_and_parties_may_not(self) -> None:
        trade = a_delivered_trade()
        set_back(trade, "inspection_ends_at")
        with pytest.raises(NotAllowed) as caught:
            complete_release(actor=olu(), escrow_id=trade.pk)
        assert caught.value.reason == Reason.NEEDS_REASON
        for party in (bea(), sol()):
            with pytest.raises(NotAllowed) as caught:
                complete_release(actor=party, escrow_id=trade.pk, note="please")
            assert caught.value.reason == Reason.STAFF_ONLY
        complete_release(actor=olu(), escrow_id=trade.pk, note="the worker was down")
        fact = Event.objects.filter(subject_id=trade.pk).order_by("seq").last()
        assert fact is not None
        assert (fact.actor_id, fact.data["note"]) == (olu().pk, "the worker was down")
