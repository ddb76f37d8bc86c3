"""The life-cycle of an escrow: one table (E2). escrows/moving.py, the only writer of the status, obeys it."""

from django.db import models


class Status(models.TextChoices):
    """Facts, in the order of a good trade."""

    CREATED = "created"
    PAYMENT_PENDING = "payment_pending"
    PAYMENT_CONFIRMED = "payment_confirmed"
    ACTIVE = "active"
    DELIVERED = "delivered"
    DISPUTED = "disputed"
    COMPLETED = "completed"
    REFUNDED = "refunded"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


S = Status
TRANSITIONS: dict[Status, frozenset[Status]] = {
    S.CREATED: frozenset({S.PAYMENT_PENDING, S.PAYMENT_CONFIRMED, S.CANCELLED, S.EXPIRED}),  # a wallet pays at once
    S.PAYMENT_PENDING: frozenset({S.PAYMENT_CONFIRMED, S.CANCELLED, S.EXPIRED}),
    S.PAYMENT_CONFIRMED: frozenset({S.ACTIVE, S.REFUNDED}),
    S.ACTIVE: frozenset({S.DELIVERED, S.DISPUTED, S.COMPLETED, S.REFUNDED}),
    S.DELIVERED: frozenset({S.DISPUTED, S.COMPLETED, S.REFUNDED}),
    S.DISPUTED: frozenset({S.COMPLETED, S.REFUNDED}),
    S.COMPLETED: frozenset(),
    S.REFUNDED: frozenset(),
    S.CANCELLED: frozenset(),
    S.EXPIRED: frozenset(),
}

PAYABLE = frozenset({S.CREATED, S.PAYMENT_PENDING})
HOLDS_MONEY = frozenset({S.PAYMENT_CONFIRMED, S.ACTIVE, S.DELIVERED, S.DISPUTED})
FINAL = frozenset({S.COMPLETED, S.REFUNDED, S.CANCELLED, S.EXPIRED})
LIVE = frozenset(Status) - FINAL
# From payment_confirmed on: these carry confirmation time, deposit reference and deadline, and no expiry (E7, B8).
FUNDED_ONCE = HOLDS_MONEY | {S.COMPLETED, S.REFUNDED}
RELEASABLE = frozenset({S.ACTIVE, S.DELIVERED})
CANCELLABLE = frozenset({S.CREATED, S.PAYMENT_PENDING, S.PAYMENT_CONFIRMED, S.ACTIVE})
JOINABLE = frozenset({S.CREATED, S.PAYMENT_PENDING, S.PAYMENT_CONFIRMED})


class ShortState(models.TextChoices):
    """What became of a payment that was too short for its trade (E8). ASKED: the seller is asked to take less.

    VANISHED: nothing of it is left, what came is gone (P7).
    """

    WAITING = "waiting"
    ASKED = "asked"
    REFUSED = "refused"
    COMPLETED = "completed"
    AGREED = "agreed"
    TAKEN_BACK = "taken_back"
    VANISHED = "vanished"


SHORT_OPEN = frozenset({ShortState.WAITING, ShortState.ASKED, ShortState.REFUSED})


class MissingState(models.TextChoices):
    """What became of money that vanished from the hold of a live trade (P7). ENDED: the trade ended without it."""

    OPEN = "open"
    RESTORED = "restored"
    ENDED = "ended"


def sources_of(target: Status) -> frozenset[Status]:
    """The states from which `target` may be reached."""
    return frozenset(source for source, targets in TRANSITIONS.items() if target in targets)
