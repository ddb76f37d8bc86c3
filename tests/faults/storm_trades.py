"""What buyers and sellers do in a storm: money moves from wallet to hold to wallet."""

from collections.abc import Callable

from escrows.actions.accept import accept_escrow
from escrows.actions.cancel import cancel_escrow
from escrows.actions.create import create_escrow
from escrows.actions.decline import decline_escrow
from escrows.actions.invite import make_invite
from escrows.actions.join import join_escrow
from escrows.actions.mark_delivered import mark_delivered
from escrows.actions.pay_from_wallet import pay_from_wallet
from escrows.actions.release import release_escrow
from escrows.models import Escrow, Side
from escrows.preview import payment_preview, refund_preview, release_preview
from escrows.states import LIVE, Status
from tests.faults.storm_turn import RECENT, Turn


def open_trade(turn: Turn) -> None:
    """Two people agree, and the buyer pays from the wallet."""
    buyer, seller = turn.chance.sample(turn.people, 2)
    escrow = create_escrow(
        actor=buyer,
        side=Side.BUYER,
        price=turn.money(5_00, 60_00),
        description="A lamp",
        delivery_hours=48,
        fee_payer=turn.chance.choice(["buyer", "seller", "split"]),
        request_key=turn.key,
    )
    if escrow.seller_id is None:
        escrow = join_escrow(actor=seller, token=make_invite(actor=buyer, escrow_id=escrow.pk))
    pay_from_wallet(actor=buyer, escrow_id=escrow.pk, digest=payment_preview(escrow).digest)


def go_on_with_trade(turn: Turn) -> None:
    """The next step of a trade, or its end."""
    rows = Escrow.objects.filter(status__in=sorted(LIVE), seller__isnull=False).order_by("-pk")
    found = list(rows.select_related("buyer", "seller")[:RECENT])
    if found:
        escrow = turn.chance.choice(found)
        turn.chance.choice(_STEPS[Status(escrow.status)])(escrow)


def _cancel_trade(escrow: Escrow) -> None:
    cancel_escrow(actor=escrow.buyer, escrow_id=escrow.pk, digest=refund_preview(escrow).digest)


def _release(escrow: Escrow) -> None:
    release_escrow(actor=escrow.buyer, escrow_id=escrow.pk, digest=release_preview(escrow).digest)


def _accept(escrow: Escrow) -> None:
    accept_escrow(actor=escrow.seller, escrow_id=escrow.pk)


def _decline(escrow: Escrow) -> None:
    decline_escrow(actor=escrow.seller, escrow_id=escrow.pk)


def _deliver(escrow: Escrow) -> None:
    mark_delivered(actor=escrow.seller, escrow_id=escrow.pk)


def _pay(escrow: Escrow) -> None:
    pay_from_wallet(actor=escrow.buyer, escrow_id=escrow.pk, digest=payment_preview(escrow).digest)


_STEPS: dict[Status, list[Callable[[Escrow], None]]] = {
    Status.CREATED: [_pay, _pay, _cancel_trade],
    Status.PAYMENT_CONFIRMED: [_accept, _accept, _accept, _decline, _cancel_trade],
    Status.ACTIVE: [_deliver, _release, _release, _cancel_trade],
    Status.DELIVERED: [_release],
}
