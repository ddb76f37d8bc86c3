"""When the next message may start: so many a second in all, one a second in a chat, twenty a minute in a group (N5).

https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this. A 429 does not say whether a chat or
the bot is meant (https://core.telegram.org/bots/api#responseparameters), so all wait, unless the chat is a group: those
have a limit of their own, of minutes, which must not hold up anybody's money.
"""

import math
import time
from collections import defaultdict, deque

CHAT_PAUSE_SECONDS = 1.0
GROUP_MINUTE_SECONDS = 60.0
MOST_PER_GROUP_MINUTE = 20
_CATCH_UP_SECONDS = 0.9  # what a slow moment cost may be made up for, so much of it at once, see Pace._make_up()
_EASES_BY, _MOST_EASED = 4 / 3, 4.0  # after a 429 a slot takes so many times longer
_COMES_BACK = 0.98  # each success takes a fiftieth of that back: the full rate after some five seconds
_KEPT_CHATS = 10_000


class Pace:
    """Of one process; all times are monotonic seconds. `per_second` may be changed while it runs."""

    def __init__(self, per_second: float = 30.0) -> None:
        self.per_second = per_second
        self._eased = 1.0
        self._slot_at = 0.0
        self._is_rested = True
        self._unanswered = 0
        self._barred_until = 0.0
        self._held_until: dict[int, float] = {}
        self._group_sends: defaultdict[int, deque[float]] = defaultdict(deque)

    def seconds_to_slot(self) -> float:
        """How long until any message may start; 0 or less when one may now."""
        return self._slot_at - time.monotonic()

    def slots_within(self, seconds: float) -> int:
        """How many messages may start in that time, those included whose slot passed and may be made up for."""
        missed = 0.0 if self._is_rested else self._make_up()
        return math.ceil((seconds + min(missed, -self.seconds_to_slot())) * self.per_second / self._eased)

    def seconds_barred(self) -> float:
        """How long a 429 still forbids everything; 0 or less when none does."""
        return self._barred_until - time.monotonic()

    def seconds_to_chat(self, chat_id: int) -> float:
        """How long this chat still has its pause; 0 or less when it has none."""
        return self._held_until.get(chat_id, 0.0) - time.monotonic()

    def chats_that_pause(self) -> list[int]:
        """The chats that nothing may be sent to now."""
        now = time.monotonic()
        if len(self._held_until) > _KEPT_CHATS:
            self._held_until = {chat: until for chat, until in self._held_until.items() if until > now}
        return [chat for chat, until in self._held_until.items() if until > now]

    def take(self, chat_id: int) -> None:
        """A message starts now; answered() says when it was answered."""
        now = time.monotonic()
        earliest = now if self._is_rested else now - self._make_up()
        self._slot_at = max(earliest, self._slot_at) + self._eased / self.per_second
        self._is_rested = False
        self._unanswered += 1
        self._hold(chat_id, now + CHAT_PAUSE_SECONDS)
        if chat_id < 0:
            self._count_in_group(chat_id, now)

    def answered(self) -> None:
        """One of the messages that were started has its answer, or never will."""
        self._slot_at = max(self._slot_at, time.monotonic() - self._make_up())
        self._unanswered -= 1

    def rest(self) -> None:
        """Nothing was due: time that passed idle is not made up for."""
        self._is_rested = True

    def obey(self, chat_id: int, retry_after: float) -> None:
        """Telegram answered 429 and named a time in seconds."""
        until = time.monotonic() + retry_after
        self._hold(chat_id, until)
        if chat_id >= 0:
            self._eased = min(_MOST_EASED, self._eased * _EASES_BY)
            self._barred_until = max(self._barred_until, until)
            self._slot_at = max(self._slot_at, until)

    def quicken(self) -> None:
        """Telegram took a message."""
        self._eased = 1.0 + (self._eased - 1.0) * _COMES_BACK

    def _make_up(self) -> float:
        """How much lost time may be made up for now. What has no answer yet may still be on its way, and arrive
        together with what goes out now: it counts as if its slots were still to come. So never more than a second's
        worth arrives in a second, however slow the wire is, and a slow wire costs no slot."""
        return max(0.0, _CATCH_UP_SECONDS - self._unanswered / self.per_second)

    def _count_in_group(self, chat_id: int, now: float) -> None:
        sends = self._group_sends[chat_id]
        sends.append(now)
        while sends and sends[0] <= now - GROUP_MINUTE_SECONDS:
            sends.popleft()
        if len(sends) >= MOST_PER_GROUP_MINUTE:
            self._hold(chat_id, sends[-MOST_PER_GROUP_MINUTE] + GROUP_MINUTE_SECONDS)

    def _hold(self, chat_id: int, until: float) -> None:
        self._held_until[chat_id] = max(until, self._held_until.get(chat_id, 0.0))
