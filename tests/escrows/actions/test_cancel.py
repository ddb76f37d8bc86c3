"""Ending a trade before the seller is bound, or after he let the deadline pass (E11, E12)."""

from datetime import timedelta

import pytest
from pytest_django import Settings

from escrows.actions.cancel import cancel_escrow
from escrows.actions.mark_delivered import mark_delivered
from escrows.errors import NotAllowed, PreviewChanged, Reason, WrongStatus
from escrows.models import Escrow
from escrows.preview import refund_preview
from escrows.states import Status
from lockbay.people.models import User
from tests.cast import (
    a_paid_trade,
    a_waiting_trade,
    an_active_trade,
    an_agreement,
    bea,
    cancelled,
    give,
    held_by,
    later,
    paid,
    released,
    set_back,
    snapshot_of,
    sol,
    usd,
    wallet_of,
)
from tests.escrows.actions.triple import Triple
from wallets.accounts import CREDIT


class TestCancel(Triple):
    allowed = {
        Status.CREATED: Status.CANCELLED,
        Status.PAYMENT_PENDING: Status.CANCELLED,
        Status.PAYMENT_CONFIRMED: Status.REFUNDED,
        Status.ACTIVE: Status.REFUNDED,
    }
    answered = frozenset({Status.CANCELLED})

    def make_ready(self, escrow: Escrow) -> None:
        if escrow.status == Status.ACTIVE:
            set_back(escrow, "delivery_deadline")

    def act(self, escrow: Escrow, actor: User | None = None) -> object:
        return cancel_escrow(actor=actor or bea(), escrow_id=escrow.pk, digest=refund_preview(escrow).digest)

    def test_before_acceptance_everything_comes_back_with_the_fee(self) -> None:
        trade = cancelled(a_paid_trade(price="20.00"))
        assert (trade.status, trade.close_reason) == (Status.REFUNDED, "buyer_cancelled")
        assert (wallet_of(bea()), held_by(trade)) == (usd("21.00"), usd("0.00"))

    def test_trading_credit_comes_back_as_trading_credit(self) -> None:
        give(bea(), "5.00", kind=CREDIT)
        trade = paid(an_agreement(price="20.00"))
        assert (wallet_of(bea()), wallet_of(bea(), CREDIT)) == (usd("5.00"), usd("0.00"))
        cancelled(trade)
        assert (wallet_of(bea()), wallet_of(bea(), CREDIT)) == (usd("21.00"), usd("5.00"))

    def test_never_delivered_by_the_deadline_the_buyer_may_cancel(self) -> None:
        trade = an_active_trade(hours=24)
        with later(hours=24, seconds=1):
            assert cancelled(trade).close_reason == "not_delivered"
        assert wallet_of(bea()) == usd("21.00")

    def test_not_before_the_deadline_and_not_after_delivered(self) -> None:
        trade = an_active_trade(hours=24)
        with pytest.raises(NotAllowed) as caught:
            cancelled(trade)
        assert (caught.value.reason, caught.value.until) == (Reason.DEADLINE_NOT_OVER, trade.delivery_deadline)
        with later(hours=24, seconds=1):
            delivered = mark_delivered(actor=sol(), escrow_id=trade.pk)
            with pytest.raises(WrongStatus):
                cancelled(delivered)

    def test_not_while_a_release_runs(self, settings: Settings) -> None:
        settings.RELEASE_UNDO_WINDOW = timedelta(seconds=60)
        trade = released(an_active_trade())
        set_back(trade, "delivery_deadline")
        with pytest.raises(NotAllowed) as caught:
            cancelled(trade)
        assert caught.value.reason == Reason.RELEASE_RUNNING

    def test_the_seller_may_only_before_a_payment_starts(self) -> None:
        trade = an_agreement()
        self.act(trade, actor=sol())
        trade.refresh_from_db()
        assert (trade.status, trade.close_reason) == (Status.CANCELLED, "seller_cancelled")
        for later_trade in (a_waiting_trade(), a_paid_trade()):
            with pytest.raises(NotAllowed):
                self.act(later_trade, actor=sol())

    def test_refuses_another_preview(self) -> None:
        trade = a_paid_trade()
        before = snapshot_of(trade)
        with pytest.raises(PreviewChanged):
            cancel_escrow(actor=bea(), escrow_id=trade.pk, digest="0" * 12)
        assert snapshot_of(trade) == before

    def test_a_second_click_pays_nothing_twice(self) -> None:
        trade = a_paid_trade()
        digest = refund_preview(trade).digest
        for _ in range(2):
            assert cancel_escrow(actor=bea(), escrow_id=trade.pk, digest=digest).status == Status.REFUNDED
        assert wallet_of(bea()) == usd("21.00")
