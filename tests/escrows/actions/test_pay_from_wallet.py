"""Paying from the wallet: trading credit first, all or nothing (E6, E7)."""

from datetime import timedelta

import pytest

from escrows.actions.pay_from_wallet import pay_from_wallet
from escrows.errors import NotAllowed, NotEnough, PreviewChanged, Reason
from escrows.models import Escrow
from escrows.preview import payment_preview
from escrows.states import Status
from lockbay.events.models import Event
from lockbay.people.models import User
from tests.cast import an_agreement, bea, give, held_by, paid, set_back, snapshot_of, sol, usd, wallet_of
from tests.escrows.actions.triple import Triple
from wallets.accounts import CREDIT


class TestPayFromWallet(Triple):
    allowed = {Status.CREATED: Status.PAYMENT_CONFIRMED, Status.PAYMENT_PENDING: Status.PAYMENT_CONFIRMED}
    answered = frozenset(
        {
            Status.PAYMENT_CONFIRMED,
            Status.ACTIVE,
            Status.DELIVERED,
            Status.DISPUTED,
            Status.COMPLETED,
            Status.REFUNDED,
        }
    )

    def make_ready(self, escrow: Escrow) -> None:
        give(bea(), "21.00")

    def act(self, escrow: Escrow, actor: User | None = None) -> object:
        try:
            digest = payment_preview(escrow).digest
        except NotEnough:
            digest = "none"
        return pay_from_wallet(actor=actor or bea(), escrow_id=escrow.pk, digest=digest)

    def test_writes_everything_a_confirmed_payment_has(self) -> None:
        trade = paid(an_agreement(hours=24))
        assert trade.payment_confirmed_at is not None
        assert trade.delivery_deadline == trade.payment_confirmed_at + timedelta(hours=24)
        assert trade.accept_by is not None  # told in this story (N8), so his day runs
        assert trade.accept_by >= trade.payment_confirmed_at + timedelta(hours=24)
        assert trade.expires_at is None
        assert trade.deposit_reference.startswith(f"ESC_{trade.public_id}_")
        assert held_by(trade) == usd("21.00")
        fact = Event.objects.get(subject_id=trade.pk, kind="escrow.payment_confirmed")
        assert (fact.data["value"], fact.data["variance"], fact.actor_id) == ("21.00 USD", "exact", bea().pk)

    def test_spends_trading_credit_first(self) -> None:
        give(bea(), "1.50", kind=CREDIT)
        give(bea(), "20.00")
        trade = an_agreement()
        self.act(trade)
        assert (wallet_of(bea()), wallet_of(bea(), CREDIT)) == (usd("0.50"), usd("0.00"))

    def test_says_what_is_missing(self) -> None:
        give(bea(), "20.50")
        trade = an_agreement()
        before = snapshot_of(trade)
        with pytest.raises(NotEnough) as caught:
            self.act(trade)
        assert caught.value.missing == usd("0.50")
        assert snapshot_of(trade) == before

    def test_refuses_when_the_wallet_is_another_than_shown(self) -> None:
        give(bea(), "30.00")
        trade = an_agreement()
        digest = payment_preview(trade).digest
        give(bea(), "3.00", kind=CREDIT)
        with pytest.raises(PreviewChanged):
            pay_from_wallet(actor=bea(), escrow_id=trade.pk, digest=digest)

    def test_refuses_the_seller_and_an_offer_that_is_over(self) -> None:
        give(bea(), "30.00")
        trade = an_agreement()
        with pytest.raises(NotAllowed) as caught:
            self.act(trade, actor=sol())
        assert caught.value.reason == Reason.BUYER_ONLY
        set_back(trade, "expires_at")
        with pytest.raises(NotAllowed) as caught:
            self.act(trade)
        assert caught.value.reason == Reason.TOO_LATE
