"""Staff refuse a payout before anything was sent: the money goes back, and the owner reads why."""

from django.db import transaction

from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.recording import record
from lockbay.people.models import User
from wallets import ledger
from wallets.errors import DecisionRefused, WhyNot, WithdrawalNotFound
from wallets.models import Approval, Decision, Withdrawal
from wallets.withdrawal_events import withdrawal_event
from wallets.withdrawal_legs import REQUEST, returning_operations
from wallets.withdrawal_moving import lock_withdrawal, move_withdrawal
from wallets.withdrawal_policy import require_may_decide, require_not_own, require_pending, require_revision
from wallets.withdrawal_states import WithdrawalStatus


def reject_withdrawal(*, actor: User, withdrawal_id: int, revision: int, reason: str) -> Withdrawal:
    """Refuses revision `revision`; one person is enough. `reason` is what the owner reads.

    A second click of the same person gets the rejected withdrawal.
    Raises: WithdrawalNotFound, DecisionRefused, RevisionChanged, WrongWithdrawalStatus.
    """
    reason = require_may_decide(actor, reason)
    with transaction.atomic(durable=True):
        try:
            withdrawal = lock_withdrawal(withdrawal_id)
        except Withdrawal.DoesNotExist:
            raise WithdrawalNotFound from None
        require_not_own(actor, withdrawal.owner_id)
        mine = Approval.objects.filter(withdrawal=withdrawal, revision=revision, staff=actor).first()
        if mine is not None and mine.decision == Decision.REJECT:
            return withdrawal
        require_pending(withdrawal, WithdrawalStatus.REJECTED)
        require_revision(withdrawal, revision)
        if mine is not None:
            raise DecisionRefused(WhyNot.ALREADY_DECIDED)
        now = clock.now()
        Approval.objects.create(
            withdrawal=withdrawal, revision=revision, staff=actor, decision=Decision.REJECT, reason=reason, at=now
        )
        move_withdrawal(withdrawal, WithdrawalStatus.REJECTED, closed_at=now, reason=reason)
        ledger.post(returning_operations(withdrawal, [REQUEST], memo=reason))
        record([withdrawal_event(Kind.WITHDRAWAL_REJECTED, withdrawal, actor, reason=reason)])
    return withdrawal
