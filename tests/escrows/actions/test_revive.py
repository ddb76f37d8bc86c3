"""An ended trade is taken up again with the money that came too late (E10)."""

import pytest

from escrows.actions.revive import revive_escrow
from escrows.errors import EscrowRefusal, NotAllowed, NotEnough, NotFound, PreviewChanged
from escrows.models import Escrow
from escrows.preview import revive_preview
from escrows.queries import can_revive
from escrows.states import Status
from lockbay.events.models import Event
from tests.cast import a_trade_in, bea, cancelled, give, held_by, snapshot_of, sol, stranger, usd, wallet_of
from tests.escrows.deposits import a_deposit, credit

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("books_green")]


@pytest.mark.parametrize("status", [Status.EXPIRED, Status.CANCELLED])
def test_late_money_pays_the_same_trade_again_once(status: Status) -> None:
    ended = a_trade_in(status)
    assert not can_revive(ended, bea())
    credit(a_deposit(ended, "22.00"))
    assert can_revive(ended, bea())
    digest = revive_preview(ended).digest
    first, second = (revive_escrow(actor=bea(), escrow_id=ended.pk, digest=digest) for _ in range(2))
    assert first.pk == second.pk != ended.pk
    again = Escrow.objects.get(pk=first.pk)
    assert (again.status, again.seller_id, again.price) == ("payment_confirmed", sol().pk, ended.price)
    assert (held_by(again), wallet_of(bea())) == (usd("21.00"), usd("1.00"))
    assert Event.objects.get(kind="escrow.revived").data["again"] == again.public_id
    assert not can_revive(ended, bea())
    cancelled(again)
    assert wallet_of(bea()) == usd("22.00")


@pytest.mark.parametrize("status", sorted(set(Status) - {Status.EXPIRED, Status.CANCELLED}))
def test_other_trades_cannot_be_revived(status: Status) -> None:
    trade = a_trade_in(status)
    give(bea(), "50.00")
    before = snapshot_of(trade)
    with pytest.raises(EscrowRefusal):
        revive_escrow(actor=bea(), escrow_id=trade.pk, digest="0" * 12)
    assert snapshot_of(trade) == before


def test_it_is_the_buyers_as_shown_with_enough_money() -> None:
    ended = a_trade_in(Status.EXPIRED)
    with pytest.raises(NotEnough):
        revive_escrow(actor=bea(), escrow_id=ended.pk, digest="0" * 12)
    give(bea(), "21.00")
    digest = revive_preview(ended).digest
    for actor, refusal in ((sol(), NotAllowed), (stranger(), NotFound)):
        with pytest.raises(refusal):
            revive_escrow(actor=actor, escrow_id=ended.pk, digest=digest)
    with pytest.raises(PreviewChanged):
        revive_escrow(actor=bea(), escrow_id=ended.pk, digest="0" * 12)
    Escrow.objects.filter(pk=ended.pk).update(seller=None)
    with pytest.raises(NotAllowed):
        revive_escrow(actor=bea(), escrow_id=ended.pk, digest=digest)
    assert (Escrow.objects.count(), wallet_of(bea())) == (1, usd("21.00"))
