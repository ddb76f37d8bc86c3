"""A person asks for money to leave (W1): from now on it waits on the held account."""

from django.db import transaction

from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.recording import record
from lockbay.people.models import User
from wallets import ledger
from wallets.accounts import AFFILIATE, AVAILABLE
from wallets.errors import IdempotencyConflict
from wallets.models import Withdrawal
from wallets.money import Money
from wallets.quoting import PayoutQuote, WithdrawalTerms
from wallets.withdrawal_approving import approve_finally
from wallets.withdrawal_events import withdrawal_event
from wallets.withdrawal_identifiers import store_under_free_id
from wallets.withdrawal_legs import APPROVE, REQUEST, operation_for
from wallets.withdrawal_policy import (
    is_auto_approved,
    lock_destination,
    require_free_of_debt,
    require_in_range,
    require_not_too_many,
    require_usable,
)
from wallets.withdrawal_targets import require_something_arrives, set_target


def request_withdrawal(
    *,
    actor: User,
    request_key: str,
    destination_id: int,
    amount: Money,
    terms: WithdrawalTerms,
    account_kind: str = AVAILABLE,
) -> Withdrawal:
    """Takes `amount` from the account (available or affiliate; trading credit never leaves) and asks for approval.

    A repeated `request_key` returns the first request. Below the limit of W2 it is approved at once by the system.
    Raises: WithdrawalOutOfRange, NothingArrives, TooManyWithdrawals, DestinationNotFound, DestinationCoolingOff,
    DebtOpen, InsufficientFunds.
    """
    if account_kind not in {AVAILABLE, AFFILIATE}:
        raise ValueError(account_kind)
    with transaction.atomic(durable=True):
        User.objects.select_for_update(no_key=True).get(pk=actor.pk)  # the day's count is taken under this lock
        first = Withdrawal.objects.filter(request_key=request_key).select_related("owner", "destination").first()
        if first is not None:
            return _require_own(first, actor)
        now = clock.now()
        require_in_range(amount)
        require_something_arrives(amount, terms)
        require_not_too_many(actor.pk, now)
        destination = lock_destination(actor, destination_id)
        require_usable(destination, now)
        withdrawal = Withdrawal(
            request_key=request_key,
            owner=actor,
            account_kind=account_kind,
            asset=amount.asset,
            amount_minor=amount.minor,
            requested_at=now,
        )
        set_target(withdrawal, destination, terms)
        is_approved = is_auto_approved(withdrawal, now)
        require_free_of_debt(withdrawal)
        store_under_free_id(withdrawal)
        operations = [operation_for(withdrawal, REQUEST)]
        events = [
            withdrawal_event(
                Kind.WITHDRAWAL_REQUESTED,
                withdrawal,
                actor,
                fee=withdrawal.fee,
                network_fee=withdrawal.network_fee,
                needs_approval=not is_approved,
            )
        ]
        if is_approved:
            quote = PayoutQuote(terms.estimate, terms.rate, terms.rate_source, terms.rate_at)
            events.append(approve_finally(withdrawal, actor=None, payout=quote, now=now))
            operations.append(operation_for(withdrawal, APPROVE))
        ledger.post(operations)
        record(events)
    return withdrawal


def _require_own(withdrawal: Withdrawal, actor: User) -> Withdrawal:
    if withdrawal.owner_id != actor.pk:
        raise IdempotencyConflict(withdrawal.request_key)
    return withdrawal
