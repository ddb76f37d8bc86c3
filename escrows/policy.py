"""Who may do what, when. One require_can_… per act; each raises the named refusal and changes nothing.

`now` is the moment the act happens (database time under the lock); an act and its deadline meet under the same lock, so
exactly one of them wins. The system (actor None) acts only through the acts that deadlines drive. While the payment of
a trade is in doubt nobody moves it (P7): the buyer may pay again, and staff may end it.
"""

from collections.abc import Collection
from datetime import datetime

from escrows.access import is_staff, side_of
from escrows.errors import NotAllowed, NotFound, Reason, WrongStatus
from escrows.models import Escrow, ShortPayment, Side
from escrows.states import CANCELLABLE, HOLDS_MONEY, JOINABLE, PAYABLE, RELEASABLE, ShortState, Status
from lockbay.people.models import User
from lockbay.people.roles import MEDIATOR, OPERATOR, OWNER

_ONLY = {Side.BUYER: Reason.BUYER_ONLY, Side.SELLER: Reason.SELLER_ONLY}


def require_can_invite(escrow: Escrow, actor: User | None) -> None:
    """A party, while the other side is free."""
    if side_of(escrow, actor) is None:
        raise NotFound
    _require_status(escrow, JOINABLE)
    if escrow.buyer_id is not None and escrow.seller_id is not None:
        raise NotAllowed(Reason.COUNTERPARTY_THERE)


def require_can_pay(escrow: Escrow, actor: User | None, now: datetime) -> None:
    """The buyer, while the trade waits for money and the offer stands, or while money it relied on is missing (P7)."""
    _require_side(escrow, actor, Side.BUYER)
    if escrow.frozen_at is not None:
        return
    _require_status(escrow, PAYABLE)
    if escrow.expires_at is not None and escrow.expires_at <= now:
        raise NotAllowed(Reason.TOO_LATE)


def require_can_decide_short(escrow: Escrow, actor: User | None, short: ShortPayment | None, now: datetime) -> None:
    """The buyer, while money that is too little waits for a decision (E8)."""
    _require_side(escrow, actor, Side.BUYER)
    _require_open_short(escrow, short, now)


def require_can_ask_for_less(escrow: Escrow, actor: User | None, short: ShortPayment | None, now: datetime) -> None:
    """The buyer, when there is a seller who has not said no to this amount yet."""
    require_can_decide_short(escrow, actor, short, now)
    if escrow.seller_id is None:
        raise NotAllowed(Reason.COUNTERPARTY_MISSING)
    if short is not None and short.state == ShortState.REFUSED:
        raise NotAllowed(Reason.ALREADY_REFUSED)


def require_can_answer_less(escrow: Escrow, actor: User | None, short: ShortPayment | None, now: datetime) -> None:
    """The seller, once asked."""
    _require_side(escrow, actor, Side.SELLER)
    _require_open_short(escrow, short, now)
    if short is None or short.state != ShortState.ASKED:
        raise NotAllowed(Reason.NOT_ASKED)


def _require_open_short(escrow: Escrow, short: ShortPayment | None, now: datetime) -> None:
    _require_status(escrow, {Status.PAYMENT_PENDING})
    if short is None:
        raise NotAllowed(Reason.NOTHING_SHORT)
    if short.choose_by <= now:
        raise NotAllowed(Reason.TOO_LATE)


def require_can_revive(escrow: Escrow, actor: User | None) -> None:
    """The buyer, when the trade ended unpaid and both are still there; its price stands (E10)."""
    _require_side(escrow, actor, Side.BUYER)
    _require_status(escrow, {Status.EXPIRED, Status.CANCELLED})
    if escrow.seller_id is None:
        raise NotAllowed(Reason.COUNTERPARTY_MISSING)


def require_can_accept(escrow: Escrow, actor: User | None, now: datetime) -> None:
    """The seller, once it is paid and before the time to accept is over (E11)."""
    _require_side(escrow, actor, Side.SELLER)
    _require_status(escrow, {Status.PAYMENT_CONFIRMED})
    _require_not_frozen(escrow)
    if escrow.accept_by is not None and escrow.accept_by <= now:
        raise NotAllowed(Reason.TOO_LATE)


def require_can_decline(escrow: Escrow, actor: User | None) -> None:
    """The seller, instead of accepting."""
    _require_side(escrow, actor, Side.SELLER)
    _require_status(escrow, {Status.PAYMENT_CONFIRMED})
    _require_not_frozen(escrow)


def require_can_mark_delivered(escrow: Escrow, actor: User | None) -> None:
    """The seller, after accepting; late too, as long as the buyer has not cancelled."""
    _require_side(escrow, actor, Side.SELLER)
    _require_status(escrow, {Status.ACTIVE})
    _require_not_frozen(escrow)


def require_can_release(escrow: Escrow, actor: User | None) -> None:
    """The buyer, from acceptance on."""
    _require_side(escrow, actor, Side.BUYER)
    _require_status(escrow, RELEASABLE)
    _require_not_frozen(escrow)


def require_can_undo_release(escrow: Escrow, actor: User | None, now: datetime) -> None:
    """The buyer, until the undo window ends (E14)."""
    _require_side(escrow, actor, Side.BUYER)
    _require_status(escrow, RELEASABLE)
    _require_not_frozen(escrow)
    if escrow.release_due_at is None:
        raise NotAllowed(Reason.NO_RELEASE_RUNNING)
    if escrow.release_due_at <= now:
        raise NotAllowed(Reason.TOO_LATE)


