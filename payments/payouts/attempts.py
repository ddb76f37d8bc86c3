"""Attempts and their leases: who may send what now, under which fence, and when it is tried again (W4, F36)."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.recording import record
from lockbay.observability.correlation import current_correlation_id
from lockbay.setsql import insert_new
from payments.models import PayoutAttempt, RailCounter
from payments.payout_models import AttemptOutcome
from payments.payouts import adapter_of_rail
from payments.payouts.base import PayoutOrder, PayoutRail, UnknownRail
from payments.payouts.telling import staff_event
from wallets.errors import DebtOpen, PayoutsStopped
from wallets.models import Withdrawal
from wallets.withdrawal_moving import lock_withdrawal
from wallets.withdrawal_policy import require_may_be_sent
from wallets.withdrawal_states import IN_FLIGHT, WithdrawalStatus

_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=30), timedelta(minutes=30)
_HELD_BACK_FOR = timedelta(minutes=1)
_LOOKS_BACK = timedelta(days=90)
_MAY_HAVE_PAID_UNSEEN = (AttemptOutcome.CALLING, AttemptOutcome.UNKNOWN, AttemptOutcome.CLAIMED)


@dataclass(frozen=True, slots=True)
class Claim:
    """An attempt that is ours until its lease ends; `is_new` when nobody had begun with it."""

    attempt: PayoutAttempt
    order: PayoutOrder
    adapter: PayoutRail


@dataclass(frozen=True, slots=True)
class Lost:
    """The attempt of a sender that died or froze during its call: nobody knows what came of it."""

    attempt: PayoutAttempt


def claim_attempt(withdrawal_id: int) -> Claim | Lost | None:
    """Step one: commits who is about to send, before anybody is called. None when there is nothing to send now.

    What holds a payout back (a stop, a debt, a rail that is gone) is written down as an attempt that was not sent.
    """
    with transaction.atomic(durable=True):
        withdrawal = lock_withdrawal(withdrawal_id)
        if withdrawal.status != WithdrawalStatus.PROCESSING:
            return None
        last = withdrawal.payout_attempts.order_by("-number").first()
        now = clock.real_now()
        if last is None or last.outcome == AttemptOutcome.NOT_SENT:
            return _begin(withdrawal, last, now)
        if last.lease_until is None or last.lease_until > now:
            return None
        if last.outcome == AttemptOutcome.CLAIMED:  # its sender never came to the call
            return _claim_of(_take_lease(last, now))
        return Lost(_take_lease(last, now)) if last.outcome == AttemptOutcome.CALLING else None


def order_of(attempt: PayoutAttempt, adapter: PayoutRail) -> PayoutOrder:
    """What `attempt` sends, or asks about."""
    withdrawal = attempt.withdrawal
    if withdrawal.payout is None:
        raise ValueError(f"{withdrawal.public_id} has no payout")
    return PayoutOrder(
        withdrawal_id=withdrawal.pk,
        attempt_id=attempt.pk,
        fence=attempt.fence,
        reference=attempt.reference,
        amount=withdrawal.payout,
        network=withdrawal.destination.network,
        details=withdrawal.details,
        registered_as=withdrawal.destination.registered_as,
        provider_reference=attempt.provider_reference,
        called_at=attempt.called_at,
        taken=frozenset() if adapter.knows_our_reference else _taken_by_others(attempt),
    )


def retry_after(number: int) -> timedelta:
    """How long after attempt `number` the next one comes: 30 s, doubled each time, half an hour at most; jitter."""
    return min(_FIRST_PAUSE * (1 << min(number - 1, 16)), _LONGEST_PAUSE) * random.randint(50, 100) // 100


def _begin(withdrawal: Withdrawal, last: PayoutAttempt | None, now: datetime) -> Claim | None:
    if last is not None and (last.retry_at is None or last.retry_at > now):
        return None
    if code := _why_held_back(withdrawal):
        _hold_back(withdrawal, last, code, now)
        return None
    adapter = adapter_of_rail(withdrawal.rail)
    if not adapter.knows_our_reference and _has_twin_under_way(withdrawal, adapter):
        return None
    attempt = PayoutAttempt(
        withdrawal=withdrawal,
        number=1 if last is None else last.number + 1,
        adapter=adapter.name,
        reference=withdrawal.public_id,
        outcome=AttemptOutcome.BY_HAND if adapter.is_by_hand else AttemptOutcome.CLAIMED,
        lease_until=None if adapter.is_by_hand else now + settings.PAYOUT_LEASE,
        claimed_at=now,
        correlation_id=current_correlation_id(),
    )
    attempt.save(force_insert=True)
    return Claim(attempt, order_of(attempt, adapter), adapter)


def _why_held_back(withdrawal: Withdrawal) -> str:
    """A code for what keeps it from being sent now; "" when nothing does."""
    try:
        require_may_be_sent(withdrawal)
        adapter_of_rail(withdrawal.rail)
    except PayoutsStopped:
        return "payouts_stopped"
    except DebtOpen:
        return "debt_open"
    except UnknownRail:
        return "rail_unknown"
    return ""


def _hold_back(withdrawal: Withdrawal, last: PayoutAttempt | None, code: str, now: datetime) -> None:
    """One row and one word to staff for each reason, however long it lasts."""
    if last is not None and last.code == code and last.called_at is None:
        last.retry_at = now + _HELD_BACK_FOR
        last.save(update_fields=["retry_at"])
        return
    attempt = PayoutAttempt(
        withdrawal=withdrawal,
        number=1 if last is None else last.number + 1,
        adapter=withdrawal.rail,
        reference=withdrawal.public_id,
        outcome=AttemptOutcome.NOT_SENT,
        code=code,
        claimed_at=now,
        answered_at=now,
        retry_at=now + _HELD_BACK_FOR,
        correlation_id=current_correlation_id(),
    )
    attempt.save(force_insert=True)
    record([staff_event(Kind.PAYOUT_WAITS, withdrawal, attempt)])


def _claim_of(attempt: PayoutAttempt) -> Claim:
    from payments.payouts import payout_adapter

    adapter = payout_adapter(attempt.adapter)
    return Claim(attempt, order_of(attempt, adapter), adapter)


def _take_lease(attempt: PayoutAttempt, now: datetime) -> PayoutAttempt:
    attempt.fence, attempt.lease_until = attempt.fence + 1, now + settings.PAYOUT_LEASE
    attempt.save(update_fields=["fence", "lease_until"])
    return attempt


def _has_twin_under_way(withdrawal: Withdrawal, adapter: PayoutRail) -> bool:
    """True while another order that looks the same may have been paid without our knowing its id: theirs could not be
    told from ours. Whoever looks holds the rail's turn, so that two do not both see none."""
    name = f"twins:{adapter.name}"
    insert_new(RailCounter, [{"name": name, "last": 0}], unique="name")
    RailCounter.objects.select_for_update(no_key=True).get(name=name)
    alike = PayoutAttempt.objects.filter(
        adapter=adapter.name,
        outcome__in=_MAY_HAVE_PAID_UNSEEN,
        provider_reference="",
        withdrawal__status__in=sorted(IN_FLIGHT),  # people have decided about the others
        withdrawal__payout_asset=withdrawal.payout_asset,
        withdrawal__payout_minor=withdrawal.payout_minor,
    ).exclude(withdrawal=withdrawal)
    target = withdrawal.details.get("address")
    return any(other.withdrawal.details.get("address") == target for other in alike.select_related("withdrawal"))


def _taken_by_others(attempt: PayoutAttempt) -> frozenset[str]:
    others = PayoutAttempt.objects.filter(
        adapter=attempt.adapter, claimed_at__gt=attempt.claimed_at - _LOOKS_BACK
    ).exclude(withdrawal_id=attempt.withdrawal_id)
    named = others.values_list("provider_reference", "withdrawal__provider_reference")  # people name some, too
    return frozenset(reference for pair in named for reference in pair if reference)
