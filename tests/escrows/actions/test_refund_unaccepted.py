"""The seller stays silent: everything goes back (E11)."""

import pytest

from escrows.actions.refund_unaccepted import refund_unaccepted
from escrows.errors import NotAllowed
from escrows.models import Escrow
from escrows.states import Status
from lockbay.people.models import User
from tests.cast import a_paid_trade, an_offer, bea, held_by, later, paid, sol, usd, wallet_of
from tests.cast import set_back as _set_back
from tests.escrows.actions.triple import Triple


class TestRefundUnaccepted(Triple):
    allowed = {Status.PAYMENT_CONFIRMED: Status.REFUNDED}
    is_for_the_system = True

    def make_ready(self, escrow: Escrow) -> None:
        _set_back(escrow, "accept_by")

    def act(self, escrow: Escrow, actor: User | None = None) -> object:
        return refund_unaccepted(actor=actor, escrow_id=escrow.pk)

    def test_after_a_day_and_not_before(self) -> None:
        trade = a_paid_trade()
        with later(hours=23, minutes=59), pytest.raises(NotAllowed):
            self.act(trade)
        with later(hours=24, seconds=1):
            self.act(trade)
        assert (wallet_of(bea()), held_by(trade)) == (usd("21.00"), usd("0.00"))

    def test_also_when_no_seller_ever_came(self) -> None:
        trade = paid(an_offer())
        with later(hours=24, seconds=1):
            self.act(trade)
        assert wallet_of(bea()) == usd("21.00")

    def test_a_party_cannot_hurry_it(self) -> None:
        trade = a_paid_trade()
        _set_back(trade, "accept_by")
        for party in (bea(), sol()):
            with pytest.raises(NotAllowed):
                self.act(trade, actor=party)
