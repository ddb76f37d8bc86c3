"""The scheduled work of payouts (lockbay/jobs.py lists when). Every job may be killed and started again anywhere, and
any number of them may run at once: an attempt belongs to whoever holds its lease."""

import time
from collections.abc import Sequence

import structlog
from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet

from lockbay import clock, jobs
from lockbay.events.kinds import Kind
from lockbay.events.models import Event
from payments.actions.ask_payout import ask_payout
from payments.actions.send_payout import send_payout
from payments.models import PayoutAttempt
from payments.payout_models import AttemptOutcome
from payments.payouts.balances import look_at_balance
from wallets.errors import DebtOpen, NotProcessing, PayoutsStopped
from wallets.models import Withdrawal
from wallets.withdrawal_states import WithdrawalStatus

log = structlog.stdlib.get_logger(__name__)
# One call may take 40 s more, and the queue ends a task after 60.
_SECONDS = 15
_MOST = 100
_BEING_SENT = (AttemptOutcome.CLAIMED, AttemptOutcome.CALLING)


def send_payouts() -> int:
    """Sends what is approved and due, oldest first; returns how many calls were made or found lost."""
    until, done = time.monotonic() + _SECONDS, 0
    for pk in list(_due_to_send()[:_MOST]):
        if time.monotonic() >= until:
            jobs.wake("send_payouts")
            break
        done += _send(pk)
    return done


def ask_payouts() -> int:
    """Asks about payouts whose outcome is open or may have changed; returns how many were asked about."""
    due = PayoutAttempt.objects.filter(ask_due_at__lte=clock.real_now()).exclude(outcome__in=_BEING_SENT)
    until, done = time.monotonic() + _SECONDS, 0
    for pk in list(due.order_by("ask_due_at").values_list("pk", flat=True)[:_MOST]):
        if time.monotonic() >= until:
            jobs.wake("ask_payouts")
            break
        done += _ask(pk)
    return done


def look_at_balances() -> int:
    """Asks every rail in use what it holds for us; returns how many answered."""
    rails = sorted({method.partition(":")[0] for method in settings.PAYOUT_METHODS})
    return sum(look_at_balance(rail) for rail in rails)


def send_soon(events: Sequence[Event]) -> None:
    """Reads events as they are recorded: what may be sent now is sent at once, not at the next tick."""
    if any(event.kind in {Kind.WITHDRAWAL_APPROVED, Kind.WITHDRAWAL_REGISTERED} for event in events):
        jobs.wake("send_payouts")


def _due_to_send() -> "QuerySet[Withdrawal, int]":
    now = clock.real_now()
    attempts = PayoutAttempt.objects.filter(withdrawal=OuterRef("pk"))
    is_waiting = Q(outcome=AttemptOutcome.NOT_SENT, retry_at__gt=now)
    is_taken = Q(outcome__in=_BEING_SENT, lease_until__gt=now) | Q(outcome=AttemptOutcome.BY_HAND)
    due = Withdrawal.objects.filter(status=WithdrawalStatus.PROCESSING).exclude(
        Exists(attempts.filter(is_waiting | is_taken))
    )
    return due.order_by("processing_since", "pk").values_list("pk", flat=True)


def _send(withdrawal_id: int) -> int:
    """One payout; what breaks it is logged and keeps no other from being sent."""
    try:
        return int(send_payout(actor=None, withdrawal_id=withdrawal_id) is not None)
    except (PayoutsStopped, DebtOpen, NotProcessing) as refusal:
        log.warning("PAYOUT_HELD_BACK", withdrawal_id=withdrawal_id, why=repr(refusal))
    except Exception:
        log.exception("PAYOUT_NOT_SENT", withdrawal_id=withdrawal_id)
    return 0


def _ask(attempt_id: int) -> int:
    """One question; what breaks it is logged and keeps no other from being asked."""
    try:
        return int(ask_payout(actor=None, attempt_id=attempt_id) is not None)
    except Exception:
        log.exception("PAYOUT_NOT_ASKED", attempt_id=attempt_id)
        return 0
