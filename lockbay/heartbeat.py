"""Signs of life of the long-running processes, as rows that /ready and the supervisor read (O4). Real time."""

from datetime import timedelta
from typing import Any

from lockbay import clock
from lockbay.models import Heartbeat


def beat(name: str, **detail: Any) -> None:
    """Records that process `name` ("web", "worker", "bot") is alive now."""
    Heartbeat.objects.update_or_create(name=name, defaults={"beat_at": clock.real_now(), "detail": detail})


def age_of(name: str) -> timedelta | None:
    """Time since the last beat of `name`; None when it never beat."""
    row = Heartbeat.objects.filter(pk=name).first()
    return None if row is None else clock.real_now() - row.beat_at
