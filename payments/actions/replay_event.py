"""Replays an inbox event, for real or as a dry run that shows exactly what would change (P4)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Q

from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.recording import NewEvent, record
from payments.actions.apply_event import BatchResult, apply_rows_within
from payments.errors import ReplayRefused
from payments.interpreting import interpret
from payments.models import Deposit, InboxEvent, Intent
from payments.states import Outcome
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
class ReportedDeposit:
    """A deposit as it was ("" when it is new) and as it is afterwards: state, amount, transaction id."""

    deposit_id: int
    before: str
    after: str


@dataclass(frozen=True)
class ReplayReport:
    """What a replay did, or would do: the row's status before and after, entries posted, events recorded, deposits
    changed, payment requests about which the provider is asked. `is_change` False: it did nothing at all."""

    inbox_id: int
    is_dry_run: bool
    status_before: str
    status: str
    outcome: str
    reason: str
    entries: tuple[ReportedEntry, ...]
    messages: tuple[ReportedMessage, ...]
    deposits: tuple[ReportedDeposit, ...]
    asked: tuple[str, ...]
    is_change: bool

    @property
    def is_failed(self) -> bool:
        """True when the event cannot be applied as it is."""
        return self.outcome == Outcome.FAILED


def replay_event(*, actor: "User | None", inbox_id: int, dry_run: bool, reason: str = "") -> ReplayReport:
    """Applies one inbox event again by the very path of the drain, whatever its status. A dry run is rolled back, and
    so is one that changes nothing: it leaves no trace.

    Raises: ReplayRefused when it does not exist, or when a real replay has no written reason.
    """
    if not dry_run and not reason.strip():
        raise ReplayRefused("reason_missing")
    with transaction.atomic(durable=True):
        row = InboxEvent.objects.filter(pk=inbox_id).select_for_update(no_key=True).first()
        if row is None:
            raise ReplayRefused("not_found")
        report = replay_within(row, is_dry_run=dry_run)
        if dry_run or not report.is_change:
            transaction.set_rollback(True)
        else:
            record([_replayed(actor, row, reason, report)])
    return report


def replay_within(row: InboxEvent, *, is_dry_run: bool) -> ReplayReport:
    """Applies a locked row inside the caller's transaction and says what that changed."""
    before = _Surroundings.of(row)
    result = apply_rows_within([row])
    return _report_of(row, before, _Surroundings.of(row), result, is_dry_run=is_dry_run)


@dataclass(frozen=True)
class _Surroundings:
    """What one event may change besides entries and events."""

    status: str
    error: str
    deposits: dict[int, str]
    to_ask: dict[str, bool]

    @classmethod
    def of(cls, row: InboxEvent) -> "_Surroundings":
        reports = interpret([row])[0].reports
        payments = {name for report in reports for name in (report.payment_id, report.part) if name}
        txids = {text for report in reports if report.txid for text in (report.txid.strip(), report.txid.lower())}
        known = Deposit.objects.filter(
            Q(provider=row.provider, intent__provider_payment_id__in=payments)
            | Q(provider=row.provider, provider_payment_id__in=payments)
            | Q(txid__in=txids)
        )
        intents = Intent.objects.filter(provider=row.provider, provider_payment_id__in=payments)
        now = clock.now()
        return cls(
            status=row.status,
            error=row.error.strip().rpartition("\n")[2],  # the way to the same error may differ
            deposits={one.pk: f"{one.state} {one.money} {one.txid}".strip() for one in known},
            to_ask={one.public_id: one.ask_due_at is not None and one.ask_due_at <= now for one in intents},
        )


def _report_of(
    row: InboxEvent, before: _Surroundings, after: _Surroundings, result: BatchResult, *, is_dry_run: bool
) -> ReplayReport:
    deposits = tuple(
        ReportedDeposit(pk, before.deposits.get(pk, ""), text)
        for pk, text in sorted(after.deposits.items())
        if before.deposits.get(pk) != text
    )
    asked = tuple(sorted(name for name, is_due in after.to_ask.items() if is_due and not before.to_ask.get(name)))
    is_same_row = (before.status, before.error) == (after.status, after.error)
    entries, messages = _entries_of(result), _messages_of(result)
    verdict = result.verdicts[0]
    return ReplayReport(
        inbox_id=row.pk,
        is_dry_run=is_dry_run,
        status_before=before.status,
        status=row.status,
        outcome=verdict.outcome.value,
        reason=verdict.reason,
        entries=entries,
        messages=messages,
        deposits=deposits,
        asked=asked,
        is_change=bool(entries or messages or deposits or asked or not is_same_row),
    )


def _entries_of(result: BatchResult) -> tuple[ReportedEntry, ...]:
    entries = Entry.objects.filter(operation__in=result.operations).select_related("operation", "account")
    return tuple(
        ReportedEntry(entry.operation.key, entry.account.code, entry.money) for entry in entries.order_by("pk")
    )


def _messages_of(result: BatchResult) -> tuple[ReportedMessage, ...]:
    return tuple(
        ReportedMessage(event.kind, f"{event.subject_type} {event.subject_id}", event.data) for event in result.events
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
