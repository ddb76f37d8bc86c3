"""record(): the only writer of events, and the hook through which readers learn of them.

Chained subjects (escrows, withdrawals): the caller holds the lock on the subject's row; the batch is chained in memory
from one query of heads, and unique(subject, seq) makes a fork impossible. The hash covers canonical_bytes(); personal
text goes into `data` only as a digest, so that erasing the text later breaks nothing.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from django.db import connection

from lockbay import clock
from lockbay.array_literals import array_literal
from lockbay.events.errors import RecordedOutsideTransaction
from lockbay.events.kinds import CHAINED_SUBJECTS, Kind
from lockbay.events.models import Event
from lockbay.observability.correlation import current_correlation_id
from lockbay.setsql import insert_new

_CHUNK = 2_000
Hook = Callable[[Sequence[Event]], None]
_hooks: list[Hook] = []


@dataclass(frozen=True)
class NewEvent:
    """A fact about to be recorded. `data` must be JSON: text, whole numbers, booleans, lists and dicts of them."""

    kind: Kind
    subject_type: str
    subject_id: int
    actor_id: int | None = None
    data: dict[str, Any] = field(default_factory=dict)
    correlation_id: str = ""


def call_after_recording(hook: Hook) -> None:
    """Registers a reader; it runs inside the same transaction, once a batch."""
    if hook not in _hooks:
        _hooks.append(hook)


def record(new_events: Sequence[NewEvent]) -> list[Event]:
    """Writes the events in order: a query of heads (when any is chained), one INSERT, then the hooks.

    Raises: RecordedOutsideTransaction outside atomic().
    """
    if not connection.in_atomic_block:
        raise RecordedOutsideTransaction(f"{[e.kind for e in new_events]} must be recorded with what made it true.")
    if not new_events:
        return []
    now = clock.now()
    events = [
        Event(
            kind=new.kind.value,
            subject_type=new.subject_type,
            subject_id=new.subject_id,
            actor_id=new.actor_id,
            data=new.data,
            at=now,
            correlation_id=new.correlation_id or current_correlation_id(),
        )
        for new in new_events
    ]
    _chain(events)
    _insert(events)
    for hook in _hooks:
        hook(events)
    return events


def canonical_bytes(event: Event) -> bytes:
    """What the hash covers: sorted compact JSON of the fact, its place in the chain and the hash before it."""
    fact = {
        "kind": event.kind,
        "subject": [event.subject_type, event.subject_id],
        "seq": event.seq,
        "actor": event.actor_id,
        "data": event.data,
        "at": event.at.isoformat(timespec="microseconds"),
        "previous": event.previous_hash,
    }
    return json.dumps(fact, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def hash_of(event: Event) -> str:
    """SHA-256 of canonical_bytes, hex."""
    return hashlib.sha256(canonical_bytes(event)).hexdigest()


def broken_links(subject_type: str, subject_id: int) -> list[int]:
    """The seq numbers at which a subject's chain does not hold; empty when it is whole."""
    return _broken_in(Event.objects.filter(subject_type=subject_type, subject_id=subject_id).order_by("seq"))


def broken_chains(subject_type: str) -> Iterator[tuple[int, list[int]]]:
    """(subject id, broken seq numbers) of every chain of that type that does not hold: one statement for all."""
    events = Event.objects.filter(subject_type=subject_type).order_by("subject_id", "seq")
    for subject_id, chain in groupby(events.iterator(chunk_size=_CHUNK), key=lambda event: event.subject_id):
        broken = _broken_in(chain)
        if broken:
            yield subject_id, broken


def _broken_in(chain: Iterable[Event]) -> list[int]:
    broken, previous, expected = [], "", 1
    for event in chain:
        if event.seq != expected or event.previous_hash != previous or event.hash != hash_of(event):
            broken.append(event.seq or 0)
        previous, expected = event.hash, expected + 1
    return broken


def _insert(events: Sequence[Event]) -> None:
    names = [field.attname for field in Event._meta.concrete_fields if not field.primary_key]
    rows = [{name: getattr(event, name) for name in names} for event in events]
    ids = sorted(row[0] for row in insert_new(Event, rows, returning=["id"]))  # given out in the order of the rows
    for event, pk in zip(events, ids, strict=True):
        event.pk = pk
        event._state.adding = False


def _chain(events: Sequence[Event]) -> None:
    chained = [event for event in events if event.subject_type in CHAINED_SUBJECTS]
    if not chained:
        return
    heads = _heads({(event.subject_type, event.subject_id) for event in chained})
    for event in chained:
        seq, previous = heads.get((event.subject_type, event.subject_id), (0, ""))
        event.seq, event.previous_hash = seq + 1, previous
        event.hash = hash_of(event)
        heads[event.subject_type, event.subject_id] = (event.seq, event.hash)


def _heads(subjects: set[tuple[str, int]]) -> dict[tuple[str, int], tuple[int, str]]:
    """One query, an index look-up a subject: the last (seq, hash) of each."""
    ordered = sorted(subjects)
    if connection.vendor == "postgresql":
        source = "unnest(%s::text[], %s::bigint[]) AS s(column1, column2)"
        parameters: list[Any] = [array_literal(column) for column in zip(*ordered, strict=True)]
    else:
        source = f"(VALUES {', '.join(['(%s, %s)'] * len(ordered))}) AS s"
        parameters = [value for subject in ordered for value in subject]
    sql = (
        f"SELECT e.subject_type, e.subject_id, e.seq, e.hash FROM {source} "  # noqa: S608
        "JOIN events_event e ON e.subject_type = s.column1 AND e.subject_id = s.column2 AND e.seq = "
        "(SELECT max(m.seq) FROM events_event m WHERE m.subject_type = s.column1 AND m.subject_id = s.column2)"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return {(row[0], row[1]): (row[2], row[3]) for row in cursor.fetchall()}
