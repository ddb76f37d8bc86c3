"""Staff hear once of a payout that takes too long (W8)."""

from django.db import transaction

from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.recording import record
from lockbay.people.models import User
from wallets.models import Withdrawal
from wallets.withdrawal_events import withdrawal_event
from wallets.withdrawal_moving import amend_withdrawal
from wallets.withdrawal_states import WithdrawalStatus

_PROCESSING = frozenset({WithdrawalStatus.PROCESSING})


def report_overdue(*, actor: User | None, withdrawal_id: int) -> bool:
    """True when it was still processing and nobody had been told; the moment is kept, so that it is said once."""
    with transaction.atomic(durable=True):
        late = Withdrawal.objects.locked(withdrawal_id).filter(
            status=WithdrawalStatus.PROCESSING, overdue_at__isnull=True
        )
        withdrawal = late.first()
        if withdrawal is None or withdrawal.processing_since is None:
            return False
        now = clock.now()
        amend_withdrawal(withdrawal, allowed=_PROCESSING, overdue_at=now)
        minutes = int((now - withdrawal.processing_since).total_seconds() // 60)
        record([withdrawal_event(Kind.WITHDRAWAL_OVERDUE, withdrawal, actor, minutes=minutes)])
    return True
