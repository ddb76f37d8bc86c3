"""A person has paid a withdrawal by hand and says under which reference (W5)."""

from django.db import transaction

from lockbay import clock
from lockbay.people.models import User
from payments.payout_models import AttemptOutcome
from payments.payouts.by_hand import lock_for_people
from wallets.models import Withdrawal
from wallets.withdrawal_outcomes import require_reference
from wallets.withdrawal_policy import require_may_decide, require_not_own
from wallets.withdrawal_states import WithdrawalStatus
from wallets.withdrawal_steps import settle_within


def record_manual_payout(*, actor: User, withdrawal_id: int, provider_reference: str, reason: str) -> Withdrawal:
    """Completes a payout that waits for people; `provider_reference` is that of the payment they made. Saying the same
    again changes nothing.

    Raises: WithdrawalNotFound, DecisionRefused, WrongWithdrawalStatus (nothing waits for people).
    """
    reason, reference = require_may_decide(actor, reason), require_reference(provider_reference)
    with transaction.atomic(durable=True):
        withdrawal, attempt = lock_for_people(
            withdrawal_id,
            waiting=frozenset({AttemptOutcome.BY_HAND}),
            wanted=WithdrawalStatus.COMPLETED,
            repeats=lambda found: found.provider_reference == reference,
        )
        require_not_own(actor, withdrawal.owner_id)
        if withdrawal.status == WithdrawalStatus.COMPLETED:
            return withdrawal
        attempt.outcome, attempt.answered_at = AttemptOutcome.PAID, clock.real_now()
        attempt.provider_reference, attempt.text = reference, reason[:300]
        attempt.save(update_fields=["outcome", "answered_at", "provider_reference", "text"])
        settle_within(withdrawal, actor=actor, provider_reference=reference)
    return withdrawal
