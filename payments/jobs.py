"""The scheduled work of this room (lockbay/jobs.py lists when). Every job may be killed and started again at any
point."""

import time
from typing import Any

import structlog
from django.db import Error as DatabaseError

from lockbay import clock
from lockbay.jobs import wake
from payments.actions.apply_event import drain
from payments.actions.ask_provider import ask_provider
from payments.actions.look_at_claim import look_at_claim
from payments.actions.match_seen import match_seen_transfers
from payments.actions.recheck_claim import BELIEVED, recheck_claim
from payments.actions.suspend_seen import suspend_seen
from payments.actions.watch_address import watch_address
from payments.models import ChainClaim, Intent, SeenState, SeenTransfer
from payments.states import ClaimState
from payments.watching import Target, addresses_to_watch

log = structlog.stdlib.get_logger(__name__)

# Below the queue's time-out: what is left is woken up again.
_SWEEP_BUDGET_MS = 40_000
_MOST_QUESTIONS = 50
# A last question may take its whole 20 s, and the answers are applied in what is left of the queue's 60 s for a task.
_ASKING_SECONDS = 20
_ANSWERS_BUDGET_MS = 10_000
_LOOKING_SECONDS = 10  # one question to slow nodes may take CHAIN_QUESTION_SECONDS more
_MOST_LOOKS = 50
_WATCHING_SECONDS = 10  # as above; one address more may take that long


def drain_inbox() -> int:
    """Applies what requests left behind, and retries what is due."""
    return drain(_SWEEP_BUDGET_MS)


def ask_quiet_intents() -> int:
    """Asks providers about intents from which nothing was heard, and finishes requests that a crash left half done.

    Returns how many answers brought news.
    """
    due = Intent.objects.filter(ask_due_at__lte=clock.now()).order_by("ask_due_at").values_list("pk", flat=True)
    until = time.monotonic() + _ASKING_SECONDS
    news: list[int] = []
    for pk in list(due[:_MOST_QUESTIONS]):
        if time.monotonic() >= until:
            log.warning("QUIET_INTENTS_OUT_OF_TIME", answered=len(news))
            break
        if (inbox_id := _ask(pk)) is not None:
            news.append(inbox_id)
    if news:
        log.info("QUIET_INTENTS_ANSWERED", inbox_ids=news)
        drain(_ANSWERS_BUDGET_MS)
    return len(news)


def look_at_claims() -> int:
    """Looks at the transactions that payers named and that are due; returns how many brought evidence."""
    due = ChainClaim.objects.filter(next_look_at__lte=clock.real_now(), state=ClaimState.WAITING)
    until = time.monotonic() + _LOOKING_SECONDS
    news: list[int] = []
    for pk in list(due.order_by("next_look_at").values_list("pk", flat=True)[:_MOST_LOOKS]):
        if time.monotonic() >= until:
            log.warning("CLAIMS_OUT_OF_TIME", looked=len(news))
            break
        if (inbox_id := _look(pk)) is not None:
            news.append(inbox_id)
    if news:
        drain(_ANSWERS_BUDGET_MS)
    return len(news)


def watch_addresses() -> int:
    """Looks for payments to our addresses while somebody may be about to pay there, gives what came to its requests,
    and hands what nobody claimed to the desk; returns how many transfers were seen for the first time."""
    until = time.monotonic_ns() + _WATCHING_SECONDS * 1_000_000_000
    new = sum(_watch(target, until) for target in addresses_to_watch())
    match_seen_transfers()
    due = SeenTransfer.objects.filter(state=SeenState.WAITING, look_at__lte=clock.real_now()).order_by("look_at")
    news: list[int] = []
    for pk in list(due.values_list("pk", flat=True)[:_MOST_LOOKS]):
        if time.monotonic_ns() >= until:
            log.warning("SEEN_OUT_OF_TIME", looked=len(news))
            break
        if (inbox_id := _suspend(pk)) is not None:
            news.append(inbox_id)
    if news:
        drain(_ANSWERS_BUDGET_MS)
    return new


def _watch(target: Target, until: int) -> int:
    """Looks until all is read or time is over, and at least once; what breaks it is logged and keeps no other address
    from being looked at."""
    new = 0
    try:
        while True:
            looked = watch_address(target=target)
            new += looked.new
            if looked.is_done or time.monotonic_ns() >= until:
                return new
    except Exception:
        log.exception("ADDRESS_NOT_WATCHED", chain=target.chain, address=target.address)
        return new


def _suspend(seen_id: int) -> int | None:
    """One look; what breaks it is logged and keeps nothing else from being looked at."""
    try:
        return suspend_seen(seen_id=seen_id)
    except Exception:
        log.exception("SEEN_NOT_LOOKED_AT", seen_id=seen_id)
        return None


def recheck_claims() -> int:
    """Looks again at the blocks of payments that are believed, until they are deep (P9); returns how many vanished."""
    due = ChainClaim.objects.filter(recheck_at__lte=clock.real_now(), state__in=BELIEVED).order_by("recheck_at")
    until = time.monotonic() + _LOOKING_SECONDS
    lost: list[int] = []
    for pk in list(due.values_list("pk", flat=True)[:_MOST_LOOKS]):
        if time.monotonic() >= until:
            log.warning("RECHECKS_OUT_OF_TIME", vanished=len(lost))
            break
        if (inbox_id := _recheck(pk)) is not None:
            lost.append(inbox_id)
    if lost:
        drain(_ANSWERS_BUDGET_MS)
    return len(lost)


def _recheck(claim_id: int) -> int | None:
    """One look; what breaks it is logged and keeps nobody else's payment from being looked at."""
    try:
        return recheck_claim(claim_id=claim_id)
    except Exception:
        log.exception("CLAIM_NOT_RECHECKED", claim_id=claim_id)
        return None


def _look(claim_id: int) -> int | None:
    """One look; what breaks it is logged and keeps nobody else from being looked at."""
    try:
        return look_at_claim(claim_id=claim_id)
    except Exception:
        log.exception("CLAIM_NOT_LOOKED_AT", claim_id=claim_id)
        return None


def _ask(intent_id: int) -> int | None:
    """One question; what breaks it is logged and keeps nobody else from being asked."""
    try:
        return ask_provider(intent_id=intent_id)
    except Exception:
        log.exception("QUIET_INTENT_NOT_ASKED", intent_id=intent_id)
        return None


def refresh_rates() -> None:
    """Fetches fresh rates (R4)."""
    from payments.rates.refresh import refresh_rates as refresh

    refresh()


def refresh_waited_rates() -> None:
    """Fetches what somebody waits for, more often than the rest (R4)."""
    from payments.rates.refresh import refresh_waited_rates as refresh

    refresh()


def refresh_network_fees() -> None:
    """Fetches what sending costs on each chain (W1)."""
    from payments.refreshing_fees import refresh_network_fees as refresh

    refresh()


def fetch_fees_when_worker_starts() -> None:
    """Called once at start: the fees are asked for at once, not at the queue's first tick."""
    from django_q.signals import post_spawn

    post_spawn.connect(_wake_fees, dispatch_uid="payments.wake_fees")


def _wake_fees(**_kwargs: Any) -> None:
    try:
        wake("refresh_network_fees")
    except DatabaseError:
        log.exception("FEES_NOT_ASKED_FOR")  # the schedule comes within two minutes
