"""Staff agree to a payout (W2, W3). The provider is called afterwards, by whoever sends what is processing."""

from datetime import datetime

from django.db import transaction

from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.recording import record
from lockbay.people.models import User
from wallets import ledger
from wallets.errors import DecisionRefused, RevisionChanged, WhyNot, WithdrawalNotFound
from wallets.models import Approval, Decision, Destination, Withdrawal
from wallets.quoting import PayoutQuote
from wallets.withdrawal_approving import approve_finally
from wallets.withdrawal_events import withdrawal_event
from wallets.withdrawal_legs import APPROVE, operation_for
from wallets.withdrawal_moving import lock_withdrawal
from wallets.withdrawal_policy import (
    is_house_owner,
    needs_two,
    require_free_of_debt,
    require_may_decide,
    require_no_stop,
    require_not_own,
    require_pending,
    require_revision,
    require_velocity,
)
from wallets.withdrawal_states import WithdrawalStatus


def approve_withdrawal(
    *, actor: User, withdrawal_id: int, revision: int, reason: str, payout: PayoutQuote
) -> Withdrawal:
    """Agrees to revision `revision`. The last approval that is needed moves the money to the withdrawal's own hold and
    the status to processing, with `payout` fixed; above the limit the first of two only is written down.

    A second click of the same person gets the withdrawal as it is.
    Raises: WithdrawalNotFound, DecisionRefused, RevisionChanged, WrongWithdrawalStatus, PayoutsStopped,
    VelocityReached, DebtOpen.
    """
    reason = require_may_decide(actor, reason)
    with transaction.atomic(durable=True):
        withdrawal = _lock_with_destination(withdrawal_id)
        require_not_own(actor, withdrawal.owner_id)
        mine = Approval.objects.filter(withdrawal=withdrawal, revision=revision, staff=actor).first()
        if mine is not None:
            return _require_approved(mine, withdrawal)
        require_pending(withdrawal, WithdrawalStatus.PROCESSING)
        require_revision(withdrawal, revision)
        require_no_stop(withdrawal)
        now = clock.now()
        others = list(withdrawal.approvals.filter(revision=revision, decision=Decision.APPROVE).select_related("staff"))
        is_final = bool(others) or not needs_two(withdrawal)
        if is_final:
            has_owner = any(is_house_owner(person) for person in [actor, *(each.staff for each in others)])
            require_velocity(withdrawal, now, has_owner=has_owner)
        require_free_of_debt(withdrawal)
        _write_down(withdrawal, actor, reason, now)
        if is_final:
            event = approve_finally(withdrawal, actor=actor, payout=payout, now=now, reason=reason)
            ledger.post([operation_for(withdrawal, APPROVE)])
        else:
            event = withdrawal_event(Kind.WITHDRAWAL_APPROVED, withdrawal, actor, reason=reason, final=False)
        record([event])
    return withdrawal


def _lock_with_destination(withdrawal_id: int) -> Withdrawal:
    """Destination, then withdrawal: that it is not registered yet must hold until the status says so."""
    target = Withdrawal.objects.filter(pk=withdrawal_id).values_list("destination_id", "revision").first()
    if target is None:
        raise WithdrawalNotFound
    destination = Destination.objects.select_for_update(no_key=True).get(pk=target[0])
    withdrawal = lock_withdrawal(withdrawal_id)
    if withdrawal.destination_id != destination.pk:
        raise RevisionChanged(target[1], withdrawal.revision)
    withdrawal.destination = destination
    return withdrawal


def _require_approved(mine: Approval, withdrawal: Withdrawal) -> Withdrawal:
    if mine.decision != Decision.APPROVE:
        raise DecisionRefused(WhyNot.ALREADY_DECIDED)
    return withdrawal


def _write_down(withdrawal: Withdrawal, actor: User, reason: str, now: datetime) -> None:
    Approval.objects.create(
        withdrawal=withdrawal,
        revision=withdrawal.revision,
        staff=actor,
        decision=Decision.APPROVE,
        reason=reason,
        at=now,
    )