def require_can_complete(escrow: Escrow, actor: User | None, now: datetime) -> None:
    """The system or staff, once the undo window or the inspection of a delivered trade is over (E12, E14)."""
    _require_system_or_staff(escrow, actor)
    _require_status(escrow, RELEASABLE)
    _require_not_frozen(escrow)
    if not is_completion_due(escrow, now):
        raise NotAllowed(Reason.NOT_DUE, until=escrow.release_due_at or escrow.inspection_ends_at)


def is_completion_due(escrow: Escrow, now: datetime) -> bool:
    """True when the seller is to be paid now: time alone is never enough without "delivered"."""
    if escrow.release_due_at is not None and escrow.release_due_at <= now:
        return True
    is_inspected = escrow.inspection_ends_at is not None and escrow.inspection_ends_at <= now
    return escrow.status == Status.DELIVERED and is_inspected


def require_can_cancel(escrow: Escrow, actor: User | None, now: datetime) -> None:
    """Unpaid: the buyer, and before a payment starts the seller too. Paid: the buyer, before acceptance, or when the
    delivery deadline passed without "delivered" (E11, E12)."""
    side = side_of(escrow, actor)
    if side is None:
        raise NotFound
    if side == Side.SELLER and escrow.status != Status.CREATED:
        raise NotAllowed(Reason.BUYER_ONLY)
    _require_status(escrow, {Status.CREATED, Status.PAYMENT_PENDING, Status.PAYMENT_CONFIRMED, Status.ACTIVE})
    _require_not_frozen(escrow)
    _require_not_within_delivery(escrow, now)


def require_can_cancel_as_staff(escrow: Escrow, actor: User, now: datetime) -> None:
    """Staff, in the parties' place: where the buyer could (A3)."""
    _require_system_or_staff(escrow, actor)
    _require_status(escrow, CANCELLABLE)
    _require_not_frozen(escrow)
    _require_not_within_delivery(escrow, now)


def _require_not_within_delivery(escrow: Escrow, now: datetime) -> None:
    if escrow.status != Status.ACTIVE:
        return
    if escrow.release_due_at is not None:
        raise NotAllowed(Reason.RELEASE_RUNNING)
    if escrow.delivery_deadline is not None and now < escrow.delivery_deadline:
        raise NotAllowed(Reason.DEADLINE_NOT_OVER, until=escrow.delivery_deadline)


def require_can_expire(escrow: Escrow, actor: User | None, now: datetime) -> None:
    """The system or staff, when nobody paid in time."""
    _require_system_or_staff(escrow, actor)
    _require_status(escrow, PAYABLE)
    if escrow.expires_at is None or now < escrow.expires_at:
        raise NotAllowed(Reason.NOT_DUE, until=escrow.expires_at)


def require_can_refund_unaccepted(escrow: Escrow, actor: User | None, now: datetime) -> None:
    """The system or staff, when the seller stayed silent (E11)."""
    _require_system_or_staff(escrow, actor)
    _require_status(escrow, {Status.PAYMENT_CONFIRMED})
    _require_not_frozen(escrow)
    if escrow.accept_by is None or now < escrow.accept_by:
        raise NotAllowed(Reason.NOT_DUE, until=escrow.accept_by)


def require_can_start_deadline(escrow: Escrow, actor: User | None) -> None:
    """The system or staff; what waits meanwhile is looked at by the act."""
    _require_system_or_staff(escrow, actor)
    _require_not_frozen(escrow)


def require_can_end_frozen(escrow: Escrow, actor: User) -> None:
    """Staff, while money that the trade relied on is missing (P7)."""
    _require_system_or_staff(escrow, actor)
    _require_status(escrow, HOLDS_MONEY)
    if escrow.frozen_at is None:
        raise NotAllowed(Reason.NOT_FROZEN)


def require_written_reason(actor: User | None, reason: str) -> None:
    """Staff say why; the system need not."""
    if is_staff(actor) and not reason.strip():
        raise NotAllowed(Reason.NEEDS_REASON)


def _require_side(escrow: Escrow, actor: User | None, wanted: Side) -> None:
    side = side_of(escrow, actor)
    if side is None:
        raise NotFound
    if side != wanted:
        raise NotAllowed(_ONLY[wanted])


def may_act_as_staff(actor: User) -> bool:
    """Owners, operators and mediators; an auditor only looks (A4)."""
    if not is_staff(actor):
        return False
    return actor.is_superuser or actor.groups.filter(name__in=[OWNER, OPERATOR, MEDIATOR]).exists()


def _require_system_or_staff(escrow: Escrow, actor: User | None) -> None:
    if actor is not None and (side_of(escrow, actor) is not None or not may_act_as_staff(actor)):
        raise NotAllowed(Reason.STAFF_ONLY)


def _require_not_frozen(escrow: Escrow) -> None:
    if escrow.frozen_at is not None:
        raise NotAllowed(Reason.PAYMENT_IN_DOUBT)


def _require_status(escrow: Escrow, wanted: Collection[Status]) -> None:
    if escrow.status not in wanted:
        raise WrongStatus(escrow.status, ",".join(sorted(status.value for status in wanted)))
