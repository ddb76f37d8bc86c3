"""People found that a payout was not made and will not be (W4, W6)."""

from lockbay.people.models import User
from wallets.models import Withdrawal
from wallets.withdrawal_outcomes import decide_outcome
from wallets.withdrawal_states import UNDECIDED, WithdrawalStatus
from wallets.withdrawal_steps import fail_within

_NEVER_SENT = frozenset({WithdrawalStatus.AWAITING_REGISTRATION})


def fail_withdrawal(*, actor: User, withdrawal_id: int, reason: str) -> Withdrawal:
    """The money goes back and the owner reads `reason` of the one who decided: the second of two, or one person when
    its address was never registered, so that nothing can have been sent.

    What is processing is the sender's: it cannot be failed by hand. Raises: WithdrawalNotFound, DecisionRefused,
    WrongWithdrawalStatus.
    """
    return decide_outcome(
        actor=actor,
        withdrawal_id=withdrawal_id,
        outcome=WithdrawalStatus.FAILED,
        wanted_in=UNDECIDED | _NEVER_SENT,
        alone_in=_NEVER_SENT,
        reason=reason,
        provider_reference="",
        step=lambda withdrawal: fail_within(withdrawal, actor=actor, reason=reason.strip()),
    )
