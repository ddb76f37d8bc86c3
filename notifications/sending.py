"""Due deliveries, one taker each: claimed with a lease and a fencing token, tried outside any transaction, marked (N3).

A try is counted before the channel is called, so a process that is killed leaves a trace. When a lease runs out while
a try was under way the message may be out already: it is tried once more and marked uncertain, and never a third time;
then the next channel is tried (F2, F15). A channel that makes one of all copies is tried on. A marker whose token is
stale changes nothing (F36). Leases use real time.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q, QuerySet

from lockbay import clock
from lockbay.setsql import update_each
from notifications import ladder
from notifications.backoff import GIVE_UP_AFTER, wait_before_retry
from notifications.channels import deduplicates
from notifications.channels.base import Accepted, AddressDead, ChannelError, ChannelUnavailable, Uncertain
from notifications.models import Attempt, Delivery, DeliveryState, Outcome
from notifications.overtaken import is_overtaken
from notifications.told import start_clock_of

log = structlog.get_logger(__name__)

_MARKED = (
    "state",
    "is_uncertain",
    "attempts",
    "due_at",
    "fallback_at",
    "lease_token",
    "lease_until",
    "provider_id",
    "sent_at",
    "error",
)


@dataclass(frozen=True)
class Claimed:
    """A delivery that only the holder of `token` may mark, with event and recipient. `number` counts its tries."""

    delivery: Delivery
    token: str
    number: int

    @property
    def delivery_id(self) -> int:
        """The row's primary key."""
        return self.delivery.pk

    @property
    def chat_id(self) -> int | None:
        """The Telegram chat of the recipient."""
        return self.delivery.recipient.telegram_id if self.delivery.recipient else None

    @property
    def has_run_out(self) -> bool:
        """Whether the lease is over: another may hold it by now, so the channel is not called any more (F36)."""
        until = self.delivery.lease_until
        return until is None or until <= clock.real_now()


def claim(channel: str, limit: int = 1, *, narrow: Callable[[QuerySet], QuerySet] | None = None) -> list[Claimed]:
    """Takes up to `limit` due deliveries of a channel, urgent first, for settings.JOB_LEASE.

    `narrow` leaves some out for now: those whose chat must wait its turn, see turns.py.
    """
    due = narrow(_due(channel)) if narrow else _due(channel)
    if connection.vendor == "sqlite" and not due.exists():  # look before taking its only write lock
        return []
    with transaction.atomic():
        rows = list(
            due.select_for_update(skip_locked=True, no_key=True, of=("self",)).select_related("event", "recipient")[
                :limit
            ]
        )
        interrupted = [row for row in rows if row.state == DeliveryState.SENDING]
        Attempt.objects.filter(delivery__in=interrupted, outcome="").update(
            outcome=Outcome.UNCERTAIN, finished_at=clock.real_now(), error=_INTERRUPTED
        )
        for row in interrupted:
            if row.is_uncertain or row.created_at < clock.real_now() - GIVE_UP_AFTER:
                _close_uncertain(row, _INTERRUPTED)
        return _start_tries([row for row in rows if row.state != DeliveryState.FAILED])


def is_due(channel: str) -> bool:
    """Whether a channel has something to try now; takes no lock."""
    return bool(_due(channel).exists())


_INTERRUPTED = "the sender stopped before it could mark the answer"


def settle(claimed: Claimed, answer: Accepted | ChannelError, *, address: str = "") -> bool:
    """Marks a try by what the channel answered; False when the token was stale. `address` is the one that was used."""
    if isinstance(answer, Accepted):
        return mark_sent(claimed, answer.provider_id)
    if isinstance(answer, Uncertain):
        return mark_uncertain(claimed, str(answer))
    if isinstance(answer, ChannelUnavailable):
        return mark_failed(claimed, str(answer), final=False, retry_after=answer.retry_after)
    return mark_failed(
        claimed, str(answer), final=True, dead_address=(address or "unknown") if isinstance(answer, AddressDead) else ""
    )


def mark_sent(claimed: Claimed, provider_id: str = "") -> bool:
    """A channel accepted the message. Channels that wait behind this one are no longer needed."""
    with transaction.atomic():
        row = _mine(claimed)
        if row is None:
            return False
        row.state, row.sent_at, row.provider_id, row.error = DeliveryState.SENT, clock.real_now(), provider_id[:200], ""
        _finish(row, claimed.number, Outcome.SENT)
        ladder.skip_later_channels(row)
        transaction.on_commit(
            lambda: log.info("delivery_sent", delivery_id=row.pk, channel=row.channel, template=row.template)
        )
    start_clock_of(row)
    return True


def mark_failed(
    claimed: Claimed, error: str, *, final: bool, retry_after: float | None = None, dead_address: str = ""
) -> bool:
    """The channel did not take the message: again later, or (`final`) the next channel at once.

    `retry_after` is in seconds. `dead_address` names the address that will never work again, "unknown" for the chat.
    """
    with transaction.atomic():
        row = _mine(claimed)
        if row is None:
            return False
        row.error = error[:300]
        if final or (retry_after is None and _is_tried_too_long(row)):
            row.state = DeliveryState.FAILED
            _finish(row, claimed.number, Outcome.FAILED)
            if dead_address:
                ladder.mark_address_dead(row, dead_address, reason=row.error, sent_at=clock.real_now())
            ladder.step_down(row)
        else:
            row.state = DeliveryState.QUEUED
            row.due_at = clock.real_now() + wait_before_retry(row.channel, row.attempts, retry_after)
            _finish(row, claimed.number, Outcome.RETRY)
            ladder.step_down_when_stuck(row)
        transaction.on_commit(
            lambda: log.warning(
                "delivery_not_taken",
                delivery_id=row.pk,
                channel=row.channel,
                reason=row.error,
                is_final=row.state == DeliveryState.FAILED,
            )
        )
    return True


