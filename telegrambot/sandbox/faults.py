"""Faults on demand: what a test, or a curious person, can make Telegram and the provider do wrong."""

import time
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from .errors import BotApiError, SandboxRefusal
from .limits import Limits

# What becomes of a payout. "hangs": it is paid, and its answer is lost.
PAYOUT_MOODS = ("pays", "fails", "reverses", "hangs", "refuses", "no_funds")


@dataclass
class Faults:
    """Counters and deadlines (monotonic seconds) of the faults still to come."""

    too_many_left: int = 0
    retry_after: int = 1
    lost_replies_left: int = 0
    down_until: float = 0.0
    provider_down_until: float = 0.0
    provider_lost_replies_left: int = 0
    payouts: str = "pays"  # how the next ones go: one of PAYOUT_MOODS
    limits: Limits = field(default_factory=Limits)
    slow_replies_left: int = 0  # messages that are taken, and answered only after `slow_seconds`
    slow_seconds: float = 0.0
    refused_texts_left: int = 0
    refused_as: str = ""
    moved_chats: dict[int, int] = field(default_factory=dict)  # old chat id -> new one
    gone_chats: set[int] = field(default_factory=set)

    def order(self, request: dict[str, Any]) -> None:
        """Arms faults: {"429": {"count", "retry_after"}, "down": seconds, "lose_reply": n, "provider_down": seconds,
        "provider_lose_reply": n, "payouts": mood, "clear": true,
        "limits": see Limits.order, "slow_reply": {"count", "seconds"}, "refuse_text": {"count", "as": its words},
        "move_chat": {"from", "to"}, "delete_account": chat id}.

        Raises: SandboxRefusal 400 when a key or a number is not understood.
        """
        unknown = set(request) - {
            "429",
            "down",
            "lose_reply",
            "provider_down",
            "provider_lose_reply",
            "payouts",
            "clear",
            "block",
            "unblock",
            "limits",
            "slow_reply",
            "refuse_text",
            "move_chat",
            "delete_account",
        }
        if unknown:
            raise SandboxRefusal(400, "unknown_fault")
        if request.get("clear"):
            self.__dict__.update(Faults().__dict__)
        if request.get("payouts", self.payouts) not in PAYOUT_MOODS:
            raise SandboxRefusal(400, "bad_fault")
        try:
            if "429" in request:
                self.too_many_left = int(request["429"].get("count", 1))
                self.retry_after = int(request["429"].get("retry_after", 1))
            if "down" in request:
                self.down_until = time.monotonic() + float(request["down"])
            if "provider_down" in request:
                self.provider_down_until = time.monotonic() + float(request["provider_down"])
            self.lost_replies_left = int(request.get("lose_reply", self.lost_replies_left))
            self.provider_lost_replies_left = int(request.get("provider_lose_reply", self.provider_lost_replies_left))
            self.payouts = str(request.get("payouts", self.payouts))
            self._order_about_chats(request)
        except (TypeError, ValueError, AttributeError, KeyError) as error:
            raise SandboxRefusal(400, "bad_fault") from error

    def _order_about_chats(self, request: dict[str, Any]) -> None:
        if "limits" in request:
            self.limits.order(request["limits"])
        if "slow_reply" in request:
            self.slow_replies_left = int(request["slow_reply"]["count"])
            self.slow_seconds = float(request["slow_reply"]["seconds"])
        if "refuse_text" in request:
            self.refused_texts_left = int(request["refuse_text"]["count"])
            self.refused_as = str(request["refuse_text"]["as"])
        if "move_chat" in request:
            self.moved_chats[int(request["move_chat"]["from"])] = int(request["move_chat"]["to"])
        if "delete_account" in request:
            self.gone_chats.add(int(request["delete_account"]))

    def require_up(self) -> None:
        """Raises: BotApiError 500 while Telegram is down."""
        if time.monotonic() < self.down_until:
            raise BotApiError(500, "Internal Server Error")

    def require_provider_up(self) -> None:
        """Raises: SandboxRefusal 503 while the provider is down."""
        if time.monotonic() < self.provider_down_until:
            raise SandboxRefusal(503, "provider_down")

    def require_pace(self, chat_id: int) -> None:
        """Raises: BotApiError 429 as often as was ordered, and for whoever breaks the limits."""
        if self.too_many_left > 0:
            self.too_many_left -= 1
            raise BotApiError(
                429, f"Too Many Requests: retry after {self.retry_after}", {"retry_after": self.retry_after}
            )
        self.limits.require_pace(chat_id)

    def require_deliverable(self, chat_id: int) -> None:
        """Raises: BotApiError for a chat that moved, an account that was deleted, a text that is refused."""
        if chat_id in self.moved_chats:
            moved = {"migrate_to_chat_id": self.moved_chats[chat_id]}
            raise BotApiError(400, "Bad Request: group chat was upgraded to a supergroup chat", moved)
        if chat_id in self.gone_chats:
            raise BotApiError(403, "Forbidden: user is deactivated")
        if self.refused_texts_left > 0:
            self.refused_texts_left -= 1
            raise BotApiError(400, f"Bad Request: {self.refused_as}")

    def seconds_of_silence(self) -> float:
        """How long the answer to this message is held back."""
        if self.slow_replies_left > 0:
            self.slow_replies_left -= 1
            return self.slow_seconds
        return 0.0

    def takes_reply(self) -> bool:
        """True when the answer to this message is to be lost."""
        if self.lost_replies_left > 0:
            self.lost_replies_left -= 1
            return True
        return False

    def takes_provider_reply(self) -> bool:
        """True when the provider's answer is to be lost after it did what was asked."""
        if self.provider_lost_replies_left > 0:
            self.provider_lost_replies_left -= 1
            return True
        return False

    def as_json(self) -> dict[str, Any]:
        """What is still armed."""
        left = time.monotonic()
        return {
            "429": self.too_many_left,
            "lose_reply": self.lost_replies_left,
            "down": max(0, round(self.down_until - left)),
            "provider_down": max(0, round(self.provider_down_until - left)),
            "provider_lose_reply": self.provider_lost_replies_left,
            "refused_for_pace": self.limits.refused,
        }


class LostReply(Response):
    """Announces an answer and ends without it, upon which the server cuts the connection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1000")]})
        await send({"type": "http.response.body", "body": b"{", "more_body": True})
