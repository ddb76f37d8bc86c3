"""People found that a completed payout came back to us (W6)."""

from lockbay.people.models import User
from wallets.models import Withdrawal
from wallets.withdrawal_outcomes import decide_outcome, require_reference
from wallets.withdrawal_states import PAID_OUT, WithdrawalStatus
from wallets.withdrawal_steps import reverse_within


def reverse_withdrawal(*, actor: User, withdrawal_id: int, provider_reference: str, reason: str) -> Withdrawal:
    """The second person who names the same reference of the returned payment gives all of the amount back.

    Raises: WithdrawalNotFound, DecisionRefused, WrongWithdrawalStatus.
    """
    reference = require_reference(provider_reference)
    return decide_outcome(
        actor=actor,
        withdrawal_id=withdrawal_id,
        outcome=WithdrawalStatus.REVERSED,
        wanted_in=PAID_OUT,
        alone_in=frozenset(),
        reason=reason,
        provider_reference=reference,
        step=lambda withdrawal: reverse_within(withdrawal, actor=actor, reason=reason.strip()),
    )
