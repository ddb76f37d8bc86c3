"""Signed webhooks of the play-money provider, sent over real HTTP and retried until they are taken."""

import asyncio
import hashlib
import hmac
import json
import secrets
import time
from contextlib import suppress
from typing import Any

from .posting import post
from .world import World

MOST_TRIES = 10
FIRST_DELAY_SECONDS = 0.5
LONGEST_DELAY_SECONDS = 15.0
# a wrong signature or a body that is too large will not get better by repeating it
FINAL_REFUSALS = (401, 413)
KEPT_DELIVERIES = 200


def sign(secret: str, body: bytes, at: int) -> str:
    """The X-Sandbox-Signature header: `t=<unix seconds, real time>,v1=<hex HMAC-SHA256 over "t." and the raw body>`."""
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


class WebhookSender:
    """Keeps a log row per delivery in the world and a task per delivery under way."""

    def __init__(self, world: World, secret: str) -> None:
        self._world = world
        self._secret = secret
        self._tasks: set[asyncio.Task[None]] = set()

    def send(self, event: dict[str, Any], url: str, *, forged: bool = False) -> dict[str, Any]:
        """Starts delivering an event and returns its log row; a forged one is signed with a wrong secret."""
        delivery: dict[str, Any] = {
            "id": f"dlv_{secrets.token_hex(8)}",
            "payment_id": event["payment_id"],
            "event_id": event["id"],
            "type": event["type"],
            "url": url,
            "body": json.dumps(event, separators=(",", ":")),
            "forged": forged,
            "answers": [],
            "state": "waiting",
        }
        self._world.data.deliveries.append(delivery)
        del self._world.data.deliveries[:-KEPT_DELIVERIES]
        self._start(delivery)
        self._world.touch()
        return delivery

    def resume(self) -> None:
        """Goes on with what an earlier process had not delivered."""
        for delivery in self._world.data.deliveries:
            if delivery["state"] == "waiting":
                self._start(delivery)

    async def close(self) -> None:
        """Stops every delivery; the unfinished ones stay in the log as waiting."""
        for task in list(self._tasks):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def _start(self, delivery: dict[str, Any]) -> None:
        task = asyncio.create_task(self._deliver(delivery))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, delivery: dict[str, Any]) -> None:
        while delivery["state"] == "waiting":
            answer = await self._post(delivery)
            delivery["answers"].append(answer)
            delivery["state"] = _state_after(delivery["answers"])
            self._world.touch()
            if delivery["state"] == "waiting":
                await asyncio.sleep(_delay_after(len(delivery["answers"])))

    async def _post(self, delivery: dict[str, Any]) -> int:
        """The HTTP status of one try, 0 when nobody answered."""
        body = delivery["body"].encode()
        secret = f"forged-{self._secret}" if delivery["forged"] else self._secret
        headers = {"Content-Type": "application/json", "X-Sandbox-Signature": sign(secret, body, int(time.time()))}
        return await post(delivery["url"], body, headers)


def _state_after(answers: list[int]) -> str:
    last = answers[-1]
    if 200 <= last < 300:
        return "delivered"
    if last in FINAL_REFUSALS:
        return "refused"
    return "gave_up" if len(answers) >= MOST_TRIES else "waiting"


def _delay_after(tries: int) -> float:
    return min(FIRST_DELAY_SECONDS * 2 ** (tries - 1), LONGEST_DELAY_SECONDS)
