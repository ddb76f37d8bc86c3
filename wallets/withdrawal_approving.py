"""The last step of an approval: the status, the payout that is fixed and the fact, for whoever approves (W2, W3).

The caller holds the locks and posts the operation APPROVE in the same transaction.
"""

from datetime import datetime

from lockbay.events.kinds import Kind
from lockbay.events.recording import NewEvent
from lockbay.people.models import User
from wallets.models import Withdrawal
from wallets.quoting import PayoutQuote
from wallets.withdrawal_events import withdrawal_event
from wallets.withdrawal_metrics import count_approval
from wallets.withdrawal_moving import move_withdrawal
from wallets.withdrawal_policy import NEEDS_REGISTRATION
from wallets.withdrawal_states import WithdrawalStatus


def approve_finally(
    withdrawal: Withdrawal, *, actor: User | None, payout: PayoutQuote, now: datetime, reason: str = ""
) -> NewEvent:
    """Moves it on with `payout` fixed, to processing or to where its address waits to be registered, and returns the
    fact. Raises: WrongWithdrawalStatus; ValueError for a payout that does not fit."""
    _require_fitting(withdrawal, payout)
    fixed = {
        "approved_at": now,
        "payout_minor": payout.payout.minor,
        "rate": payout.rate,
        "rate_source": payout.rate_source,
        "rate_at": payout.rate_at,
    }
    if must_register(withdrawal):
        move_withdrawal(withdrawal, WithdrawalStatus.AWAITING_REGISTRATION, **fixed)
    else:
        move_withdrawal(withdrawal, WithdrawalStatus.PROCESSING, processing_since=now, **fixed)
    count_approval(withdrawal, now)
    return withdrawal_event(
        Kind.WITHDRAWAL_APPROVED, withdrawal, actor, reason=reason, final=True, status=withdrawal.status
    )


def must_register(withdrawal: Withdrawal) -> bool:
    """Whether its rail pays only to addresses that it knows, and does not know this one yet."""
    return withdrawal.rail in NEEDS_REGISTRATION and not withdrawal.destination.registered_as


def _require_fitting(withdrawal: Withdrawal, payout: PayoutQuote) -> None:
    if payout.payout.asset != withdrawal.payout_asset or payout.payout.minor <= 0:
        raise ValueError(f"{payout.payout} does not pay {withdrawal.public_id}")
    if payout.payout.asset == withdrawal.asset and payout.payout != withdrawal.net:
        raise ValueError(f"{payout.payout} is not the {withdrawal.net} of {withdrawal.public_id}")
