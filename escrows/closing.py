"""The two ways a funded trade ends, inside the caller's transaction and under its lock: paid out, or given back."""

from datetime import datetime

import structlog
from django.db import transaction

from escrows.affiliates import Share, shares_of
from escrows.errors import SnapshotMalformed
from escrows.fees import Pricing
from escrows.identifiers import operation_key, operation_reference
from escrows.legs import release_legs
from escrows.models import Escrow
from escrows.moving import StatusChange, move
from escrows.preview import full_refund_legs
from escrows.recounting import escrow_event
from escrows.states import Status
from lockbay.events.kinds import Kind
from lockbay.events.recording import NewEvent, record
from lockbay.people.models import User
from wallets.accounts import USER_KINDS
from wallets.ledger import Leg, NewOperation, post
from wallets.money import Money

logger = structlog.get_logger(__name__)

BUYER_RELEASED, INSPECTION_ENDED = "buyer_released", "inspection_ended"
STAFF_CANCELLED = "staff_cancelled"
SELLER_DECLINED, NOT_ACCEPTED, BUYER_CANCELLED, NOT_DELIVERED, PAYMENT_GONE = (
    "seller_declined",
    "not_accepted",
    "buyer_cancelled",
    "not_delivered",
    "payment_gone",
)


def complete_within(escrow: Escrow, *, actor: User | None, reason: str, now: datetime, note: str = "") -> None:
    """Pays the seller and completes the trade; one posting, one fact. `note` is what staff wrote."""
    pricing = Pricing.of(escrow)
    if escrow.seller_id is None:
        raise SnapshotMalformed(escrow.public_id, "no seller")
    shares = shares_of(escrow, pricing, now)
    legs = release_legs(public_id=escrow.public_id, seller_id=escrow.seller_id, pricing=pricing, shares=shares)
    move([StatusChange(escrow, Status.COMPLETED, _closed(reason, now))])
    _post(escrow, "release", legs)
    facts = {"seller_gets": pricing.seller_net, "fee": pricing.fee, "reason": reason, **_noted(note)}
    record([escrow_event(Kind.ESCROW_COMPLETED, escrow, actor, **facts), *(_earned_event(share) for share in shares)])
    _log_after_commit("ESCROW_COMPLETED", escrow, reason)


def refund_within(
    escrow: Escrow, *, actor: User | None, reason: str, now: datetime, first: tuple[NewEvent, ...] = (), note: str = ""
) -> None:
    """Gives back all that is in the hold, the way it came (E11). `first` are facts that belong before the refund."""
    legs = full_refund_legs(escrow)
    move([StatusChange(escrow, Status.REFUNDED, _closed(reason, now))])
    if legs:  # a frozen trade may have nothing left (P7)
        _post(escrow, "refund", legs)
    back = sum((money for code, money in legs if code.kind in USER_KINDS), Money(0, escrow.asset))
    event = escrow_event(Kind.ESCROW_REFUNDED, escrow, actor, buyer_gets=back, reason=reason, **_noted(note))
    record([*first, event])
    _log_after_commit("ESCROW_REFUNDED", escrow, reason)


def _earned_event(share: Share) -> NewEvent:
    """Tells an affiliate what came, not from whose trade."""
    data = {"user_id": share.user_id, "money": str(share.money)}
    return NewEvent(kind=Kind.AFFILIATE_EARNED, subject_type="user", subject_id=share.user_id, data=data)


def _closed(reason: str, now: datetime) -> dict[str, object]:
    return {"closed_at": now, "close_reason": reason, "release_due_at": None, "frozen_at": None}


def _noted(note: str) -> dict[str, str]:
    return {"note": note.strip()} if note.strip() else {}


def _post(escrow: Escrow, purpose: str, legs: tuple[Leg, ...]) -> None:
    key = operation_key(escrow.public_id, purpose)
    reference = operation_reference(escrow.public_id, key)
    post([NewOperation(kind=f"escrow_{purpose}", key=key, legs=legs, reference=reference, memo=escrow.public_id)])


def _log_after_commit(line: str, escrow: Escrow, reason: str) -> None:
    public_id = escrow.public_id
    transaction.on_commit(lambda: logger.info(line, public_id=public_id, reason=reason))
