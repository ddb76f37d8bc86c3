"""The reader of the event book: what must be told is noted in the very transaction in which it happened (N1)."""

from collections.abc import Sequence

from django.db import connection, transaction

from lockbay import jobs
from lockbay.events.kinds import Kind
from lockbay.events.models import Event
from lockbay.setsql import insert_new
from notifications.models import PendingFanout
from notifications.routing import ROUTES


def note_events(events: Sequence[Event]) -> None:
    """Notes the events that somebody is told of (one INSERT) and wakes the worker once a transaction."""
    told = [event for event in events if ROUTES[Kind(event.kind)]]
    if not told:
        return
    insert_new(PendingFanout, [{"event": event.pk} for event in told])
    _wake_once()


def _wake_once() -> None:
    """One wake-up a transaction, however many batches are recorded in it.

    The mark is an (empty) on-commit callback: Django forgets it with the transaction or savepoint that is rolled back,
    and just then the wake-up's row is gone too, so the next batch wakes again.
    """
    if any(entry[1] is _mark for entry in connection.run_on_commit):
        return
    jobs.wake("fan_out")
    transaction.on_commit(_mark)


def _mark() -> None:
    """Does nothing; see _wake_once."""
