"""People take a payout over that no rail takes: from then on two of them say what becomes of it (W4)."""

from django.db import transaction

from lockbay import clock
from lockbay.people.models import User
from payments.payout_models import AttemptOutcome
from payments.payouts.by_hand import lock_for_people
from wallets.models import Withdrawal
from wallets.withdrawal_policy import require_may_decide, require_not_own
from wallets.withdrawal_states import WithdrawalStatus
from wallets.withdrawal_steps import mark_unknown_within

_NOBODY_CALLS = frozenset({AttemptOutcome.NOT_SENT, AttemptOutcome.BY_HAND})


def take_over_payout(*, actor: User, withdrawal_id: int, reason: str) -> Withdrawal:
    """Ends the tries of a payout that waits; nothing is sent any more. A payout that is being sent is its sender's.

    Raises: WithdrawalNotFound, DecisionRefused, WrongWithdrawalStatus.
    """
    reason = require_may_decide(actor, reason)
    with transaction.atomic(durable=True):
        withdrawal, attempt = lock_for_people(
            withdrawal_id, waiting=_NOBODY_CALLS, wanted=WithdrawalStatus.UNKNOWN, repeats=lambda _: True
        )
        require_not_own(actor, withdrawal.owner_id)
        if withdrawal.status == WithdrawalStatus.UNKNOWN:
            return withdrawal
        attempt.outcome, attempt.retry_at = AttemptOutcome.UNKNOWN, None
        attempt.ask_due_at = clock.real_now() if attempt.called_at else None
        attempt.save(update_fields=["outcome", "retry_at", "ask_due_at"])
        mark_unknown_within(withdrawal, reason=reason)
    return withdrawal
