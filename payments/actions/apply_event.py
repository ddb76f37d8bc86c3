"""Applies due inbox events in batches: one transaction and a constant number of statements a batch.

drain() is what requests, jobs and tests call. Inside a batch's transaction `apply_rows_within` does the work; replay
uses the same function. Lock order: inbox rows → intents → deposits → the purposes' own rows → accounts.
"""

import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import takewhile

import structlog
from django.db import connection, transaction

from lockbay import clock, jobs
from lockbay.events.kinds import Kind
from lockbay.events.models import Event
from lockbay.events.recording import NewEvent, record
from payments import inbox
from payments.actions.credit_deposit import credit_deposits_within
from payments.actions.revert_deposit import take_back_within
from payments.deposits import load_fold, save_deposits
from payments.folding import Fold
from payments.interpreting import Verdict, interpret
from payments.metrics import DRAIN_FAILURES, INBOX_OUTCOMES
from payments.models import InboxEvent
from payments.payouts.hints import take_hints_within
from payments.providers.base import Meaning
from payments.states import Outcome
from wallets.models import Operation

log = structlog.stdlib.get_logger(__name__)

BATCH = 100
_MOST_EMPTY_TURNS = 3


@dataclass
class BatchResult:
    """What a batch did: a verdict a row, the operations posted and the events recorded."""

    verdicts: list[Verdict] = field(default_factory=list)
    operations: list[Operation] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)


def drain(budget_ms: int | None = None) -> int:
    """Applies due events until a look finds none, somebody else is at it, or the budget is spent; returns how many
    were taken.

    With a budget, what is left is handed to the worker by one wake-up. Raises only when the database itself is in
    trouble.
    """
    ends = None if budget_ms is None else time.monotonic_ns() + budget_ms * 1_000_000
    taken = empty_turns = 0
    while empty_turns < _MOST_EMPTY_TURNS and inbox.is_anything_due():
        if ends is not None and time.monotonic_ns() >= ends:
            jobs.wake("drain_inbox")
            break
        batch = _apply_batch_or_one_by_one()
        if batch is None:
            break
        # Nothing to take although something was due: others have it. Whoever came during this turn found it taken and
        # left, so look again; rows that somebody holds for long are not waited for.
        empty_turns = 0 if batch else empty_turns + 1
        taken += batch
    return taken


def apply_rows_within(rows: Sequence[InboxEvent]) -> BatchResult:
    """Applies locked rows inside the caller's transaction. A row that raises is isolated by splitting, fails by itself
    and keeps its traceback; its neighbours are applied. Rows without a verdict stay as they are, for the next turn."""
    result = BatchResult()
    _apply_split(list(rows), result)
    inbox.write_verdicts(result.verdicts)
    parked = [verdict for verdict in result.verdicts if inbox.newly_parked(verdict)]
    result.events.extend(record([_parked_event(verdict) for verdict in parked]))
    return result


def _apply_batch_or_one_by_one() -> int | None:
    ids: list[int] = []
    try:
        return _apply_batch(ids)
    except Exception as error:
        # The transaction as a whole is lost: COMMIT failed, or the connection died. The rows tell whether it happened.
        DRAIN_FAILURES.inc()
        log.exception("INBOX_BATCH_ROLLED_BACK", inbox_ids=ids)
        connection.close_if_unusable_or_obsolete()
        if not ids:
            return None
        if len(ids) == 1:
            _record_loss(ids, error)
            return len(ids)
    for pk in ids:
        _apply_alone(pk)
    return len(ids)


def _apply_alone(pk: int) -> None:
    try:
        _apply_batch([], only=pk)
    except Exception as error:
        DRAIN_FAILURES.inc()
        log.exception("INBOX_EVENT_ROLLED_BACK", inbox_ids=[pk])
        connection.close_if_unusable_or_obsolete()
        _record_loss([pk], error)


def _record_loss(ids: Sequence[int], error: BaseException) -> None:
    with transaction.atomic(durable=True):
        parked = inbox.record_loss(ids, _text_of(error))
        record([_parked_event(Verdict(row, outcome=Outcome.FAILED, reason=row.error)) for row in parked])


def _apply_batch(ids: list[int], only: int | None = None) -> int | None:
    """One batch in one transaction; returns how many rows it applied, None when somebody else holds the turn.

    `ids` receives the rows that were locked.
    """
    with transaction.atomic(durable=True):
        if not inbox.take_turn():
            return None
        rows = inbox.lock_due(BATCH, only=only)
        ids.extend(row.pk for row in rows)
        if rows:
            result = apply_rows_within(rows)
            transaction.on_commit(lambda: _log_outcomes(result.verdicts), robust=True)
            return len(result.verdicts)
    return 0


