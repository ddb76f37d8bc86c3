"""`manage.py runbot`: the bot process."""

import asyncio
from typing import Any

from django.core.management.base import BaseCommand

from lockbay.checks import refuse_unsafe_settings
from telegrambot.runner import run_bot


class Command(BaseCommand):
    """Runs the bot until it is told to stop."""

    help = "Runs the Telegram bot: updates in, messages out."
    requires_system_checks: list[str] = []  # they cost seconds and memory; our own are asked below

    def handle(self, *_args: Any, **_options: Any) -> None:
        refuse_unsafe_settings()
        asyncio.run(run_bot())
