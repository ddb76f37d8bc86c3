"""A payment that was too short goes back to the buyer's wallet, inside the caller's transaction and under its lock."""

from dataclasses import dataclass
from datetime import datetime

from escrows.identifiers import operation_key, operation_reference
from escrows.models import Escrow, ShortPayment
from escrows.preview import full_refund_legs
from escrows.recounting import escrow_event
from escrows.shortfall import close_short, open_short_of
from escrows.states import ShortState
from lockbay.events.kinds import Kind
from lockbay.events.recording import NewEvent
from lockbay.people.models import User
from wallets.ledger import NewOperation, post


@dataclass(frozen=True)
class ShortReturn:
    """What is to be given back, and the posting that does it; made while the trade is still payment_pending."""

    short: ShortPayment
    operation: NewOperation


def short_return_of(escrow: Escrow) -> ShortReturn | None:
    """What giving back takes; None when nothing waits."""
    short = open_short_of(escrow)
    if short is None:
        return None
    key = operation_key(escrow.public_id, f"short:{short.pk}:back")
    operation = NewOperation(
        kind="escrow_short_back",
        key=key,
        legs=full_refund_legs(escrow),
        reference=operation_reference(escrow.public_id, key),
        memo=escrow.public_id,
    )
    return ShortReturn(short, operation)


def give_back(returned: ShortReturn | None, *, actor: User | None, now: datetime) -> list[NewEvent]:
    """Posts it, after the trade was moved; returns the fact that the caller records."""
    if returned is None:
        return []
    short = returned.short
    close_short(short, ShortState.TAKEN_BACK, now)
    post([returned.operation])
    return [escrow_event(Kind.ESCROW_SHORT_TAKEN_BACK, short.escrow, actor, buyer_gets=short.held)]
