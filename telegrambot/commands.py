"""The published commands; their descriptions are in templates/telegram/commands.txt, one for each (test)."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from django.conf import settings
from django.utils import translation
from telegram import BotCommand
from telegram.ext import ExtBot

from telegrambot.handlers import (
    assistance,
    deposit,
    drafts,
    fees,
    menu,
    new_trade,
    preferences,
    price,
    refer,
    start,
    trades,
    wallet,
    withdraw,
)
from telegrambot.rendering import phrase
from telegrambot.turn import Flow

Before = Callable[[str], Awaitable[None]]


@dataclass(frozen=True)
class Command:
    """`/name` starts `flow`; `before` is awaited with what was typed, outside the database: it may use the network."""

    name: str
    flow: Flow
    before: Before | None = None


COMMANDS: tuple[Command, ...] = (
    Command("start", start.start),
    Command("menu", menu.show_menu),
    Command("new", new_trade.begin),
    Command("trades", trades.show_trades),
    Command("wallet", wallet.show_wallet),
    Command("deposit", deposit.begin),
    Command("withdraw", withdraw.begin),
    Command("fees", fees.show_fees),
    Command("price", price.show_price, before=price.fetch_prices),
    Command("refer", refer.show_referrals),
    Command("settings", preferences.show_settings),
    Command("help", assistance.show_help),
    Command("support", assistance.show_support),
    Command("cancel", drafts.cancel_draft),
)


def described_commands(language: str) -> list[BotCommand]:
    """The commands with their descriptions in a language."""
    with translation.override(language):
        return [BotCommand(command.name, phrase("commands", command.name)) for command in COMMANDS]


async def publish_commands(bot: ExtBot) -> None:
    """Tells Telegram which commands there are, in every language; the default language also serves all others."""
    await bot.set_my_commands(described_commands(settings.LANGUAGE_CODE))
    for language, _name in settings.LANGUAGES:
        if language != settings.LANGUAGE_CODE:
            await bot.set_my_commands(described_commands(language), language_code=language)
