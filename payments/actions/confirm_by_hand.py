"""A payment that staff vouch for (A3) is stored as an event and applied by the way of every event."""

import hashlib

from lockbay import clock
from lockbay.observability.correlation import current_correlation_id
from payments import hand_written
from payments.actions.apply_event import apply_rows_within
from payments.hand_written import HandWritten
from payments.interpreting import Verdict
from payments.models import InboxEvent, Intent
from payments.states import Proof


def confirm_by_hand_within(*, intent: Intent, payment: HandWritten) -> Verdict:
    """Inside the caller's transaction; whoever calls looks at the verdict: only `applied` is a credit."""
    raw = hand_written.write(payment)
    row = InboxEvent.objects.create(
        provider=intent.provider,
        event_id=f"hand:{payment.repair}",
        body_digest=hashlib.sha256(raw).hexdigest(),
        body=raw,
        proof=Proof.HAND,
        payment_ref=payment.payment_id,
        kind=hand_written.KIND,
        correlation_id=current_correlation_id(),
        received_at=clock.now(),
    )
    return apply_rows_within([row]).verdicts[0]
