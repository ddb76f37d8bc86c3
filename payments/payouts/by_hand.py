"""What people may do with a payout that no sender has in hand."""

from collections.abc import Callable, Collection

from payments.models import PayoutAttempt
from payments.payout_models import AttemptOutcome
from wallets.errors import WithdrawalNotFound, WrongWithdrawalStatus
from wallets.models import Withdrawal
from wallets.withdrawal_moving import lock_withdrawal
from wallets.withdrawal_states import WithdrawalStatus


def lock_for_people(
    withdrawal_id: int,
    *,
    waiting: Collection[AttemptOutcome],
    wanted: WithdrawalStatus,
    repeats: Callable[[Withdrawal], bool],
) -> tuple[Withdrawal, PayoutAttempt]:
    """The withdrawal and its last attempt, under lock, when that attempt is `waiting`; or when the withdrawal is
    `wanted` already and this `repeats` what made it so.

    Raises: WithdrawalNotFound, WrongWithdrawalStatus.
    """
    try:
        withdrawal = lock_withdrawal(withdrawal_id)
    except Withdrawal.DoesNotExist:
        raise WithdrawalNotFound from None
    attempts = withdrawal.payout_attempts.select_for_update(no_key=True)
    attempt = attempts.order_by("-number").first()
    if attempt is None:
        raise WrongWithdrawalStatus(withdrawal.status, wanted)
    is_waiting = withdrawal.status == WithdrawalStatus.PROCESSING and attempt.outcome in waiting
    if not is_waiting and not (withdrawal.status == wanted and repeats(withdrawal)):
        raise WrongWithdrawalStatus(withdrawal.status, wanted)
    return withdrawal, attempt
