"""The owner changes where a request goes while it waits for approval: approvals of what it was are void (W2)."""

from django.db import transaction

from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.recording import record
from lockbay.people.models import User
from wallets.errors import WithdrawalNotFound
from wallets.models import Withdrawal
from wallets.quoting import WithdrawalTerms
from wallets.withdrawal_events import withdrawal_event
from wallets.withdrawal_moving import amend_withdrawal, lock_withdrawal
from wallets.withdrawal_policy import lock_destination, require_owner, require_pending, require_usable
from wallets.withdrawal_states import PENDING
from wallets.withdrawal_targets import require_something_arrives, set_target

_CHANGED = (
    "destination_id", "details", "rail", "payout_asset", "fee_minor", "network_fee_minor", "estimate_minor", "rate",
    "rate_source", "rate_at",
)  # fmt: skip


def change_withdrawal(*, actor: User, withdrawal_id: int, destination_id: int, terms: WithdrawalTerms) -> Withdrawal:
    """The same amount to another destination; the revision is raised. The destination it has already changes nothing.

    Raises: DestinationNotFound, DestinationCoolingOff, WithdrawalNotFound, WrongWithdrawalStatus, NothingArrives.
    """
    with transaction.atomic(durable=True):
        destination = lock_destination(actor, destination_id)
        try:
            withdrawal = lock_withdrawal(withdrawal_id)
        except Withdrawal.DoesNotExist:
            raise WithdrawalNotFound from None
        require_owner(withdrawal, actor)
        require_pending(withdrawal)
        if withdrawal.destination_id == destination.pk:
            return withdrawal
        require_usable(destination, clock.now())
        require_something_arrives(withdrawal.amount, terms)
        changed = Withdrawal(amount_minor=withdrawal.amount_minor, asset=withdrawal.asset)
        set_target(changed, destination, terms)
        values = {name: getattr(changed, name) for name in _CHANGED}
        amend_withdrawal(withdrawal, allowed=PENDING, revision=withdrawal.revision + 1, **values)
        withdrawal.destination = destination
        record([withdrawal_event(Kind.WITHDRAWAL_CHANGED, withdrawal, actor)])
    return withdrawal
