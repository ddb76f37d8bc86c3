"""A sandbox in a thread, a real python-telegram-bot client, and a small web process that takes webhooks."""

import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import pytest_asyncio
from telegram import Bot
from telegram.request import HTTPXRequest

from telegrambot.sandbox.config import SandboxConfig
from telegrambot.sandbox.testing import SandboxClient, run_sandbox
from tests.ports import free_port

TOKEN = "1000001:sandbox-token"
API_KEY = "key-of-the-sandbox"
WEBHOOK_SECRET = "secret-of-the-sandbox"


@pytest.fixture
def config(tmp_path: Path) -> SandboxConfig:
    return SandboxConfig(
        token=TOKEN,
        bot_username="LockBaySandboxBot",
        api_key=API_KEY,
        webhook_secret=WEBHOOK_SECRET,
        state_path=tmp_path / "sandbox.json",
        email_folder=tmp_path / "mail",
        confirm_after_seconds=0,
    )


@pytest.fixture
def people(config: SandboxConfig) -> Iterator[SandboxClient]:
    with run_sandbox(config, port=free_port()) as client:
        yield client


@pytest_asyncio.fixture
async def bot(people: SandboxClient) -> AsyncIterator[Bot]:
    request = HTTPXRequest(connection_pool_size=4)
    base = people.base_url
    bot = Bot(
        TOKEN, base_url=f"{base}/bot", base_file_url=f"{base}/file/bot", request=request, get_updates_request=request
    )
    async with bot:
        yield bot


@dataclass
class Web:
    """What the web process was sent, and what it answers next (200 when nothing else is ordered)."""

    url: str
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)


@pytest.fixture
def web() -> Iterator[Web]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            site.received.append((dict(self.headers), body))
            self.send_response(site.answers.pop(0) if site.answers else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", free_port()), Handler)
    site = Web(f"http://127.0.0.1:{server.server_port}/hooks/sandbox")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield site
    server.shutdown()
    server.server_close()
    thread.join(5)
