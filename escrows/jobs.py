"""What time does to trades. run_deadlines() finds what is due in small pages and lets the actions decide, one
transaction each, re-checked under the lock: a party who was faster wins, and one bad trade never stops the rest."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

import structlog
from django.db.models import Q, QuerySet

from escrows.actions.complete_release import complete_release
from escrows.actions.expire import expire_escrow
from escrows.actions.refund_unaccepted import refund_unaccepted
from escrows.actions.warn import warn_of_deadline
from escrows.deadlines import LEADS, warning_due
from escrows.errors import EscrowRefusal
from escrows.models import Escrow
from escrows.states import PAYABLE, RELEASABLE, Status
from lockbay import clock

logger = structlog.get_logger(__name__)
PAGE = 50
BUDGET_SECONDS = 40  # below the queue's time-out; what is left waits for the next minute


@dataclass
class DeadlineRun:
    """What one run did."""

    done: int = 0
    refused: int = 0
    failed: int = 0


def run_deadlines() -> DeadlineRun:
    """Completes due releases, refunds what nobody accepted, expires what nobody paid, warns of what comes near."""
    run, until = DeadlineRun(), time.monotonic() + BUDGET_SECONDS
    now = clock.database_now()
    for act, due in (
        (complete_release, _pages(_completions(now))),
        (refund_unaccepted, _pages(_unaccepted(now))),
        (expire_escrow, _pages(_unpaid(now))),
        (warn_of_deadline, _to_warn(now)),
    ):
        for escrow in due:
            if time.monotonic() > until:
                logger.warning("DEADLINES_OUT_OF_TIME", done=run.done)
                return run
            _do(act, escrow, run)
    return run


def _do(act: Callable[..., object], escrow: Escrow, run: DeadlineRun) -> None:
    try:
        act(actor=None, escrow_id=escrow.pk)
    except EscrowRefusal as refusal:
        run.refused += 1
        logger.info("DEADLINE_OVERTAKEN", act=act.__name__, public_id=escrow.public_id, refusal=repr(refusal))
    except Exception:
        run.failed += 1
        logger.exception("DEADLINE_FAILED", act=act.__name__, public_id=escrow.public_id)
    else:
        run.done += 1


def _pages(due: QuerySet[Escrow]) -> Iterator[Escrow]:
    """The due rows by pk, a page a query: a row that stays due is passed once a run, never met again."""
    last = 0
    while page := list(due.filter(pk__gt=last).order_by("pk")[:PAGE]):
        yield from page
        last = page[-1].pk


def _running() -> QuerySet[Escrow]:
    """The trades whose clocks run: those that are frozen are not touched by time (P7)."""
    return Escrow.objects.filter(frozen_at__isnull=True)


def _completions(now: datetime) -> QuerySet[Escrow]:
    is_inspected = Q(status=Status.DELIVERED, inspection_ends_at__lte=now)
    return _running().filter(Q(status__in=sorted(RELEASABLE), release_due_at__lte=now) | is_inspected)


def _unaccepted(now: datetime) -> QuerySet[Escrow]:
    return _running().filter(status=Status.PAYMENT_CONFIRMED, accept_by__lte=now)


def _unpaid(now: datetime) -> QuerySet[Escrow]:
    return _running().filter(status__in=sorted(PAYABLE), expires_at__lte=now)


def _to_warn(now: datetime) -> Iterator[Escrow]:
    """Trades whose running deadline calls for a warning that was not given yet."""
    window = (now, now + max(LEADS))
    near = (
        Q(status__in=sorted(PAYABLE), expires_at__range=window)
        | Q(status=Status.PAYMENT_CONFIRMED, accept_by__range=window)
        | Q(status=Status.ACTIVE, delivery_deadline__lte=window[1])  # one that has passed is told once too
        | Q(status=Status.DELIVERED, inspection_ends_at__range=window)
    )
    for escrow in _pages(_running().filter(near).prefetch_related("warnings")):
        due = warning_due(escrow, now)
        given = {(row.deadline, row.deadline_at, row.lead_minutes) for row in escrow.warnings.all()}
        if due is not None and (due.deadline.name, due.deadline.at, due.lead_minutes) not in given:
            yield escrow
