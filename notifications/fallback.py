"""Opens the next channel for messages that took too long, also when the bot is dead (N2, F14). Run by the worker."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from lockbay import clock, heartbeat
from lockbay.people.models import Channel
from notifications import ladder
from notifications.backoff import GIVE_UP_AFTER
from notifications.models import Delivery, DeliveryState, Priority
from notifications.reach import channels_after

# A bot that has been silent for so long will not send within the limit: its money messages need not wait for it.
BOT_IS_DEAD_AFTER = timedelta(seconds=30)
# A reminder that could not be given for so long would only confuse.
REMINDER_IS_STALE_AFTER = timedelta(hours=2)

_WAITING = (DeliveryState.QUEUED, DeliveryState.SENDING)


def open_overdue_fallbacks(limit: int = 200) -> int:
    """Opens the next channel of up to `limit` deliveries whose limit has passed, where there is one; returns how many
    deliveries it looked at."""
    overdue = _overdue()
    if not overdue.exists():
        return 0
    with transaction.atomic():
        rows = list(
            overdue.select_for_update(skip_locked=True, no_key=True, of=("self",)).select_related("event", "recipient")[
                :limit
            ]
        )
        for row in rows:
            ladder.open_next_channel(row)
        Delivery.objects.filter(pk__in=[row.pk for row in rows]).update(fallback_at=None)
    return len(rows)


def soonest_fallback() -> datetime | None:
    """When the next limit passes; None when nothing waits for one."""
    waiting = Delivery.objects.filter(fallback_at__isnull=False, state__in=_WAITING).order_by("fallback_at")
    return waiting.values_list("fallback_at", flat=True).first()


def skip_stale() -> int:
    """Skips what has lost its sense: old reminders, and Telegram copies of what another channel said a day ago."""
    now = clock.real_now()
    queued = Delivery.objects.filter(state=DeliveryState.QUEUED)
    reminders = queued.filter(priority=Priority.REMINDER, due_at__lt=now - REMINDER_IS_STALE_AFTER)
    skipped = reminders.update(state=DeliveryState.SKIPPED, error="too late to remind", fallback_at=None)
    told = Delivery.objects.filter(
        event_id=OuterRef("event_id"),
        audience=OuterRef("audience"),
        channel__in=channels_after(Channel.TELEGRAM.value),
        state__in=[DeliveryState.SENT, DeliveryState.DELIVERED, DeliveryState.OPENED],
    )
    copies = queued.filter(Exists(told), channel=Channel.TELEGRAM.value, due_at__lt=now - GIVE_UP_AFTER)
    return skipped + copies.update(state=DeliveryState.SKIPPED, error="told by another channel", fallback_at=None)


def _overdue():  # type: ignore[no-untyped-def]
    is_overdue = Q(fallback_at__lte=clock.real_now())
    silence = heartbeat.age_of("bot")
    if silence is not None and silence > BOT_IS_DEAD_AFTER:
        is_overdue |= Q(channel=Channel.TELEGRAM.value)
    waiting = Delivery.objects.filter(fallback_at__isnull=False, state__in=_WAITING)
    return waiting.filter(is_overdue).order_by("fallback_at", "pk")
