"""Our own getUpdates loop: a batch is stored before the next call acknowledges it (F3).

python-telegram-bot's Updater acknowledges first and handles later: what it holds in memory is lost by a kill.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Protocol, TypeVar

import structlog
from django.db import DatabaseError
from telegram.error import Conflict, NetworkError, RetryAfter

from telegrambot.pausing import wait_for_event
from telegrambot.updates import RawUpdate

log = structlog.get_logger(__name__)

POLL_SECONDS = 20
_FIRST_DELAY, _LONGEST_DELAY = 0.5, 15.0
ALLOWED_UPDATES = ["message", "callback_query", "my_chat_member"]


class UpdatesSource(Protocol):
    """A bot that hands out raw updates."""

    async def fetch_raw_updates(
        self, *, offset: int | None, wait_seconds: int, allowed_updates: list[str]
    ) -> list[RawUpdate]:
        """One long poll of `wait_seconds`; `offset` acknowledges everything below it."""


T = TypeVar("T")
Store = Callable[[Sequence[RawUpdate]], Awaitable[object]]


async def poll_updates(
    source: UpdatesSource,
    store: Store,
    stopping: asyncio.Event,
    *,
    on_polled: Callable[[], None] = lambda: None,
    poll_seconds: int = POLL_SECONDS,
) -> None:
    """Runs until `stopping` is set. Trouble with the network or the database backs off and recovers.

    Raises: telegram.error.InvalidToken and other refusals of the bot itself, which no waiting heals.
    """
    offset: int | None = None  # Telegram hands out again what was not acknowledged; known ids are ignored
    delay, wait = _FIRST_DELAY, 0  # the first poll does not wait: it shows at once that polling works
    while not stopping.is_set():
        try:
            batch = await _unless_stopped(
                source.fetch_raw_updates(offset=offset, wait_seconds=wait, allowed_updates=ALLOWED_UPDATES), stopping
            )
            if batch is None:
                return
            if batch:
                await store(batch)
                offset = max(int(update["update_id"]) for update in batch) + 1
        except (NetworkError, RetryAfter, Conflict, DatabaseError) as error:
            pause = max(delay, seconds_asked(error) if isinstance(error, RetryAfter) else 0.0)
            log.warning("TELEGRAM_POLL_FAILED", error=str(error), wait_seconds=pause)
            await _unless_stopped(asyncio.sleep(pause), stopping)
            delay, wait = min(delay * 2, _LONGEST_DELAY), 0
            continue
        delay, wait = _FIRST_DELAY, poll_seconds
        on_polled()


async def watch_webhook(
    is_reachable: Callable[[], Awaitable[object]],
    stopping: asyncio.Event,
    *,
    on_polled: Callable[[], None] = lambda: None,
    every_seconds: float = POLL_SECONDS / 2,
) -> None:
    """Webhook mode: updates come to the web process; here Telegram is only asked, now and then, whether it is there."""
    while not stopping.is_set():
        try:
            await is_reachable()
        except (NetworkError, RetryAfter) as error:
            log.warning("TELEGRAM_UNREACHABLE", error=str(error))
        else:
            on_polled()
        await wait_for_event(stopping, every_seconds)


async def _unless_stopped(work: Awaitable[T], stopping: asyncio.Event) -> T | None:
    """The result of `work`; None, with the work cancelled, when the stop came first."""
    task, stop = asyncio.ensure_future(work), asyncio.ensure_future(stopping.wait())
    try:
        await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
        return task.result() if task.done() else None
    finally:
        for pending in (task, stop):
            pending.cancel()


def seconds_asked(error: RetryAfter) -> float:
    """How long Telegram asks to wait, in seconds."""
    asked = error.retry_after
    return asked.total_seconds() if isinstance(asked, timedelta) else float(asked)
