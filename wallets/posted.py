"""What was posted and recorded while somebody listens in this context: a repair shows exactly that (A3)."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from lockbay.events.models import Event


@dataclass
class Noted:
    """Ids of the operations that were posted, and the events, in order."""

    operation_ids: list[int] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)


_listening: ContextVar[Noted | None] = ContextVar("noted_postings", default=None)


@contextmanager
def note_everything() -> Iterator[Noted]:
    """Inside, whatever the ledger posts and whatever is recorded is noted; repeated operations post nothing."""
    noted = Noted()
    before = _listening.set(noted)
    try:
        yield noted
    finally:
        _listening.reset(before)


def note_posted(operation_ids: Iterable[int]) -> None:
    """Called by the ledger with the operations that it has just posted."""
    noted = _listening.get()
    if noted is not None:
        noted.operation_ids += [pk for pk in dict.fromkeys(operation_ids) if pk not in noted.operation_ids]


def note_recorded(events: Sequence[Event]) -> None:
    """The reader that record() calls."""
    noted = _listening.get()
    if noted is not None:
        noted.events += events
