"""Acceptances on their way to the database: those that come in while one is written share the next commit.

Each is marked as soon as on its own when there are few; in a storm the disk is asked less often, and keeps up.
"""

import asyncio
from dataclasses import dataclass

import structlog

from notifications.acceptances import settle_accepted
from notifications.channels.base import Accepted
from notifications.sending import Claimed, settle
from telegrambot.database import in_database

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class _Mark:
    claimed: Claimed
    answer: Accepted
    is_written: asyncio.Future[None]


class Marks:
    """Of one sender."""

    def __init__(self) -> None:
        self._waiting: list[_Mark] = []
        self._writing: asyncio.Task[None] | None = None

    async def write(self, claimed: Claimed, answer: Accepted) -> None:
        """Returns when it is marked, or its token was stale. Raises: what marking it alone raised."""
        mark = _Mark(claimed, answer, asyncio.get_running_loop().create_future())
        self._waiting.append(mark)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_all(), name="marks")
        await mark.is_written

    async def _write_all(self) -> None:
        while self._waiting:
            together, self._waiting = self._waiting, []
            try:
                await in_database(settle_accepted, [(mark.claimed, mark.answer) for mark in together])
            except Exception:
                log.exception("MARKS_FAILED", deliveries=[mark.claimed.delivery_id for mark in together])
                await self._write_each(together)
            for mark in together:
                if not mark.is_written.done():
                    mark.is_written.set_result(None)

    async def _write_each(self, marks: list[_Mark]) -> None:
        """One that cannot be marked takes no other with it."""
        for mark in marks:
            try:
                await in_database(settle, mark.claimed, mark.answer)
            except Exception as error:
                log.exception("MARK_FAILED", delivery_id=mark.claimed.delivery_id)
                mark.is_written.set_exception(error)
