"""The seller declines: everything goes back, the fee too (E11)."""

from escrows.actions.decline import decline_escrow
from escrows.models import Escrow
from escrows.states import Status
from lockbay.events.models import Event
from lockbay.people.models import User
from tests.cast import a_paid_trade, bea, held_by, sol, usd, wallet_of
from tests.escrows.actions.triple import Triple


class TestDecline(Triple):
    allowed = {Status.PAYMENT_CONFIRMED: Status.REFUNDED}
    answered = frozenset({Status.REFUNDED})

    def act(self, escrow: Escrow, actor: User | None = None) -> object:
        return decline_escrow(actor=actor or sol(), escrow_id=escrow.pk)

    def test_the_buyer_has_everything_back(self) -> None:
        trade = a_paid_trade(price="20.00", fee_payer="buyer")
        declined = decline_escrow(actor=sol(), escrow_id=trade.pk)
        assert (wallet_of(bea()), wallet_of(sol()), held_by(trade)) == (usd("21.00"), usd("0.00"), usd("0.00"))
        assert declined.close_reason == "seller_declined"
        facts = list(Event.objects.filter(subject_id=trade.pk).order_by("-seq")[:2])
        assert [fact.kind for fact in facts] == ["escrow.refunded", "escrow.declined"]
        assert facts[0].data["buyer_gets"] == "21.00 USD"
