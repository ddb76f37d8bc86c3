"""An offer that nobody paid ends; one whose money is on its way waits (E6, E10)."""

from datetime import timedelta

import pytest

from escrows.actions.expire import expire_escrow
from escrows.errors import NotAllowed, Reason
from escrows.models import Escrow
from escrows.states import Status
from lockbay import clock
from lockbay.people.models import User
from payments.models import ChainClaim, Deposit, InboxEvent, Intent
from payments.states import DepositState
from tests.cast import a_waiting_trade, bea, olu, set_back
from tests.escrows.actions.triple import Triple
from tests.escrows.deposits import an_intent


class TestExpire(Triple):
    allowed = {Status.CREATED: Status.EXPIRED, Status.PAYMENT_PENDING: Status.EXPIRED}
    is_for_the_system = True

    def make_ready(self, escrow: Escrow) -> None:
        set_back(escrow, "expires_at")

    def act(self, escrow: Escrow, actor: User | None = None) -> object:
        return expire_escrow(actor=actor, escrow_id=escrow.pk)

    def test_not_before_its_time_and_not_by_a_party(self) -> None:
        trade = a_waiting_trade()
        with pytest.raises(NotAllowed) as caught:
            self.act(trade)
        assert (caught.value.reason, caught.value.until) == (Reason.NOT_DUE, trade.expires_at)
        set_back(trade, "expires_at")
        with pytest.raises(NotAllowed) as caught:
            self.act(trade, actor=bea())
        assert caught.value.reason == Reason.STAFF_ONLY
        with pytest.raises(NotAllowed) as caught:
            self.act(trade, actor=olu())
        assert caught.value.reason == Reason.NEEDS_REASON

    @pytest.mark.parametrize(
        ("seen_before", "expired_for", "is_waited_for"),
        [(True, timedelta(hours=1), True), (False, timedelta(hours=1), False), (True, timedelta(hours=25), False)],
    )
    def test_waits_a_day_for_a_payment_seen_in_time(
        self, seen_before: bool, expired_for: timedelta, is_waited_for: bool
    ) -> None:
        trade = a_waiting_trade()
        set_back(trade, "expires_at", expired_for)
        assert trade.expires_at is not None
        seen = trade.expires_at - timedelta(minutes=1) if seen_before else trade.expires_at + timedelta(minutes=1)
        Deposit.objects.create(
            intent=an_intent(trade),
            provider="sandbox",
            provider_payment_id="p1",
            chain="tron",
            asset="USDT",
            minor=1,
            raw_amount="1",
            state=DepositState.PENDING,
            first_seen_at=seen,
        )
        if is_waited_for:
            with pytest.raises(NotAllowed) as caught:
                self.act(trade)
            assert caught.value.reason == Reason.MONEY_ON_ITS_WAY
        else:
            self.act(trade)
        assert clock.now() > seen

    @pytest.mark.parametrize("is_in_time", [True, False])
    @pytest.mark.parametrize("heard", ["hash", "event"])
    def test_waits_for_what_was_heard_of_in_time_and_is_not_settled(self, heard: str, is_in_time: bool) -> None:
        """A pasted hash that no node has settled, an event that nobody has applied: not late by our own delay."""
        trade = a_waiting_trade()
        set_back(trade, "expires_at", timedelta(hours=1))
        assert trade.expires_at is not None
        at = trade.expires_at + (timedelta(minutes=-1) if is_in_time else timedelta(minutes=1))
        intent = an_intent(trade)
        if heard == "hash":
            ChainClaim.objects.create(intent=intent, chain="tron", txid="a" * 64, claimed_by=bea(), claimed_at=at)
        else:
            Intent.objects.filter(pk=intent.pk).update(provider_payment_id="p2")
            InboxEvent.objects.create(
                provider="sandbox", event_id="e1", body_digest="d", body=b"{}", payment_ref="p2", received_at=at
            )
        if is_in_time:
            with pytest.raises(NotAllowed) as caught:
                self.act(trade)
            assert caught.value.reason == Reason.MONEY_ON_ITS_WAY
        else:
            self.act(trade)
