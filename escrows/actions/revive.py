"""Money came too late: the buyer takes the trade up again and pays it from the wallet, in one act (E10)."""

from django.db import transaction

from escrows.access import lock_escrow, side_of
from escrows.actions.pay_from_wallet import pay_from_wallet_within
from escrows.fees import Pricing
from escrows.identifiers import revival_key
from escrows.models import Escrow, Side
from escrows.opening import store_under_free_id
from escrows.policy import require_can_revive
from escrows.preview import preview_of, require_same
from escrows.recounting import escrow_event
from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.people.models import User


def revive_escrow(*, actor: User, escrow_id: int, digest: str) -> Escrow:
    """Opens the same trade again, at the same price and between the same people, paid from the buyer's wallet; the
    seller accepts or declines it like any other. `digest` is that of revive_preview.

    A second click gets the new trade. Raises: NotFound, NotAllowed, WrongStatus, NotEnough, PreviewChanged.
    """
    with transaction.atomic(durable=True):
        ended = lock_escrow(actor, escrow_id)
        known = Escrow.objects.filter(request_key=revival_key(ended.public_id)).first()
        if known is not None and side_of(ended, actor) == Side.BUYER:
            return known
        require_can_revive(ended, actor)
        again = _again(ended)
        facts = {"price": again.price, "revives": ended.public_id}
        first = (
            escrow_event(Kind.ESCROW_REVIVED, ended, actor, again=again.public_id),
            escrow_event(Kind.ESCROW_CREATED, again, actor, side=str(Side.BUYER), **facts),
        )
        pay_from_wallet_within(
            again,
            actor=actor,
            now=clock.database_now(),
            check=lambda legs: require_same(preview_of("revive", ended, legs), digest),
            first=first,
        )
    return again


def _again(ended: Escrow) -> Escrow:
    pricing = Pricing.of(ended)
    again = Escrow(
        request_key=revival_key(ended.public_id),
        started_by=Side.BUYER,
        buyer_id=ended.buyer_id,
        seller_id=ended.seller_id,
        asset=ended.asset,
        price_minor=pricing.price.minor,
        description=ended.description,
        delivery_hours=ended.delivery_hours,
        inspection_hours=ended.inspection_hours,
        fee_payer=ended.fee_payer,
        pricing=pricing.snapshot(),
    )
    store_under_free_id(again)
    return again
