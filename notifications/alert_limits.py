"""No flood in the staff's rooms: at most settings.STAFF_ALERTS_PER_HOUR by one channel, then one message that says how
many more (N6). E-mail and the desk have them all; what is held back is a skipped delivery that can be sent.

Trouble and other news are counted apart, so that a busy day holds back no alarm. Hours are the clock's, in real time.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings

from lockbay.events.kinds import Kind
from lockbay.events.recording import NewEvent, record
from lockbay.setsql import insert_new, update_each
from notifications.models import AlertWindow, DeliveryState

WINDOW = timedelta(hours=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_KEPT = timedelta(days=90)
Row = dict[str, Any]
Limited = tuple[Row, str]  # a row that is about to be inserted, and its lane


def hold_back(limited: Sequence[Limited], now: datetime) -> None:
    """Marks the rows beyond the limit as skipped; the first of an hour records that there are more.

    One event by one channel counts once, however many phones it goes to. Inside the fan-out's transaction.
    """
    groups = _by_bucket(limited)
    if not groups:
        return
    starts_at = start_of_window(now)
    windows = _lock(sorted(groups), starts_at)
    news = []
    for bucket, events in groups.items():
        window = windows[bucket]
        free = max(0, settings.STAFF_ALERTS_PER_HOUR - window.taken)
        beyond = [row for rows in list(events.values())[free:] for row in rows]
        for row in beyond:
            row["state"], row["error"] = DeliveryState.SKIPPED.value, "held back: too many within the hour"
        if beyond and not window.held_back:
            news.append(_news_of(window))
        window.taken += min(free, len(events))
        window.held_back += max(0, len(events) - free)
    names = ("id", "taken", "held_back")
    update_each(AlertWindow, [{name: getattr(window, name) for name in names} for window in windows.values()])
    record(news)


def start_of_window(now: datetime) -> datetime:
    """The full hour before `now`."""
    return now - (now - _EPOCH) % WINDOW


def held_back(window_id: int) -> int | None:
    """How many messages an hour held back until now; None when it is long forgotten."""
    found: int | None = AlertWindow.objects.filter(pk=window_id).values_list("held_back", flat=True).first()
    return found


def forget_old_windows(now: datetime) -> None:
    """Once a day."""
    AlertWindow.objects.filter(starts_at__lt=now - _KEPT).delete()


def _by_bucket(limited: Sequence[Limited]) -> dict[str, dict[int, list[Row]]]:
    groups: dict[str, dict[int, list[Row]]] = {}
    for row, lane in limited:
        if lane:
            groups.setdefault(f"{row['channel']}:{lane}", {}).setdefault(row["event_id"], []).append(row)
    return groups


def _lock(buckets: Sequence[str], starts_at: datetime) -> dict[str, AlertWindow]:
    new = [{"bucket": bucket, "starts_at": starts_at, "taken": 0, "held_back": 0} for bucket in buckets]
    insert_new(AlertWindow, new, unique="bucket,starts_at")
    rows = AlertWindow.objects.select_for_update(no_key=True).filter(bucket__in=buckets, starts_at=starts_at)
    return {window.bucket: window for window in rows.order_by("bucket")}


def _news_of(window: AlertWindow) -> NewEvent:
    channel, _, lane = window.bucket.partition(":")
    until = (window.starts_at + WINDOW).isoformat()
    data = {"channel": channel, "lane": lane, "limit": settings.STAFF_ALERTS_PER_HOUR, "until": until, "held_back": 1}
    return NewEvent(Kind.STAFF_ALERTS_HELD_BACK, "alert_window", window.pk, data=data)
