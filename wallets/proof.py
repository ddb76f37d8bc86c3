"""The proof of the books: re-adds every account from its entries and names every breach (B8).

Incrementally from checkpoints, or from zero with full=True. The mark up to which a run reads is taken so that no
running transaction can still slip a lower entry id under it. Higher rooms add their own rules with register_rule().
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass

import structlog
from django.db import OperationalError, connection, transaction

from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.recording import NewEvent, record
from wallets import proof_sql
from wallets.assets import DIGITS
from wallets.models import Checkpoint, Entry, LedgerCheck, PayoutStop

logger = structlog.get_logger(__name__)
_MARK_TRIES = 3
_MARK_PAUSE_SECONDS = 1


@dataclass(frozen=True)
class Breach:
    """One thing that does not hold. `asset` is the one whose payouts stop; empty stops them all."""

    rule: str
    subject: str
    detail: str
    asset: str = ""


Rule = Callable[[bool], Iterable[Breach]]
_rules: dict[str, Rule] = {}


def register_rule(name: str, rule: Rule) -> None:
    """Adds a room's own rule; it is called with `full` and yields breaches."""
    _rules[name] = rule


def check_ledger(*, full: bool) -> LedgerCheck:
    """Runs the proof, stores its result and, when green, moves the checkpoints up; a breach stops payouts and
    alerts."""
    check = LedgerCheck.objects.create(full=full, started_at=clock.real_now())
    start = 0 if full else _last_green_mark()
    end = take_mark()
    breaches = [
        Breach(rule=name, subject=str(row[0]), detail=detail.format(*row), asset=str(row[-1]))
        for name, sql, detail in proof_sql.RULES
        for row in _rows(sql, start, end)
    ]
    for rule in _rules.values():
        breaches.extend(rule(full))
    check.entries_read = Entry.objects.filter(id__gt=start, id__lte=end).count()
    check.up_to_entry = end
    check.finished_at = clock.real_now()
    check.breaches = [asdict(breach) for breach in breaches]
    with transaction.atomic():
        if not breaches:
            _move_checkpoints(start, end)
        else:
            _stop_payouts(check, breaches)
        check.save()
    for breach in breaches:
        logger.error("LEDGER_BREACH", **asdict(breach))
    return check


def take_mark() -> int:
    """The highest entry id under which nothing can appear any more.

    PostgreSQL: the SHARE lock waits until no writer of entries is running, for 2 s at most, a few times. SQLite: BEGIN
    IMMEDIATE excludes writers. Raises: OperationalError when a writer never pauses: the next run tries again.
    """
    for _ in range(_MARK_TRIES - 1):
        try:
            return _take_mark_once()
        except OperationalError as error:
            logger.warning("LEDGER_MARK_NOT_TAKEN", error=str(error))
            time.sleep(_MARK_PAUSE_SECONDS)
    return _take_mark_once()


def _take_mark_once() -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL lock_timeout = '2s'")
            cursor.execute("LOCK TABLE wallets_entry IN SHARE MODE")
        cursor.execute("SELECT coalesce(max(id), 0) FROM wallets_entry")
        return int(cursor.fetchone()[0])


def _last_green_mark() -> int:
    green = LedgerCheck.objects.filter(finished_at__isnull=False, breaches=[]).order_by("-id").first()
    return green.up_to_entry if green else 0


def _rows(sql: str, start: int, end: int) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, {"start": start, "end": end})
        return list(cursor.fetchall())


def _move_checkpoints(start: int, end: int) -> None:
    """Moves them up, never back: another proof, with a later mark, may have finished while this one was reading."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:  # who moves them next sees what this one moved
            cursor.execute("LOCK TABLE wallets_checkpoint IN SHARE ROW EXCLUSIVE MODE")
    now = clock.real_now()
    sums = [(int(row[0]), int(row[1])) for row in _rows(proof_sql.SUMS, start, end)]  # type: ignore[call-overload]
    Checkpoint.objects.bulk_create(
        [Checkpoint(account_id=account, balance=balance, up_to_entry=end, taken_at=now) for account, balance in sums],
        update_conflicts=True,
        unique_fields=["account"],
        update_fields=["balance", "up_to_entry", "taken_at"],
        batch_size=2000,
    )


def _stop_payouts(check: LedgerCheck, breaches: list[Breach]) -> None:
    assets = {breach.asset for breach in breaches}
    stopped = set(DIGITS) if "" in assets or not assets <= set(DIGITS) else assets
    PayoutStop.objects.bulk_create(
        [
            PayoutStop(asset=asset, reason=f"Ledger check {check.pk}", stopped_at=clock.now())
            for asset in sorted(stopped)
        ],
        ignore_conflicts=True,
    )
    record(
        [
            NewEvent(
                kind=Kind.LEDGER_BREACHED,
                subject_type="ledger_check",
                subject_id=check.pk,
                data={
                    "breaches": len(breaches),
                    "rules": sorted({breach.rule for breach in breaches}),
                    "assets": sorted(stopped),
                },
            )
        ]
    )
