"""The only clock the domain may read.

`now()` is real time plus the sandbox's offset (0 in production, where no query is made). `database_now()` is the
database's time plus the same offset, for deadlines that move money: it does not depend on this machine's clock.
Leases, signature times, codes and heartbeats use `real_now()`, which nobody can move.
"""

import time
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import connection, transaction

_READ_EVERY_SECONDS = 0.5
_cached: tuple[float, int] = (float("-inf"), 0)


def real_now() -> datetime:
    """The machine's time, UTC."""
    return datetime.now(UTC)


def now() -> datetime:
    """The domain's time, UTC."""
    return real_now() + timedelta(seconds=offset())


def database_now() -> datetime:
    """The database's time plus the sandbox's offset, UTC; one query."""
    if connection.vendor == "postgresql":
        sql = "SELECT clock_timestamp()"
    else:
        sql = "SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')"
    with connection.cursor() as cursor:
        cursor.execute(sql)
        value = cursor.fetchone()[0]
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(value).replace(tzinfo=UTC)
    return moment.astimezone(UTC) + timedelta(seconds=offset())


def offset() -> int:
    """Seconds by which the sandbox has moved the clock; read from its row at most twice a second."""
    global _cached
    if not settings.PLAYGROUND:
        return 0
    read_at, seconds = _cached
    if time.monotonic() - read_at < _READ_EVERY_SECONDS:
        return seconds
    from lockbay.models import VirtualClock

    row = VirtualClock.objects.filter(pk=1).values_list("offset_seconds", flat=True).first()
    _cached = (time.monotonic(), row or 0)
    return _cached[1]


def advance(seconds: int) -> int:
    """Moves the sandbox's clock forward and returns the new offset in seconds.

    Raises: PermissionError outside the sandbox; ValueError for a step back.
    """
    if not settings.PLAYGROUND:
        raise PermissionError("The clock can be moved in sandbox mode only.")
    if seconds < 0:
        raise ValueError("The clock moves forward only.")
    from lockbay.models import VirtualClock

    with transaction.atomic():
        VirtualClock.objects.get_or_create(pk=1)
        row = VirtualClock.objects.select_for_update().get(pk=1)
        row.offset_seconds += seconds
        row.save(update_fields=["offset_seconds", "moved_at"])
    forget_offset()
    return row.offset_seconds


def forget_offset() -> None:
    """Makes the next reading ask the database."""
    global _cached
    _cached = (float("-inf"), 0)
