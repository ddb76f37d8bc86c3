"""Works off stored updates: in order within a chat, several chats side by side, unfinished ones first after a start."""

import asyncio
import traceback
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from typing import Protocol

import structlog
from django.conf import settings
from telegram.error import BadRequest, NetworkError, RetryAfter

from telegrambot import updates
from telegrambot.database import in_database
from telegrambot.pausing import wait_for_event

log = structlog.get_logger(__name__)

MOST_CHATS_AT_ONCE = 8
LOOK_EVERY_SECONDS = 1.0
_LOOK_FOR = 200
_FIRST_DELAY, _LONGEST_DELAY = 0.5, 30.0


class Handler(Protocol):
    """What the dispatcher needs from the application."""

    async def handle(self, body: updates.RawUpdate) -> None:
        """Handles a raw update; whatever it raises, the update is tried again."""

    async def apologise(self, body: updates.RawUpdate, reference: str) -> None:
        """Tells the sender that the update was given up."""


class Dispatcher:
    """`stopping` ends it: lanes finish the update they are at."""

    def __init__(
        self,
        handler: Handler,
        stopping: asyncio.Event,
        *,
        first_delay: float = _FIRST_DELAY,
        on_handled: Callable[[int], None] = lambda update_id: None,
    ) -> None:
        self._handler = handler
        self._stopping = stopping
        self._first_delay = first_delay
        self._on_handled = on_handled
        self._woken = asyncio.Event()
        self._lanes: dict[int | None, asyncio.Task[None]] = {}

    def wake(self) -> None:
        """Updates were stored: look now."""
        self._woken.set()

    async def run(self) -> None:
        """Runs until `stopping` is set; then waits for the lanes to finish what they are at."""
        try:
            while not self._stopping.is_set():
                self._woken.clear()
                await self._open_lanes()
                await wait_for_event(self._woken, LOOK_EVERY_SECONDS)
        finally:
            if self._lanes:
                await asyncio.wait(self._lanes.values())

    async def drain(self) -> None:
        """Works off everything that waits now, then returns."""
        while not self._stopping.is_set():
            await self._open_lanes()
            if not self._lanes:
                return
            await asyncio.wait(self._lanes.values(), return_when=asyncio.FIRST_COMPLETED)

    async def _open_lanes(self) -> None:
        room = MOST_CHATS_AT_ONCE - len(self._lanes)
        if room <= 0:
            return
        by_chat: dict[int | None, list[int]] = defaultdict(list)
        for update_id, chat_id in await in_database(
            updates.waiting_updates, besides_chats=list(self._lanes), limit=_LOOK_FOR
        ):
            by_chat[chat_id].append(update_id)
        for chat_id, update_ids in list(by_chat.items())[:room]:
            lane = asyncio.create_task(self._work_off(update_ids), name=f"chat {chat_id}")
            self._lanes[chat_id] = lane
            lane.add_done_callback(partial(self._close_lane, chat_id))

    def _close_lane(self, chat_id: int | None, lane: asyncio.Task[None]) -> None:
        del self._lanes[chat_id]
        if not lane.cancelled() and (error := lane.exception()) is not None:
            # The database, most likely. The rows are still there: the next look opens the lane again.
            log.error("UPDATE_LANE_BROKE", chat_id=chat_id, exc_info=error)
            return
        self._woken.set()

    async def _work_off(self, update_ids: list[int]) -> None:
        for update_id in update_ids:
            if self._stopping.is_set():
                return
            await self._settle(update_id)

    async def _settle(self, update_id: int) -> None:
        """Tries one update until it is done or parked; later updates of its chat wait for it."""
        delay = self._first_delay
        while not self._stopping.is_set():
            row = await in_database(updates.begin_attempt, update_id)
            if row is None:
                return
            if row.attempts > settings.TELEGRAM_UPDATE_MAX_ATTEMPTS:
                await self._give_up(update_id, row.body)
                return
            if await self._try_once(update_id, row.body):
                return
            await wait_for_event(self._stopping, delay)
            delay = min(delay * 2, _LONGEST_DELAY)

    async def _try_once(self, update_id: int, body: updates.RawUpdate) -> bool:
        structlog.contextvars.bind_contextvars(correlation_id=updates.reference_of(update_id))
        try:
            await self._handler.handle(body)
        except Exception as error:
            if is_unreachable(error):
                log.warning("TELEGRAM_UNREACHABLE", update_id=update_id, error=str(error))
                await in_database(updates.forgive_attempt, update_id)
            else:
                log.exception("UPDATE_FAILED", update_id=update_id)
                await in_database(updates.note_failure, update_id, traceback.format_exc())
            return False
        await in_database(updates.mark_done, update_id)
        self._on_handled(update_id)
        return True

    async def _give_up(self, update_id: int, body: updates.RawUpdate) -> None:
        log.error("UPDATE_PARKED", update_id=update_id)
        await in_database(updates.park, update_id)
        await apologise_once(self._handler, body, updates.reference_of(update_id))


async def apologise_once(handler: Handler, body: updates.RawUpdate, reference: str) -> None:
    """Says sorry; when even that fails, the failure is logged and nothing else."""
    try:
        await handler.apologise(body, reference)
    except Exception:
        log.exception("APOLOGY_FAILED", reference=reference)


def is_unreachable(error: Exception) -> bool:
    """True when Telegram could not be reached or asks to wait; BadRequest is a NetworkError only by descent."""
    return isinstance(error, RetryAfter) or (isinstance(error, NetworkError) and not isinstance(error, BadRequest))
