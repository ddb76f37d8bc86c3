"""People found that a payout was made though no provider says so (W4)."""

from lockbay.people.models import User
from wallets.models import Withdrawal
from wallets.withdrawal_outcomes import decide_outcome, require_reference
from wallets.withdrawal_states import UNDECIDED, WithdrawalStatus
from wallets.withdrawal_steps import settle_within


def settle_withdrawal(*, actor: User, withdrawal_id: int, provider_reference: str, reason: str) -> Withdrawal:
    """The second person who names the same reference completes it.

    Raises: WithdrawalNotFound, DecisionRefused, WrongWithdrawalStatus.
    """
    reference = require_reference(provider_reference)
    return decide_outcome(
        actor=actor,
        withdrawal_id=withdrawal_id,
        outcome=WithdrawalStatus.COMPLETED,
        wanted_in=UNDECIDED,
        alone_in=frozenset(),
        reason=reason,
        provider_reference=reference,
        step=lambda withdrawal: settle_within(withdrawal, actor=actor, provider_reference=reference),
    )
