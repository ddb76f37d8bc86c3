"""Senders as processes that kill -9 themselves at the worst moment, and the far ends of all channels on one port."""

import asyncio
import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from unittest.mock import patch

from django.db import connections, transaction

from tests.ports import free_port


class FarEnd(BaseHTTPRequestHandler):
    """Takes every message and remembers it: Twilio, WhatsApp, Slack and PagerDuty by their paths."""

    taken: list[str]

    def do_POST(self) -> None:
        self.taken.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
        number = len(self.taken)
        if self.path.endswith("Messages.json"):
            self._answer(201, json.dumps({"sid": f"SM{number}", "status": "queued"}))
        elif self.path.endswith("/messages"):
            self._answer(200, json.dumps({"messages": [{"id": f"wamid.{number}"}]}))
        elif self.path.endswith("/enqueue"):
            self._answer(202, json.dumps({"status": "success", "dedup_key": "key"}))
        else:
            self._answer(200, "ok")

    def _answer(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  its name is the base class's
        """Says nothing."""


@contextmanager
def far_ends() -> Iterator[tuple[str, list[str]]]:
    """Their address, and what they took."""
    taken: list[str] = []
    handler = type("FarEnd", (FarEnd,), {"taken": taken})
    server = ThreadingHTTPServer(("127.0.0.1", free_port()), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", taken
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def run_worker(killed: str = "") -> int:
    """The worker's task in a process of its own; `killed` is "before claim", "after claim" or "before mark". Returns
    its exit code, -9 for one that was killed."""

    def work() -> None:
        from notifications import jobs, sending

        with _killed_at(killed, sending, "claim", sending, "settle"):
            jobs.fan_out()

    return _in_a_process(work)


def run_bot(killed: str = "") -> int:
    """The bot's sender in a process of its own, until nothing is due."""

    def work() -> None:
        from telegrambot import line, marks

        with _killed_at(killed, line, "claim", marks, "settle_accepted"):
            asyncio.run(_send_all())

    return _in_a_process(work)


def run_and_die_at_commit(work: Callable[[], None]) -> int:
    """`work` in a transaction of a process that is killed when it has committed, before anybody is woken."""

    def commit_and_die() -> None:
        with transaction.atomic():
            transaction.on_commit(lambda: os.kill(os.getpid(), signal.SIGKILL))
            work()

    return _in_a_process(commit_and_die)


async def _send_all() -> None:
    from telegrambot.bot_client import build_bot
    from telegrambot.outgoing import Sender

    bot = build_bot()
    await bot.initialize()
    sender = Sender(bot, asyncio.Event())
    await sender._take_over()
    while await sender.send_next():
        pass
    await sender.wait_for_answers()
    await bot.shutdown()


@contextmanager
def _killed_at(moment: str, claims: Any, claim: str, marks: Any, mark: str) -> Iterator[None]:
    """Only the moment is ours: what is called before it is the real thing, and has committed."""
    real_claim = getattr(claims, claim)

    def claim_and_die(*args: Any, **options: Any) -> Any:
        claimed = real_claim(*args, **options)
        if claimed:
            os.kill(os.getpid(), signal.SIGKILL)
        return claimed

    def die(*args: Any, **options: Any) -> Any:
        os.kill(os.getpid(), signal.SIGKILL)

    if moment == "before claim":
        with patch.object(claims, claim, die):
            yield
    elif moment == "after claim":
        with patch.object(claims, claim, claim_and_die):
            yield
    elif moment == "before mark":
        with patch.object(marks, mark, die):
            yield
    else:
        yield


def _in_a_process(work: Callable[[], None]) -> int:
    connections.close_all()  # a connection belongs to one process
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
