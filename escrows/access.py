"""How an edge obtains an escrow: only here, and "missing" looks the same as "not yours" (E1)."""

from escrows.errors import NotFound
from escrows.identifiers import PUBLIC_ID
from escrows.models import Escrow, Side
from lockbay.people.models import User


def escrow_for(actor: User, public_id: str) -> Escrow:
    """The trade `public_id` in which `actor` is a party. Raises: NotFound."""
    cleaned = public_id.strip().upper()
    if not PUBLIC_ID.fullmatch(cleaned):
        raise NotFound
    escrow = Escrow.objects.of(actor.pk).select_related("buyer", "seller").filter(public_id=cleaned).first()
    if escrow is None:
        raise NotFound
    return escrow


def side_of(escrow: Escrow, actor: User | None) -> Side | None:
    """On which side `actor` is; None for strangers, staff and the system."""
    if actor is None or actor.pk is None:
        return None
    if escrow.buyer_id == actor.pk:
        return Side.BUYER
    return Side.SELLER if escrow.seller_id == actor.pk else None


def lock_escrow(actor: User | None, escrow_id: int) -> Escrow:
    """The row, locked, for an act of `actor`: a party, active staff, or None for the system. Raises: NotFound."""
    escrow = Escrow.objects.locked(escrow_id).first()
    if escrow is None:
        raise NotFound
    if actor is not None and side_of(escrow, actor) is None and not is_staff(actor):
        raise NotFound
    return escrow


def is_staff(actor: User | None) -> bool:
    """Staff who may sign in."""
    return actor is not None and actor.is_staff and actor.is_active
