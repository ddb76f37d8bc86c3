"""Telegram's limits on sending, kept by the sandbox when it is asked to: 30 a second in all, one a second in a chat
with a little patience, 20 a minute in a group. Who goes too fast gets 429, and gets it again until the time is over.

https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this
"""

import math
import time
from dataclasses import dataclass, field
from typing import Any

from .errors import BotApiError, SandboxRefusal

GROUP_MINUTE_SECONDS = 60.0


@dataclass
class Bucket:
    """Holds `size` tokens, refilled at `rate` a second; each message takes one."""

    rate: float
    size: float
    left: float = field(init=False)
    at: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.left = self.size

    def take(self) -> float:
        """0 when there was a token; else the seconds until there is one."""
        now = time.monotonic()
        self.left = min(self.size, self.left + (now - self.at) * self.rate)
        self.at = now
        if self.left < 1:
            return (1 - self.left) / self.rate
        self.left -= 1
        return 0.0


@dataclass
class Limits:
    """Off until `order` says otherwise. `refused` counts the 429s that were given."""

    per_second: float = 0.0
    chat_per_second: float = 1.0
    chat_burst: float = 3.0
    per_group_minute: float = 20.0
    refused: int = 0

    def __post_init__(self) -> None:
        self._all = Bucket(self.per_second or 1.0, self.per_second or 1.0)
        self._chats: dict[int, Bucket] = {}
        self._barred_until = 0.0

    def order(self, wanted: Any) -> None:
        """Sets {"per_second", "chat_per_second", "chat_burst", "per_group_minute"}; per_second 0 lifts all limits.

        Raises: SandboxRefusal 400 when a name or a number is not understood.
        """
        names = {"per_second", "chat_per_second", "chat_burst", "per_group_minute"}
        try:
            if set(wanted) - names:
                raise SandboxRefusal(400, "bad_fault")
            numbers = {name: float(number) for name, number in wanted.items()}
            if any(number <= 0 for name, number in numbers.items() if name != "per_second"):
                raise SandboxRefusal(400, "bad_fault")
            self.__init__(**numbers)  # type: ignore[misc]
        except (TypeError, ValueError) as error:
            raise SandboxRefusal(400, "bad_fault") from error

    def require_pace(self, chat_id: int) -> None:
        """Raises: BotApiError 429 for a message that comes too early."""
        if not self.per_second:
            return
        now = time.monotonic()
        wait = self._barred_until - now
        if wait <= 0:
            wait = self._chat(chat_id).take() or self._all.take()
            if wait <= 0:
                return
            if chat_id > 0:  # a group that is written to too often bars nobody else
                self._barred_until = now + math.ceil(wait)
        self.refused += 1
        seconds = math.ceil(wait)
        raise BotApiError(429, f"Too Many Requests: retry after {seconds}", {"retry_after": seconds})

    def _chat(self, chat_id: int) -> Bucket:
        if chat_id not in self._chats:
            rate, size = self.chat_per_second, self.chat_burst
            if chat_id < 0:
                rate, size = self.per_group_minute / GROUP_MINUTE_SECONDS, self.per_group_minute
            self._chats[chat_id] = Bucket(rate, size)
        return self._chats[chat_id]
