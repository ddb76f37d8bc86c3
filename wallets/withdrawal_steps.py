"""What happens to an approved withdrawal, inside the caller's transaction and under the caller's lock of its row.

Whoever pays it out (a rail, or people) calls these; each repeats harmlessly when it has happened already. Anything that
the table of states does not allow raises WrongWithdrawalStatus and posts nothing (W4, W6).
"""

from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.recording import record
from lockbay.people.models import User
from wallets import ledger
from wallets.models import Withdrawal
from wallets.withdrawal_events import withdrawal_event
from wallets.withdrawal_legs import APPROVE, REQUEST, SETTLE, operation_for, returning_operations
from wallets.withdrawal_metrics import count_completion
from wallets.withdrawal_moving import move_withdrawal
from wallets.withdrawal_states import WithdrawalStatus

_REASON_LONGEST = 500
_REFERENCE_LONGEST = 128


def mark_sent_within(withdrawal: Withdrawal, *, provider_reference: str) -> None:
    """The provider has taken it on. That is not success yet (W5). Raises: WrongWithdrawalStatus."""
    if withdrawal.status == WithdrawalStatus.SENT:
        return
    move_withdrawal(
        withdrawal,
        WithdrawalStatus.SENT,
        sent_at=clock.now(),
        provider_reference=provider_reference[:_REFERENCE_LONGEST] or withdrawal.provider_reference,
    )
    record([withdrawal_event(Kind.WITHDRAWAL_SENT, withdrawal, None, provider_reference=provider_reference)])


def mark_unknown_within(withdrawal: Withdrawal, *, reason: str) -> None:
    """Nobody can say whether it was paid: only a look-up or two people move it on (W4). Raises:
    WrongWithdrawalStatus."""
    if withdrawal.status == WithdrawalStatus.UNKNOWN:
        return
    move_withdrawal(withdrawal, WithdrawalStatus.UNKNOWN, reason=reason[:_REASON_LONGEST])
    record([withdrawal_event(Kind.WITHDRAWAL_UNKNOWN, withdrawal, None, reason=reason)])


def settle_within(withdrawal: Withdrawal, *, actor: User | None, provider_reference: str) -> None:
    """It was paid: the money leaves the books. Raises: WrongWithdrawalStatus."""
    if withdrawal.status == WithdrawalStatus.COMPLETED:
        return
    now = clock.now()
    move_withdrawal(
        withdrawal,
        WithdrawalStatus.COMPLETED,
        closed_at=now,
        reason="",
        provider_reference=provider_reference[:_REFERENCE_LONGEST] or withdrawal.provider_reference,
    )
    ledger.post([operation_for(withdrawal, SETTLE)])
    reference = withdrawal.provider_reference
    record([withdrawal_event(Kind.WITHDRAWAL_COMPLETED, withdrawal, actor, provider_reference=reference)])
    count_completion(withdrawal, now)


def fail_within(withdrawal: Withdrawal, *, actor: User | None, reason: str) -> None:
    """It will not be paid, for good: all of the amount goes back where it came from (W6). Raises:
    WrongWithdrawalStatus."""
    if withdrawal.status == WithdrawalStatus.FAILED:
        return
    _give_back(withdrawal, WithdrawalStatus.FAILED, (APPROVE, REQUEST), reason)
    record([withdrawal_event(Kind.WITHDRAWAL_FAILED, withdrawal, actor, reason=reason)])


def reverse_within(withdrawal: Withdrawal, *, actor: User | None, reason: str) -> None:
    """The provider took its success back: all of the amount, the fees too, goes back to the owner (W6). Raises:
    WrongWithdrawalStatus."""
    if withdrawal.status == WithdrawalStatus.REVERSED:
        return
    _give_back(withdrawal, WithdrawalStatus.REVERSED, (SETTLE, APPROVE, REQUEST), reason)
    record([withdrawal_event(Kind.WITHDRAWAL_REVERSED, withdrawal, actor, reason=reason)])


def _give_back(withdrawal: Withdrawal, to: WithdrawalStatus, purposes: tuple[str, ...], reason: str) -> None:
    move_withdrawal(withdrawal, to, closed_at=clock.now(), reason=reason[:_REASON_LONGEST])
    ledger.post(returning_operations(withdrawal, purposes, memo=reason))
