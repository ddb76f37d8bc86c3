"""Puts a reply on the screen: a pressed message changes in place, a typed text gets a new message.

Everything here may be repeated (an update can be handled again), so "it already looks like that" counts as done.
"""

from dataclasses import dataclass

import structlog
from telegram import InputMediaPhoto, Message, Update
from telegram.constants import ParseMode
from telegram.error import BadRequest, Forbidden
from telegram.ext import ExtBot

from telegrambot import identity, rendering, shown_payments
from telegrambot.callback_data import StaleButton, decode
from telegrambot.database import in_database
from telegrambot.rendering import Rendered

log = structlog.get_logger(__name__)

_UNCHANGED = "message is not modified"
_GONE = ("message to edit not found", "message can't be edited", "there is no", "message_id_invalid")
_TOO_OLD = ("query is too old", "query id is invalid")
_CANNOT_DELETE = ("message to delete not found", "message can't be deleted", "message to edit not found", _UNCHANGED)


@dataclass(frozen=True)
class Answer:
    """A reply in words. For a press, `refusal` or `toast` pops up; else `refusal` is sent, with the keyboard."""

    screen: Rendered | None = None
    toast: str = ""
    refusal: str = ""
    in_place: bool = True


async def deliver(bot: ExtBot, update: Update, answer: Answer) -> None:
    """Shows the answer to whom the update came from. A person who blocked the bot is noted, not retried."""
    chat = update.effective_chat
    if chat is None:
        return
    try:
        if update.callback_query is not None:
            await _pop_up(bot, update.callback_query.id, answer)
            await _change(bot, update, chat.id, answer)
        else:
            await _say(bot, chat.id, answer)
    except Forbidden:
        await in_database(identity.note_blocked, chat.id)


async def send(bot: ExtBot, chat_id: int, screen: Rendered) -> Message:
    """A new message."""
    if screen.document is not None:
        return await bot.send_document(
            chat_id,
            screen.document.content,
            filename=screen.document.name,
            caption=screen.text,
            parse_mode=ParseMode.HTML,
            reply_markup=screen.markup,
        )
    if screen.photo is not None:
        message = await bot.send_photo(
            chat_id, screen.photo, caption=screen.text, parse_mode=ParseMode.HTML, reply_markup=screen.markup
        )
        await in_database(shown_payments.note_shown, chat_id, message.message_id, screen.photo_key)
        return message
    return await bot.send_message(
        chat_id, screen.text, parse_mode=ParseMode.HTML, reply_markup=screen.markup, disable_web_page_preview=True
    )


async def _say(bot: ExtBot, chat_id: int, answer: Answer) -> None:
    screen = answer.screen
    if answer.refusal:
        screen = Rendered(answer.refusal, screen.markup if screen else None)
    if screen is not None:
        await send(bot, chat_id, screen)


async def _pop_up(bot: ExtBot, query_id: str, answer: Answer) -> None:
    text = rendering.cut_plain(rendering.plain_text(answer.refusal or answer.toast), rendering.LONGEST_TOAST)
    try:
        await bot.answer_callback_query(query_id, text=text or None, show_alert=bool(answer.refusal))
    except BadRequest as error:
        if not _says(error, *_TOO_OLD):  # pressed long ago, or answered before a restart: the screen still changes
            raise


async def _change(bot: ExtBot, update: Update, chat_id: int, answer: Answer) -> None:
    screen, query = answer.screen, update.callback_query
    if screen is None or query is None:
        return
    shown = query.message
    if not isinstance(shown, Message) or not answer.in_place:  # Telegram does not show us messages that are too old
        await send(bot, chat_id, screen)
        return
    try:
        await _edit(bot, chat_id, shown, screen, pressed=query.data or "")
    except BadRequest as error:
        if _says(error, _UNCHANGED):
            return
        if not _says(error, *_GONE):
            raise
        await send(bot, chat_id, screen)


async def _edit(bot: ExtBot, chat_id: int, shown: Message, screen: Rendered, *, pressed: str) -> None:
    if shown.document:
        await send(bot, chat_id, screen)  # a file stays: it was asked for
    elif screen.photo is None and shown.photo:
        # A photo cannot become a text: the new screen comes, the old one goes.
        await send(bot, chat_id, screen)
        await _remove(bot, chat_id, shown.message_id)
    elif screen.photo is None:
        await bot.edit_message_text(
            screen.text,
            chat_id,
            shown.message_id,
            parse_mode=ParseMode.HTML,
            reply_markup=screen.markup,
            disable_web_page_preview=True,
        )
    elif shown.photo and _is_same_photo(screen, pressed):
        await bot.edit_message_caption(
            chat_id, shown.message_id, caption=screen.text, parse_mode=ParseMode.HTML, reply_markup=screen.markup
        )
    else:
        media = InputMediaPhoto(screen.photo, caption=screen.text, parse_mode=ParseMode.HTML)
        await bot.edit_message_media(media, chat_id, shown.message_id, reply_markup=screen.markup)
        await in_database(shown_payments.note_shown, chat_id, shown.message_id, screen.photo_key)


def _is_same_photo(screen: Rendered, pressed: str) -> bool:
    try:
        return bool(screen.photo_key) and decode(pressed).extra == screen.photo_key
    except StaleButton:
        return False


async def _remove(bot: ExtBot, chat_id: int, message_id: int) -> None:
    try:
        await bot.delete_message(chat_id, message_id)
    except BadRequest as error:
        if not _says(error, *_CANNOT_DELETE):
            raise
        log.info("OLD_SCREEN_STAYS", message_id=message_id)


def is_settled(error: BadRequest) -> bool:
    """True when an edit failed because the screen already looks like that, or is not there any more."""
    return _says(error, _UNCHANGED, *_GONE)


def _says(error: BadRequest, *phrases: str) -> bool:
    said = error.message.lower()
    return any(phrase in said for phrase in phrases)
