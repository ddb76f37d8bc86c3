"""The owner takes a request back while it waits for approval."""

from django.db import transaction

from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.recording import record
from lockbay.people.models import User
from wallets import ledger
from wallets.errors import WithdrawalNotFound
from wallets.models import Withdrawal
from wallets.withdrawal_events import withdrawal_event
from wallets.withdrawal_legs import REQUEST, returning_operations
from wallets.withdrawal_moving import lock_withdrawal, move_withdrawal
from wallets.withdrawal_policy import require_owner, require_pending
from wallets.withdrawal_states import WithdrawalStatus


def cancel_withdrawal(*, actor: User, withdrawal_id: int) -> Withdrawal:
    """The amount goes back where it came from. A second click gets the cancelled request.

    Raises: WithdrawalNotFound, WrongWithdrawalStatus.
    """
    with transaction.atomic(durable=True):
        try:
            withdrawal = lock_withdrawal(withdrawal_id)
        except Withdrawal.DoesNotExist:
            raise WithdrawalNotFound from None
        require_owner(withdrawal, actor)
        if withdrawal.status == WithdrawalStatus.CANCELLED:
            return withdrawal
        require_pending(withdrawal, WithdrawalStatus.CANCELLED)
        move_withdrawal(withdrawal, WithdrawalStatus.CANCELLED, closed_at=clock.now())
        ledger.post(returning_operations(withdrawal, [REQUEST], memo="cancelled"))
        record([withdrawal_event(Kind.WITHDRAWAL_CANCELLED, withdrawal, actor)])
    return withdrawal
