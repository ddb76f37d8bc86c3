"""Replays many inbox events, one after the other: which ones, what became of each, and what that adds up to (P4)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

import structlog
from django.db.models import Q, QuerySet

from payments.actions.replay_event import ReplayReport, replay_event
from payments.errors import ReplayRefused
from payments.models import InboxEvent, Intent
from payments.states import InboxStatus, Outcome

if TYPE_CHECKING:
    from lockbay.people.models import User

log = structlog.stdlib.get_logger(__name__)

FAILED = "failed"  # no status of its own: pending or parked, and the last try failed
STATUSES = (*InboxStatus.values, FAILED)


@dataclass(frozen=True)
class Selection:
    """Which events: all conditions that are given hold together. `payment` is a provider's payment id, one of our
    payment requests, or what a request is for; times are those of arrival, `until` left out."""

    ids: tuple[int, ...] = ()
    first_id: int | None = None
    last_id: int | None = None
    provider: str = ""
    status: str = ""
    since: datetime | None = None
    until: datetime | None = None
    payment: str = ""

    @property
    def is_empty(self) -> bool:
        """True when nothing was asked for, which would be every event."""
        return self == Selection()

    def rows(self) -> "QuerySet[InboxEvent]":
        """The events, in order of arrival."""
        conditions = {
            "pk__in": self.ids or None,
            "pk__gte": self.first_id,
            "pk__lte": self.last_id,
            "provider": self.provider or None,
            "received_at__gte": self.since,
            "received_at__lt": self.until,
        }
        rows = InboxEvent.objects.filter(**{name: value for name, value in conditions.items() if value is not None})
        if self.status == FAILED:
            rows = rows.filter(last_outcome=Outcome.FAILED)
        elif self.status:
            rows = rows.filter(status=self.status)
        if self.payment:
            ours = Intent.objects.filter(Q(public_id=self.payment) | Q(reference=self.payment))
            named = ours.exclude(provider_payment_id=None).values("provider_payment_id")
            rows = rows.filter(Q(payment_ref=self.payment) | Q(payment_ref__in=named))
        return rows.order_by("pk")


@dataclass(frozen=True)
class Broken:
    """A replay that raised: nothing of it is stored, the others go on."""

    inbox_id: int
    error: str


@dataclass
class Summary:
    """What many replays add up to. `moves` counts changes by "parked → applied"."""

    events: int = 0
    changes: int = 0
    entries: int = 0
    messages: int = 0
    failed: list[int] = field(default_factory=list)
    broken: list[int] = field(default_factory=list)
    moves: dict[str, int] = field(default_factory=dict)

    def add(self, result: "ReplayReport | Broken") -> None:
        """Counts one more."""
        self.events += 1
        if isinstance(result, Broken):
            self.broken.append(result.inbox_id)
            return
        self.changes += result.is_change
        self.entries += len(result.entries)
        self.messages += len(result.messages)
        if result.is_failed:
            self.failed.append(result.inbox_id)
        if result.is_change:
            move = f"{result.status_before} → {result.status}"
            self.moves[move] = self.moves.get(move, 0) + 1


def replay_each(
    *, actor: "User | None", inbox_ids: Iterable[int], dry_run: bool, reason: str = ""
) -> "Iterator[ReplayReport | Broken]":
    """Replays event by event, each in a transaction of its own: stopping between two of them loses nothing, and doing
    it all again changes nothing more. Raises: ReplayRefused without a reason."""
    for inbox_id in inbox_ids:
        try:
            yield replay_event(actor=actor, inbox_id=inbox_id, dry_run=dry_run, reason=reason)
        except ReplayRefused as refusal:
            if refusal.reason == "reason_missing":
                raise
            yield Broken(inbox_id, refusal.reason)
        except Exception as error:
            log.exception("INBOX_REPLAY_FAILED", inbox_id=inbox_id)
            yield Broken(inbox_id, f"{type(error).__name__}: {error}")
