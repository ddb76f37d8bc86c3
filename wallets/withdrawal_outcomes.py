"""What became of a payout, when people have to say it (W4): two who agree decide.

A person who saw it in the provider's own pages writes down the outcome, the reference and why; the second who says the
same moves the withdrawal on. A later step of the status makes what was said before void.
"""

from collections.abc import Callable, Collection

from django.db import transaction

from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.recording import record
from lockbay.people.models import User
from wallets.errors import DecisionRefused, WhyNot, WithdrawalNotFound, WrongWithdrawalStatus
from wallets.models import OutcomeVote, Withdrawal
from wallets.withdrawal_events import withdrawal_event
from wallets.withdrawal_moving import lock_withdrawal
from wallets.withdrawal_policy import require_may_decide, require_not_own
from wallets.withdrawal_states import WithdrawalStatus


def decide_outcome(
    *,
    actor: User,
    withdrawal_id: int,
    outcome: WithdrawalStatus,
    wanted_in: Collection[WithdrawalStatus],
    alone_in: Collection[WithdrawalStatus],
    reason: str,
    provider_reference: str,
    step: Callable[[Withdrawal], None],
) -> Withdrawal:
    """Writes down that `actor` saw `outcome`, and takes `step` when a second person says the same, or at once in
    `alone_in`. Who said it before gets the withdrawal as it is.

    Raises: WithdrawalNotFound, DecisionRefused, WrongWithdrawalStatus (not in `wanted_in`).
    """
    reason = require_may_decide(actor, reason)
    with transaction.atomic(durable=True):
        try:
            withdrawal = lock_withdrawal(withdrawal_id)
        except Withdrawal.DoesNotExist:
            raise WithdrawalNotFound from None
        require_not_own(actor, withdrawal.owner_id)
        if withdrawal.status == outcome:
            return withdrawal
        if withdrawal.status not in wanted_in:
            raise WrongWithdrawalStatus(withdrawal.status, outcome)
        if withdrawal.status not in alone_in and not _is_agreed(withdrawal, actor, outcome, reason, provider_reference):
            return withdrawal
        step(withdrawal)
    return withdrawal


def _is_agreed(
    withdrawal: Withdrawal, actor: User, outcome: WithdrawalStatus, reason: str, provider_reference: str
) -> bool:
    said = {"outcome": outcome.value, "provider_reference": provider_reference.strip()}
    votes = OutcomeVote.objects.filter(withdrawal=withdrawal, move=withdrawal.moves)
    mine = votes.filter(staff=actor).first()
    if mine is not None:
        if (mine.outcome, mine.provider_reference) != (said["outcome"], said["provider_reference"]):
            raise DecisionRefused(WhyNot.ALREADY_DECIDED)
        return False
    is_agreed = votes.filter(**said).exists()
    OutcomeVote.objects.create(
        withdrawal=withdrawal, move=withdrawal.moves, staff=actor, reason=reason, at=clock.now(), **said
    )
    seen = withdrawal_event(Kind.WITHDRAWAL_OUTCOME_SEEN, withdrawal, actor, reason=reason, agreed=is_agreed, **said)
    record([seen])
    return is_agreed


def require_reference(provider_reference: str) -> str:
    """Without the provider's reference nobody can check what was said. Raises: DecisionRefused."""
    cleaned = provider_reference.replace("\x00", "").strip()
    if not cleaned or len(cleaned) > 128:
        raise DecisionRefused(WhyNot.NEEDS_REFERENCE)
    return cleaned
