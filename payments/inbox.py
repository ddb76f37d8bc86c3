"""The inbox as a queue: what is due, whose turn it is, and what is written beside each event afterwards."""

import random
from collections.abc import Sequence
from datetime import timedelta

from django.conf import settings
from django.db import connection
from django.db.models import Q, QuerySet

from lockbay import clock
from lockbay.setsql import update_each
from payments.interpreting import Verdict
from payments.models import InboxEvent
from payments.states import Effect, InboxStatus, Outcome

_TURN = 0x4C4F434B424159  # the advisory lock of the drain
_FIRST_DELAY = timedelta(seconds=2)
_LONGEST_DELAY = timedelta(minutes=5)
_LONGEST_ERROR = 8_000

_DONE = {
    Outcome.APPLIED: InboxStatus.APPLIED,
    Outcome.DUPLICATE: InboxStatus.DUPLICATE,
    Outcome.IGNORED: InboxStatus.IGNORED,
    Outcome.RETRY_LATER: InboxStatus.PENDING,
}


def due() -> "QuerySet[InboxEvent]":
    """Events to apply now. Leases and retries use real time: nobody moves it."""
    return InboxEvent.objects.filter(
        Q(next_try_at__isnull=True) | Q(next_try_at__lte=clock.real_now()), status=InboxStatus.PENDING
    )


def is_anything_due() -> bool:
    """An unlocked look."""
    return due().exists()


def take_turn() -> bool:
    """Whoever gets the turn applies for everybody, until its transaction ends. On SQLite BEGIN IMMEDIATE is the
    turn."""
    if connection.vendor != "postgresql":
        return True
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_TURN])
        return bool(cursor.fetchone()[0])


def lock_due(most: int, *, only: int | None = None) -> list[InboxEvent]:
    """Locks up to `most` due rows in order of arrival; rows that replay or another sweep hold are left to them."""
    rows = due() if only is None else due().filter(pk=only)
    return list(rows.order_by("pk").select_for_update(skip_locked=True, no_key=True)[:most])


def write_verdicts(verdicts: Sequence[Verdict]) -> None:
    """Writes what became of each row: one statement. A row that was applied stays applied, whatever a replay says."""
    for verdict in verdicts:
        _settle(verdict)
    fields = ("status", "attempts", "next_try_at", "last_outcome", "effect", "error", "operations", "applied_at")
    update_each(InboxEvent, [{"id": v.row.pk, **{name: getattr(v.row, name) for name in fields}} for v in verdicts])


def newly_parked(verdict: Verdict) -> bool:
    """True when this verdict is what parked the row."""
    return verdict.row.status == InboxStatus.PARKED and verdict.was is not InboxStatus.PARKED


def record_loss(ids: Sequence[int], error: str) -> list[InboxEvent]:
    """Notes on rows that are still pending that their transaction was lost. They are tried again later, or parked after
    the last try; returns those parked. Runs inside the caller's transaction."""
    parked = []
    pending = InboxEvent.objects.filter(pk__in=ids, status=InboxStatus.PENDING)
    for row in pending.order_by("pk").select_for_update(no_key=True):
        row.attempts, row.error, row.last_outcome = row.attempts + 1, _clean(error), Outcome.FAILED
        if row.attempts >= settings.INBOX_MAX_ATTEMPTS:
            row.status, row.next_try_at = InboxStatus.PARKED, None
            parked.append(row)
        else:
            row.next_try_at = clock.real_now() + delay_after(row.attempts)
        row.save(update_fields=["attempts", "error", "last_outcome", "status", "next_try_at"])
    return parked


def delay_after(attempts: int) -> timedelta:
    """Exponential backoff with jitter: about 2 s, 4 s, 8 s … five minutes at most."""
    doublings = max(0, min(attempts - 1, 16))
    return min(_FIRST_DELAY * (1 << doublings), _LONGEST_DELAY) * random.randint(50, 100) // 100


def _settle(verdict: Verdict) -> None:
    row = verdict.row
    verdict.was = InboxStatus(row.status)
    row.operations = [*row.operations, *(key for key in verdict.operations if key not in row.operations)]
    if row.status == InboxStatus.APPLIED and verdict.outcome is not Outcome.APPLIED:
        return
    if verdict.outcome is Outcome.FAILED and row.last_outcome == Outcome.RETRY_LATER:
        row.attempts = 0  # waiting, for a rate say, used up none of its tries
    row.attempts += 1
    row.last_outcome = verdict.outcome.value
    row.error = "" if verdict.outcome is Outcome.APPLIED else _clean(verdict.reason)
    if Effect.UNCREDITED not in (verdict.effect, row.effect):
        row.effect = Effect.CREDITED if row.operations else verdict.effect or row.effect
    else:
        row.effect = Effect.UNCREDITED
    row.status = _status_after(verdict)
    row.next_try_at = None
    if row.status == InboxStatus.PENDING:
        row.next_try_at = clock.real_now() + delay_after(row.attempts)
    elif row.status == InboxStatus.APPLIED and row.applied_at is None:
        row.applied_at = clock.now()


def _status_after(verdict: Verdict) -> InboxStatus:
    if verdict.parks:
        return InboxStatus.PARKED
    if verdict.outcome is Outcome.FAILED:
        is_over = verdict.row.attempts >= settings.INBOX_MAX_ATTEMPTS or verdict.was is InboxStatus.PARKED
        return InboxStatus.PARKED if is_over else InboxStatus.PENDING
    return _DONE[verdict.outcome]


def _clean(text: str) -> str:
    """What PostgreSQL can store; of a long traceback the end says most."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()[-_LONGEST_ERROR:]
