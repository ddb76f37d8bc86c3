"""The library's bot, pointed where settings say, with one method more: updates as raw JSON."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from django.conf import settings
from telegram.error import NetworkError, RetryAfter
from telegram.ext import ExtBot
from telegram.request import BaseRequest, HTTPXRequest

from telegrambot.answer_pace import AnswerPace
from telegrambot.pacing import Pace
from telegrambot.pausing import wait_for_event
from telegrambot.updates import RawUpdate
from telegrambot.updates_loop import seconds_asked

log = structlog.get_logger(__name__)

_CONNECT_SECONDS, _ANSWER_SECONDS = 5.0, 15.0
_LONGEST_DELAY = 15.0


class LockBayBot(ExtBot[Any]):
    """A bot that hands out updates unparsed: one that cannot be read must not hold up the others."""

    async def fetch_raw_updates(
        self, *, offset: int | None, wait_seconds: int, allowed_updates: list[str]
    ) -> list[RawUpdate]:
        """One long poll of `wait_seconds`; `offset` acknowledges everything below it."""
        data: dict[str, Any] = {"timeout": wait_seconds, "allowed_updates": allowed_updates}
        if offset is not None:
            data["offset"] = offset
        result = await self._post("getUpdates", data, read_timeout=wait_seconds + _ANSWER_SECONDS)
        return [update for update in result if isinstance(update, dict) and "update_id" in update]


def build_bot(*, pace: Pace | None = None, request: BaseRequest | None = None) -> LockBayBot:
    """A bot for settings.TELEGRAM_TOKEN. One with a pace tells it of all that it sends, and repeats after a 429 by
    itself: for answers. The sender paces itself and wants to see every 429."""
    return LockBayBot(
        token=settings.TELEGRAM_TOKEN,
        base_url=f"{settings.TELEGRAM_API_URL}/bot",
        base_file_url=f"{settings.TELEGRAM_API_URL}/file/bot",
        request=request or _http(connections=16),
        get_updates_request=_http(connections=1) if pace else None,
        rate_limiter=AnswerPace(pace) if pace else None,
    )


async def patiently(call: Callable[[], Awaitable[object]], stopping: asyncio.Event) -> None:
    """Makes a call that the start needs; while Telegram cannot be reached, tries again until `stopping`.

    Raises: telegram.error.InvalidToken.
    """
    delay = 0.5
    while not stopping.is_set():
        try:
            await call()
            return
        except (NetworkError, RetryAfter) as error:
            wait = seconds_asked(error) if isinstance(error, RetryAfter) else delay
            log.warning("TELEGRAM_UNREACHABLE_AT_START", error=str(error), wait_seconds=wait)
            await wait_for_event(stopping, wait)
            delay = min(delay * 2, _LONGEST_DELAY)


def _http(*, connections: int) -> HTTPXRequest:
    return HTTPXRequest(
        connection_pool_size=connections,
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=_ANSWER_SECONDS,
        write_timeout=_ANSWER_SECONDS,
        pool_timeout=_ANSWER_SECONDS,
    )
