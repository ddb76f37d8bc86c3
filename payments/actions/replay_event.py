"""Replays an inbox event, for real or as a dry run that shows exactly what would change (P4)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import transaction

from lockbay.events.kinds import Kind
from lockbay.events.recording import NewEvent, record
from payments.actions.apply_event import BatchResult, apply_rows_within
from payments.errors import ReplayRefused
from payments.models import InboxEvent
from wallets.models import Entry
from wallets.money import Money

if TYPE_CHECKING:
    from lockbay.people.models import User


@dataclass(frozen=True)
class ReportedEntry:
    """One ledger entry: operation key, account code, signed amount."""

    operation: str
    account: str
    money: Money


@dataclass(frozen=True)
class ReportedMessage:
    """One recorded event; messages to people follow from it."""

    kind: str
    subject: str
    data: dict[str, object]


@dataclass(frozen=True)
class ReplayReport:
    """What a replay did, or would do: the row's status before and after, entries posted, events recorded."""

    inbox_id: int
    is_dry_run: bool
    status_before: str
    status: str
    outcome: str
    reason: str
    entries: tuple[ReportedEntry, ...]
    messages: tuple[ReportedMessage, ...]


def replay_event(*, actor: "User | None", inbox_id: int, dry_run: bool, reason: str = "") -> ReplayReport:
    """Applies one inbox event again by the very path of the drain, whatever its status. A dry run is rolled back.

    Raises: ReplayRefused when it does not exist, or when a real replay has no written reason.
    """
    if not dry_run and not reason.strip():
        raise ReplayRefused("reason_missing")
    with transaction.atomic(durable=True):
        row = InboxEvent.objects.filter(pk=inbox_id).select_for_update(no_key=True).first()
        if row is None:
            raise ReplayRefused("not_found")
        before = row.status
        result = apply_rows_within([row])
        report = _report_of(row, before, result, is_dry_run=dry_run)
        if dry_run:
            transaction.set_rollback(True)
        else:
            record([_replayed(actor, row, reason, report)])
    return report


def _report_of(row: InboxEvent, before: str, result: BatchResult, *, is_dry_run: bool) -> ReplayReport:
    entries = (
        Entry.objects.filter(operation__in=result.operations).select_related("operation", "account").order_by("pk")
    )
    verdict = result.verdicts[0]
    return ReplayReport(
        inbox_id=row.pk,
        is_dry_run=is_dry_run,
        status_before=before,
        status=row.status,
        outcome=verdict.outcome.value,
        reason=verdict.reason,
        entries=tuple(ReportedEntry(entry.operation.key, entry.account.code, entry.money) for entry in entries),
        messages=tuple(
            ReportedMessage(event.kind, f"{event.subject_type} {event.subject_id}", event.data)
            for event in result.events
        ),
    )


def _replayed(actor: "User | None", row: InboxEvent, reason: str, report: ReplayReport) -> NewEvent:
    return NewEvent(
        kind=Kind.INBOX_REPLAYED,
        subject_type="inbox",
        subject_id=row.pk,
        actor_id=None if actor is None else actor.pk,
        data={"reason": reason.strip()[:500], "before": report.status_before, "after": report.status},
        correlation_id=row.correlation_id,
    )
