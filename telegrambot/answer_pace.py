"""Answers to presses count against the same limits as notices: the sender waits for them, not they for the sender."""

from collections.abc import Callable, Coroutine
from typing import Any

from telegram.error import RetryAfter
from telegram.ext import AIORateLimiter

from telegrambot.pacing import Pace

_MOST_RETRIES = 5  # of a 429; the library's default of 0 drops the message


class AnswerPace(AIORateLimiter):
    """The library's limiter, which also tells `pace` of every message and of every 429."""

    def __init__(self, pace: Pace) -> None:
        super().__init__(max_retries=_MOST_RETRIES)
        self._pace = pace

    async def process_request(
        self,
        callback: Callable[..., Coroutine[Any, Any, Any]],
        args: Any,
        kwargs: dict[str, Any],
        endpoint: str,
        data: dict[str, Any],
        rate_limit_args: int | None,
    ) -> Any:
        """As the library does; only what goes to a chat is counted."""
        chat_id = data.get("chat_id")

        async def counted(*inner: Any, **named: Any) -> Any:
            if isinstance(chat_id, int):
                self._pace.take(chat_id)
            try:
                return await callback(*inner, **named)
            except RetryAfter as error:
                # The public attribute warns about a change of its type; this one already has the new type.
                self._pace.obey(chat_id if isinstance(chat_id, int) else 0, error._retry_after.total_seconds())
                raise
            finally:
                if isinstance(chat_id, int):
                    self._pace.answered()

        return await super().process_request(counted, args, kwargs, endpoint, data, rate_limit_args)