def mark_uncertain(claimed: Claimed, error: str) -> bool:
    """The answer was lost: once more, and when that answer is lost too, the next channel."""
    with transaction.atomic():
        row = _mine(claimed)
        if row is None:
            return False
        row.error = error[:300]
        Attempt.objects.filter(delivery=row, number=claimed.number).update(
            outcome=Outcome.UNCERTAIN, finished_at=clock.real_now(), error=row.error
        )
        if row.is_uncertain:
            _close_uncertain(row, row.error)
        else:
            row.state, row.is_uncertain = DeliveryState.QUEUED, True
            row.due_at = clock.real_now() + wait_before_retry(row.channel, row.attempts)
            _save(row)
            ladder.step_down_when_stuck(row)
        transaction.on_commit(
            lambda: log.warning("delivery_uncertain", delivery_id=row.pk, channel=row.channel, reason=row.error)
        )
    return True


def put_back(claimed: Claimed, *, due_at: datetime) -> bool:
    """Returns a delivery that was not tried after all (its chat must wait its turn); the try is not counted."""
    with transaction.atomic():
        row = _mine(claimed)
        if row is None:
            return False
        Attempt.objects.filter(delivery=row, number=claimed.number).delete()
        row.state, row.due_at, row.attempts = DeliveryState.QUEUED, due_at, row.attempts - 1
        _save(row)
    return True


def skip_overtaken(claimed: Claimed) -> bool:
    """Ends a delivery whose message is no longer true, untried; False when it still is, or the token was stale."""
    if not is_overtaken(claimed.delivery):
        return False
    with transaction.atomic():
        row = _mine(claimed)
        if row is None:
            return False
        Attempt.objects.filter(delivery=row, number=claimed.number).delete()
        is_of_trade = row.event.subject_type == "escrow" and row.incident_id is None
        why = "the trade has moved on" if is_of_trade else "not needed any more"
        row.state, row.error, row.attempts = DeliveryState.SKIPPED, why, row.attempts - 1
        row.fallback_at = None
        _save(row)
    return True


def end_leases(channel: str) -> int:
    """Ends every lease of a channel that has one sender only; called by that sender when it starts (F1).

    What a killed sender held is then tried at once instead of when its lease runs out.
    """
    held = Delivery.objects.filter(channel=channel, state=DeliveryState.SENDING, lease_until__gt=clock.real_now())
    return held.update(lease_until=clock.real_now())


def _due(channel: str):  # type: ignore[no-untyped-def]
    now = clock.real_now()
    return (
        Delivery.objects.filter(
            channel=channel, state__in=[DeliveryState.QUEUED, DeliveryState.SENDING], due_at__lte=now
        )
        .filter(Q(lease_until__isnull=True) | Q(lease_until__lte=now))
        .order_by("priority", "due_at", "pk")
    )


def _start_tries(rows: list[Delivery]) -> list[Claimed]:
    now, token = clock.real_now(), secrets.token_hex(16)
    for row in rows:
        row.is_uncertain |= row.state == DeliveryState.SENDING and not deduplicates(row.channel)
        row.state, row.attempts = DeliveryState.SENDING, row.attempts + 1
        row.lease_token, row.lease_until = token, now + settings.JOB_LEASE
    names = ("id", "state", "attempts", "is_uncertain", "lease_token", "lease_until")
    update_each(Delivery, [{name: getattr(row, name) for name in names} for row in rows])
    Attempt.objects.bulk_create([Attempt(delivery=row, number=row.attempts, started_at=now) for row in rows])
    return [Claimed(row, token, row.attempts) for row in rows]


def _mine(claimed: Claimed) -> Delivery | None:
    held = Delivery.objects.filter(pk=claimed.delivery_id, lease_token=claimed.token, state=DeliveryState.SENDING)
    row = held.select_for_update(no_key=True, of=("self",)).select_related("event", "recipient").first()
    if row is None:
        log.warning("delivery_lease_was_lost", delivery_id=claimed.delivery_id, number=claimed.number)
    return row


def _finish(row: Delivery, number: int, outcome: Outcome) -> None:
    Attempt.objects.filter(delivery=row, number=number).update(
        outcome=outcome, finished_at=clock.real_now(), provider_id=row.provider_id, error=row.error
    )
    _save(row)


def _is_tried_too_long(row: Delivery) -> bool:
    """For GIVE_UP_AFTER without an end. What was sent again after it had ended is tried as long as something new."""
    since = clock.real_now() - GIVE_UP_AFTER
    if row.created_at >= since:
        return False
    ended = row.tries.exclude(outcome__in=["", Outcome.RETRY]).order_by("-number").values_list("number", flat=True)
    return row.tries.filter(number__gt=ended.first() or 0, started_at__lt=since).exists()


def _close_uncertain(row: Delivery, error: str) -> None:
    # Not "sent": nobody knows. Not tried again here either: two copies are out already, perhaps.
    row.state, row.error, row.is_uncertain = DeliveryState.FAILED, error, True
    _save(row)
    ladder.step_down(row)


def _save(row: Delivery) -> None:
    row.lease_token, row.lease_until = "", None
    if row.state in (DeliveryState.SENT, DeliveryState.FAILED):
        row.fallback_at = None
    row.save(update_fields=_MARKED)
