"""What /ready says about messages: every channel by name, and whether staff can be reached (O4)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Count, Q

from lockbay import clock
from lockbay.observability.health import Result, register_check
from lockbay.people.models import Channel
from notifications.channels import ADAPTERS
from notifications.models import Delivery, DeliveryState, PendingFanout
from notifications.staff_reach import newest_test, staff_audiences, troubles

# So many messages that wait too long are not one person's full mailbox.
_MANY = 3


def register_notification_checks() -> None:
    """Called once at start."""
    register_check("channel", check_channels)
    register_check("staff channels", check_staff_channels)
    register_check("fan-out", check_fanout)


def check_channels() -> Mapping[str, Result]:
    """Every channel: off without keys; else when it last took a message, and how many wait. Red when several have
    waited for settings.CHANNEL_BACKLOG_LIMIT and it took none in that time."""
    limit = clock.real_now() - settings.CHANNEL_BACKLOG_LIMIT
    waiting = Delivery.objects.filter(state__in=[DeliveryState.QUEUED, DeliveryState.SENDING]).values("channel")
    counts = waiting.annotate(count=Count("pk"), late=Count("pk", filter=Q(created_at__lt=limit)))
    backlog = {row["channel"]: row for row in counts}
    named = {Channel.TELEGRAM.value: True, **{name: adapter.is_configured() for name, adapter in ADAPTERS.items()}}
    return {
        name: _judge(name, backlog.get(name, {"count": 0, "late": 0}), limit) if is_on else Result(True, "off")
        for name, is_on in named.items()
    }


def check_staff_channels() -> Result:
    """Red while a channel of the staff failed at its newest message, or has not taken the newest start's test."""
    found = troubles()
    if found:
        return Result(False, "; ".join(f"{name}: {trouble}" for name, trouble in found.items()))
    test = newest_test()
    tested = f"tested at {test.made_at:%H:%M}" if test else "not tested yet"
    return Result(True, f"{', '.join(staff_audiences())}; {tested}")


def check_fanout() -> Result:
    """Red while an event cannot be turned into messages: somebody is not told, and only the log says so."""
    broken = PendingFanout.objects.filter(broke_at__isnull=False).count()
    if broken:
        return Result(False, f"{broken} events could not be turned into messages, see FANOUT_BROKE in the log")
    return Result(True, f"{PendingFanout.objects.count()} events wait")


def _judge(name: str, backlog: Mapping[str, Any], limit: datetime) -> Result:
    accepted = Delivery.objects.filter(channel=name, sent_at__isnull=False).order_by("-sent_at")
    last = accepted.values_list("sent_at", flat=True).first()
    took = f"took a message {(clock.real_now() - last).total_seconds():.0f} s ago" if last else "has taken none yet"
    is_stuck = backlog["late"] >= _MANY and (last is None or last < limit)
    return Result(not is_stuck, f"{took}, {backlog['count']} wait")