def _apply_split(rows: list[InboxEvent], result: BatchResult) -> None:
    try:
        with transaction.atomic():
            done = _apply_together(rows)
            _check_deferred_constraints()
    except Exception as error:
        if connection.needs_rollback or connection.closed_in_transaction:
            raise  # the transaction is gone: nothing can be isolated inside it
        if len(rows) > 1:
            for half in (rows[: len(rows) // 2], rows[len(rows) // 2 :]):
                _make_constraints_wait()
                _apply_split(half, result)
            return
        log.exception("INBOX_EVENT_FAILED", inbox_id=rows[0].pk, provider=rows[0].provider, kind=rows[0].kind)
        result.verdicts.append(Verdict(rows[0], outcome=Outcome.FAILED, reason=_text_of(error)))
    else:
        result.verdicts.extend(done.verdicts)
        result.operations.extend(done.operations)
        result.events.extend(done.events)


def _apply_together(rows: Sequence[InboxEvent]) -> BatchResult:
    verdicts = _turn_of(interpret(rows))
    fold = load_fold(verdicts)
    fold.take(verdicts)
    take_hints_within(fold.payouts, clock.real_now())
    save_deposits(fold)
    _wake_for_hints(fold)
    posted, new_events = credit_deposits_within(fold.credits, suspended=fold.suspended)
    taken, told = take_back_within(fold.vanished)
    events = record([*_seen_events(fold), *new_events, *told])
    return BatchResult(verdicts, [*posted, *taken], events)


def _wake_for_hints(fold: Fold) -> None:
    """A hint is asked about now: who pays in the last minutes of the window must not be late by our schedule (P6)."""
    if any(due is not None and due <= fold.now for due in fold.ask_due.values()):
        jobs.wake("ask_quiet_intents")


def _turn_of(verdicts: list[Verdict]) -> list[Verdict]:
    """The rows that are applied together: a payment that vanished goes by itself, in its place, so that what was told
    before it is done before it, and locks are taken in one order. What follows is due and comes in the next turn."""
    if _tells_of_loss(verdicts[0]):
        return verdicts[:1]
    return list(takewhile(lambda verdict: not _tells_of_loss(verdict), verdicts))


def _tells_of_loss(verdict: Verdict) -> bool:
    return any(report.meaning is Meaning.VANISHED for report in verdict.reports)


def _seen_events(fold: Fold) -> list[NewEvent]:
    credited = {id(credit.deposit) for credit in fold.credits}
    return [
        NewEvent(
            kind=Kind.DEPOSIT_PENDING,
            subject_type="deposit",
            subject_id=deposit.pk,
            data={
                "user_id": intent.payer_id,
                "received": str(deposit.money),
                "purpose": intent.purpose,
                "reference": intent.reference,
            },
        )
        for deposit, intent in fold.seen
        if id(deposit) not in credited
    ]


def _parked_event(verdict: Verdict) -> NewEvent:
    row = verdict.row
    reason = verdict.reason.strip().splitlines()[-1][:200] if verdict.reason.strip() else ""
    return NewEvent(
        kind=Kind.INBOX_PARKED,
        subject_type="inbox",
        subject_id=row.pk,
        data={"provider": row.provider, "kind": row.kind, "payment_ref": row.payment_ref, "reason": reason},
        correlation_id=row.correlation_id,
    )


def _check_deferred_constraints() -> None:
    """A broken foreign key shows here, inside the savepoint, and not at COMMIT where it would take everybody down."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def _make_constraints_wait() -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def _text_of(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


def _log_outcomes(verdicts: Sequence[Verdict]) -> None:
    """After the commit only: a line here is a fact. One line a batch; each event is found in it by its correlation
    id."""
    for verdict in verdicts:
        INBOX_OUTCOMES.labels(verdict.row.provider, verdict.outcome.value).inc()
    log.info("INBOX_BATCH_DONE", events=[_line_of(verdict) for verdict in verdicts])


def _line_of(verdict: Verdict) -> dict[str, object]:
    row = verdict.row
    line = {"id": row.pk, "correlation_id": row.correlation_id, "kind": row.kind, "outcome": verdict.outcome.value}
    return line | {"reason": verdict.reason[-200:]} if verdict.reason else line
