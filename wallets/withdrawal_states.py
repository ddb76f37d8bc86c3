"""The life-cycle of a withdrawal: one table (W2). wallets/withdrawal_moving.py, which writes the status, obeys it."""

from django.db import models


class WithdrawalStatus(models.TextChoices):
    """Facts, in the order of a payout that goes well."""

    PENDING_APPROVAL = "pending_approval"
    AWAITING_REGISTRATION = "awaiting_registration"  # approved; the rail must know the address before it can be paid
    PROCESSING = "processing"
    SENT = "sent"
    UNKNOWN = "unknown"  # it may have been paid: nobody tries again until somebody knows (W4)
    COMPLETED = "completed"
    REVERSED = "reversed"  # the provider took a success back (W6)
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    FAILED = "failed"


_S = WithdrawalStatus
TRANSITIONS: dict[WithdrawalStatus, frozenset[WithdrawalStatus]] = {
    _S.PENDING_APPROVAL: frozenset({_S.AWAITING_REGISTRATION, _S.PROCESSING, _S.REJECTED, _S.CANCELLED}),
    _S.AWAITING_REGISTRATION: frozenset({_S.PROCESSING, _S.FAILED}),
    _S.PROCESSING: frozenset({_S.SENT, _S.UNKNOWN, _S.COMPLETED, _S.FAILED}),
    _S.SENT: frozenset({_S.UNKNOWN, _S.COMPLETED, _S.FAILED}),
    _S.UNKNOWN: frozenset({_S.SENT, _S.COMPLETED, _S.FAILED}),
    _S.COMPLETED: frozenset({_S.REVERSED}),
    _S.REVERSED: frozenset(),
    _S.REJECTED: frozenset(),
    _S.CANCELLED: frozenset(),
    _S.FAILED: frozenset(),
}

PENDING = frozenset({_S.PENDING_APPROVAL})  # the money lies on user:held
IN_FLIGHT = frozenset({_S.AWAITING_REGISTRATION, _S.PROCESSING, _S.SENT, _S.UNKNOWN})  # it lies on an own hold
APPROVED_ONCE = IN_FLIGHT | {_S.COMPLETED, _S.REVERSED, _S.FAILED}
PAID_OUT = frozenset({_S.COMPLETED})  # it has left the books
RETURNED = frozenset({_S.REVERSED, _S.REJECTED, _S.CANCELLED, _S.FAILED})  # it is back where it came from
OPEN = PENDING | IN_FLIGHT
CLOSED = PAID_OUT | RETURNED
# What only a provider's answer or two people may decide (W4).
UNDECIDED = frozenset({_S.SENT, _S.UNKNOWN})


def sources_of(target: WithdrawalStatus) -> frozenset[WithdrawalStatus]:
    """The states from which `target` may be reached."""
    return frozenset(source for source, targets in TRANSITIONS.items() if target in targets)
