"""The bot's heartbeat. It beats only while updates come in and are worked off, so that /ready proves that (O4)."""

import asyncio
from datetime import datetime, timedelta

import structlog
from django.db import DatabaseError

from lockbay import clock
from lockbay.heartbeat import beat
from telegrambot.database import in_database
from telegrambot.models import StoredUpdate, UpdateStatus
from telegrambot.pausing import wait_for_event
from telegrambot.updates_loop import POLL_SECONDS

log = structlog.get_logger(__name__)

BEAT_EVERY_SECONDS = 5.0
# A healthy long poll comes back at least this often, even when nobody writes.
POLL_LIMIT = timedelta(seconds=POLL_SECONDS + 15)
# An update that waits longer means that nothing works the rows off.
WAIT_LIMIT = timedelta(seconds=60)


class SignsOfLife:
    """What the loops report, written to the heartbeat row every few seconds while it is good news."""

    def __init__(self) -> None:
        self.polled_at: datetime | None = None
        self.handled_at: datetime | None = None
        self.handled_update_id: int | None = None

    def note_poll(self) -> None:
        """Telegram answered a poll and its updates are stored."""
        self.polled_at = clock.real_now()

    def note_handled(self, update_id: int) -> None:
        """An update was handled and its answer sent."""
        self.handled_at, self.handled_update_id = clock.real_now(), update_id

    async def run(self, stopping: asyncio.Event) -> None:
        """Beats until `stopping`."""
        while not stopping.is_set():
            try:
                await in_database(self.beat_if_alive)
            except DatabaseError as error:
                log.warning("HEARTBEAT_NOT_WRITTEN", error=str(error))
            await wait_for_event(stopping, BEAT_EVERY_SECONDS)

    def beat_if_alive(self) -> bool:
        """Writes the row when updates come in and none is stuck; otherwise silence, which turns /ready red."""
        now = clock.real_now()
        if self.polled_at is None or now - self.polled_at > POLL_LIMIT:
            return False
        waiting = StoredUpdate.objects.filter(status=UpdateStatus.STORED)
        if waiting.filter(received_at__lt=now - WAIT_LIMIT).exists():
            log.error("UPDATES_STUCK", waiting=waiting.count())
            return False
        beat(
            "bot",
            polled_at=_text(self.polled_at),
            handled_update_at=_text(self.handled_at),
            handled_update_id=self.handled_update_id or 0,
            waiting=waiting.count(),
        )
        return True


def _text(moment: datetime | None) -> str:
    return moment.isoformat(timespec="seconds") if moment else "none yet"
