"""manage.py sandbox: the local Telegram, the play-money provider and the page with two phones."""

import logging
import time
from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import close_old_connections

from lockbay import clock, jobs
from telegrambot.sandbox.app import create_server
from telegrambot.sandbox.config import SandboxConfig

NOTICED_AFTER_SECONDS = 0.6  # every process reads the clock's offset twice a second


class Command(BaseCommand):
    """Runs until it is told to stop."""

    help = "Runs the sandbox: a local Bot API, a play-money provider and a page with two phones."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where to listen; the default stays on this machine."""
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8081)

    def handle(self, *args: Any, host: str, port: int, **options: Any) -> None:
        """Raises: CommandError outside sandbox and test mode."""
        if settings.LOCKBAY_MODE not in ("sandbox", "test"):
            raise CommandError(f"The sandbox runs in sandbox mode only; LOCKBAY_MODE is {settings.LOCKBAY_MODE}.")
        logging.getLogger("httpx").setLevel(logging.WARNING)
        try:
            create_server(build_config(), host=host, port=port).run()
        except KeyboardInterrupt:
            self.stdout.write("Sandbox stopped.")


def build_config() -> SandboxConfig:
    """The sandbox's configuration from the settings."""
    return SandboxConfig(
        token=settings.TELEGRAM_TOKEN,
        bot_username=settings.TELEGRAM_BOT_USERNAME,
        api_key=settings.SANDBOX_API_KEY,
        webhook_secret=settings.SANDBOX_WEBHOOK_SECRET,
        public_url=settings.PUBLIC_URL,
        sandbox_url=settings.SANDBOX_URL,
        state_path=settings.VAR_DIR / "sandbox.json",
        email_folder=settings.EMAIL_FILE_PATH,
        staff_chat_id=settings.STAFF_CHAT_ID,
        staff_member_id=settings.SANDBOX_STAFF_TELEGRAM_ID,
        read_offset=_off_the_loop(clock.offset),
        advance_clock=_off_the_loop(advance_clock),
    )


def advance_clock(seconds: int) -> None:
    """Moves everybody's clock, waits until every process has noticed, and lets the deadlines happen at once."""
    clock.advance(seconds)
    time.sleep(NOTICED_AFTER_SECONDS)
    jobs.wake("run_deadlines")


def _off_the_loop(call: Callable[..., Any]) -> Callable[..., Any]:
    """The function in a thread, with a connection that is neither stale nor left open."""

    def run(*arguments: Any) -> Any:
        close_old_connections()
        try:
            return call(*arguments)
        finally:
            close_old_connections()

    return sync_to_async(run, thread_sensitive=False)
