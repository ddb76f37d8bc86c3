"""A trade whose money is in doubt stands still (P7): what freezing and thawing write, and how time moves (E15)."""

from datetime import datetime, timedelta
from typing import Any

from escrows.models import Escrow
from escrows.states import Status

# The deadlines that run in each status. A dispute stops its trade's clocks itself.
_RUNNING: dict[Status, tuple[str, ...]] = {
    Status.PAYMENT_CONFIRMED: ("accept_by", "delivery_deadline"),
    Status.ACTIVE: ("delivery_deadline",),
    Status.DELIVERED: ("inspection_ends_at",),
}
_DEADLINES = ("accept_by", "delivery_deadline", "inspection_ends_at")


def frozen_fields(escrow: Escrow, now: datetime) -> dict[str, Any]:
    """Stops the clocks, from the first loss on; a release that ran is cleared: the buyer asks for it again."""
    return {"frozen_at": escrow.frozen_at or now, "release_due_at": None}


def thawed_fields(escrow: Escrow, *, reference: str, now: datetime) -> dict[str, Any]:
    """Starts them again, every running deadline later by the time the trade stood still. `reference` is of the money
    that made it whole. The same columns for every trade: many are written by one statement."""
    running = _RUNNING.get(Status(escrow.status), ())
    by = stood_still(escrow, now)
    moments = {name: getattr(escrow, name) for name in _DEADLINES}
    moved = {name: at + by if at is not None and name in running else at for name, at in moments.items()}
    return {"frozen_at": None, "deposit_reference": reference, **moved}


def stood_still(escrow: Escrow, now: datetime) -> timedelta:
    """For how long the trade has been frozen; nothing when it is not."""
    return timedelta(0) if escrow.frozen_at is None else max(now - escrow.frozen_at, timedelta(0))
