"""A sandbox in a thread and the real bot in front of it."""

from collections.abc import Iterator

import pytest

from telegrambot.sandbox.config import SandboxConfig
from telegrambot.sandbox.testing import SandboxClient, run_sandbox
from tests.ports import free_port
from tests.telegrambot.house import House


@pytest.fixture
def phones(settings, live_server) -> Iterator[SandboxClient]:
    """People with phones and play money; webhooks go to a real web server."""
    port = free_port()
    settings.TELEGRAM_API_URL = settings.SANDBOX_URL = f"http://127.0.0.1:{port}"
    settings.PUBLIC_URL = live_server.url
    config = SandboxConfig(
        token=settings.TELEGRAM_TOKEN,
        bot_username=settings.TELEGRAM_BOT_USERNAME,
        api_key=settings.SANDBOX_API_KEY,
        webhook_secret=settings.SANDBOX_WEBHOOK_SECRET,
        public_url=live_server.url,
        sandbox_url=settings.SANDBOX_URL,
        confirm_after_seconds=0,
        staff_chat_id=settings.STAFF_CHAT_ID,
        staff_member_id=settings.SANDBOX_STAFF_TELEGRAM_ID,
    )
    with run_sandbox(config, port=port) as client:
        yield client


@pytest.fixture
def house(phones, monkeypatch) -> Iterator[House]:
    """The bot, started."""
    monkeypatch.setattr("telegrambot.pacing.CHAT_PAUSE_SECONDS", 0.0)
    bot = House(phones)
    yield bot
    bot.close()
