"""Goal 11: one worker empties an inbox of confirmations, against one least call and one naive transaction for each."""

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import psycopg
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from benchmarks import trades
from benchmarks.measuring import Cell, Ratio, run_in_turns
from benchmarks.naive.confirm import confirm
from benchmarks.trades import PAY, TOTAL, Trade
from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.models import Event
from lockbay.events.recording import hash_of
from payments.actions.apply_event import drain
from payments.models import InboxEvent

DRAINED, CALLED, NAIVE = 1_000, 300, 100


@dataclass
class Backlog:
    """Stored reports of trades that wait: what a cell's prepare() leaves for its run()."""

    number: int
    waiting: list[Trade] = field(default_factory=list)
    inbox_ids: list[int] = field(default_factory=list)
    calls: list[list[Any]] = field(default_factory=list)

    def fill(self) -> None:
        """Also checks that the round before confirmed all of its own."""
        trades.require_confirmed(self.waiting)
        self.waiting = trades.open_trades(self.number)
        self.inbox_ids = trades.store_reports(self.waiting)

    def hide_from_the_drain(self) -> None:
        """What the yardsticks are about to apply is not due."""
        InboxEvent.objects.filter(pk__in=self.inbox_ids).update(next_try_at=clock.real_now() + timedelta(days=1))


def measure(raw: psycopg.Connection, *, rounds: int) -> list[Ratio]:
    """Each round gets fresh trades; preparing them is not timed."""
    age_the_house()
    ours, least, naive = Backlog(DRAINED), Backlog(CALLED), Backlog(NAIVE)

    def drain_all() -> None:
        assert drain() == DRAINED

    def call_each() -> None:
        for call in least.calls:
            raw.execute(CONFIRM, call, prepare=True)

    def confirm_each() -> None:
        for inbox_id in naive.inbox_ids:
            confirm(inbox_id)

    def prepare_calls() -> None:
        least.fill()
        least.hide_from_the_drain()
        least.calls = [call_of(*pair) for pair in zip(least.waiting, least.inbox_ids, strict=True)]

    def prepare_naive() -> None:
        naive.fill()
        naive.hide_from_the_drain()

    cells = [
        Cell("drain, one worker", drain_all, DRAINED, ours.fill),
        Cell("least SQL, one call each", call_each, CALLED, prepare_calls),
        Cell("naive ORM, one transaction each", confirm_each, NAIVE, prepare_naive),
    ]
    run_in_turns(cells, rounds=rounds)
    for backlog in (ours, least, naive):
        trades.require_confirmed(backlog.waiting)
    drained, called, saved = (cell.per_second for cell in cells)
    return [
        Ratio("11", "inbox drain, one worker / least SQL call per confirmation", drained, called, 4),
        Ratio("11", f"inbox drain, one worker / naive ORM ({naive_statements()} statements)", drained, saved, 40),
    ]


def age_the_house() -> None:
    """A house that has run for a while: the platform's accounts exist, tables have rows and statistics. A fresh one
    plans its foreign-key checks for empty tables, until the first autovacuum."""
    first = Backlog(DRAINED)
    first.fill()
    drain()
    trades.require_confirmed(first.waiting)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def naive_statements() -> int:
    """How many statements the naive way takes for one trade, BEGIN and COMMIT left out."""
    backlog = Backlog(1)
    backlog.fill()
    with CaptureQueriesContext(connection) as captured, transaction.atomic():
        confirm(backlog.inbox_ids[0])
    return sum(query["sql"].split()[0] in {"SELECT", "INSERT", "UPDATE"} for query in captured)


CONFIRM = """SELECT bench_confirm(%s::bigint, %s::text, %s::text, %s::bigint, %s::bigint, %s::jsonb, %s::timestamptz,
    %s::integer, %s::text, %s::text)"""


def call_of(trade: Trade, inbox_id: int) -> list[Any]:
    """The arguments of bench_confirm: the event is hashed beforehand, which flatters the yardstick."""
    event = Event(
        kind=Kind.ESCROW_PAYMENT_CONFIRMED.value,
        subject_type="escrow",
        subject_id=trade.escrow.pk,
        seq=(trade.created.seq or 0) + 1,
        data={"public_id": trade.escrow.public_id, "deposit_reference": trade.txid},
        at=clock.now(),
        previous_hash=trade.created.hash,
    )
    data = json.dumps(event.data)
    moved = [PAY.minor, TOTAL.minor]
    return [inbox_id, trade.intent.provider_payment_id, trade.txid, *moved, data, event.at, event.seq,
            event.previous_hash, hash_of(event)]  # fmt: skip
