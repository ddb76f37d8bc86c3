"""What staff are told about a payout."""

from lockbay.events.kinds import Kind
from lockbay.events.recording import NewEvent
from payments.models import PayoutAttempt
from wallets.models import Withdrawal


def staff_event(kind: Kind, withdrawal: Withdrawal, attempt: PayoutAttempt) -> NewEvent:
    """A fact about an attempt that staff must know."""
    return NewEvent(
        kind=kind,
        subject_type="payout_attempt",
        subject_id=attempt.pk,
        data={
            "public_id": withdrawal.public_id,
            "rail": withdrawal.rail,
            "status": withdrawal.status,
            "said": attempt.code or attempt.outcome,
            "tries": attempt.number,
        },
        correlation_id=attempt.correlation_id,
    )
