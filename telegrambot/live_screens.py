"""Keeps open payment screens true: seen, paid, time over, without anybody pressing Refresh (T5)."""

import asyncio

import structlog
from django.db import DatabaseError
from telegram.constants import ParseMode
from telegram.error import BadRequest, Forbidden, TelegramError
from telegram.ext import ExtBot

from telegrambot.answering import is_settled
from telegrambot.database import in_database
from telegrambot.pausing import wait_for_event
from telegrambot.shown_payments import Change, note_updated, outdated_screens

log = structlog.get_logger(__name__)

LOOK_EVERY_SECONDS = 2.0
_LOOK_AT = 50  # screens a look


class LiveScreens:
    """Runs until `stopping`."""

    def __init__(self, bot: ExtBot, stopping: asyncio.Event) -> None:
        self._bot = bot
        self._stopping = stopping
        self._after = 0

    async def run(self) -> None:
        """Looks every few seconds; Telegram or a database that is away is waited for."""
        while not await wait_for_event(self._stopping, LOOK_EVERY_SECONDS):
            try:
                await self.update()
            except (TelegramError, DatabaseError) as error:
                log.warning("SCREENS_NOT_UPDATED", error=str(error))

    async def update(self) -> None:
        """One look at some screens; edits those that are out of date."""
        changes, self._after = await in_database(outdated_screens, self._after, look_at=_LOOK_AT)
        for change in changes:
            await self._show(change)
            await in_database(note_updated, change)

    async def _show(self, change: Change) -> None:
        screen, row = change.screen, change.row
        try:
            await self._bot.edit_message_caption(
                row.chat_id,
                row.message_id,
                caption=screen.text,
                parse_mode=ParseMode.HTML,
                reply_markup=screen.markup,
            )
        except BadRequest as error:
            if not is_settled(error):
                raise
        except Forbidden:
            log.info("SCREEN_OUT_OF_REACH", chat_id=row.chat_id)
