"""One notice handed to Telegram: as it is; plain, when Telegram cannot read it or finds it too long; and to the new
address of a chat that moved (F16, F37)."""

from dataclasses import dataclass

import structlog
from django.conf import settings
from django.utils import translation
from telegram import InlineKeyboardMarkup
from telegram.constants import ParseMode
from telegram.error import BadRequest, ChatMigrated, TelegramError
from telegram.ext import ExtBot

from lockbay.people.models import Channel, User
from notifications import staff_chat
from notifications.channels.base import Accepted, ChannelError
from notifications.channels.telegram import read_telegram_error
from notifications.models import Delivery
from notifications.rendering import render
from notifications.texts import cut_units, plain_text, units_of
from telegrambot.database import in_database
from telegrambot.keyboards import keyboard_for_notification
from telegrambot.rendering import render_keyboard
from telegrambot.staff_room import render_alert

log = structlog.get_logger(__name__)

# Telegram's words for a text that it cannot take as it is. Nothing was sent then.
_LONGEST_PLAIN = 3_800  # below Telegram's 4,096: whoever counts otherwise than we do takes this too
_UNFIT_TEXT = ("can't parse entities", "message is too long", "text is too long", "entities_too_long")


@dataclass(frozen=True)
class Notice:
    """A delivery in words, and the person it is for; nobody for the staff's group."""

    chat_id: int
    html: str
    markup: InlineKeyboardMarkup | None
    user_id: int | None


def render_notice(delivery: Delivery) -> Notice:
    """The delivery's text in the recipient's language, with its buttons. Raises: LookupError without a chat."""
    if delivery.audience == staff_chat.AUDIENCE:
        return _render_for_staff(delivery)
    recipient = delivery.recipient
    if recipient is None or recipient.telegram_id is None:
        raise LookupError(f"delivery {delivery.pk} has no chat")
    rendered = render(delivery, Channel.TELEGRAM.value)
    user = rendered.user
    with translation.override(user.language if user else settings.LANGUAGE_CODE):
        markup = render_keyboard(keyboard_for_notification(rendered.template, rendered.escrow, user))
    return Notice(recipient.telegram_id, rendered.html, markup, recipient.pk)


def _render_for_staff(delivery: Delivery) -> Notice:
    alert = render_alert(delivery)
    return Notice(staff_chat.chat_id(), alert.text, alert.markup, None)


async def hand_over(bot: ExtBot, notice: Notice) -> Accepted | ChannelError:
    """What Telegram answered."""
    try:
        return await _send_readable(bot, notice.chat_id, notice)
    except ChatMigrated as error:
        # Nothing was sent: Telegram only said where the chat is now.
        return await _follow(bot, notice, error.new_chat_id)
    except TelegramError as error:
        return read_telegram_error(error)


async def _follow(bot: ExtBot, notice: Notice, new_chat_id: int) -> Accepted | ChannelError:
    await in_database(_note_moved, notice.user_id, notice.chat_id, new_chat_id)
    try:
        return await _send_readable(bot, new_chat_id, notice)
    except TelegramError as error:
        return read_telegram_error(error)


async def _send_readable(bot: ExtBot, chat_id: int, notice: Notice) -> Accepted:
    try:
        message = await bot.send_message(
            chat_id,
            notice.html,
            parse_mode=ParseMode.HTML,
            reply_markup=notice.markup,
            disable_web_page_preview=True,
        )
    except BadRequest as error:
        if not any(words in error.message.lower() for words in _UNFIT_TEXT):
            raise
        log.warning("NOTICE_SENT_PLAIN", reason=error.message[:200])
        text = _shortened(plain_text(notice.html))
        message = await bot.send_message(
            chat_id, text, parse_mode=None, reply_markup=notice.markup, disable_web_page_preview=True
        )
    return Accepted(str(message.message_id))


def _shortened(text: str) -> str:
    return text if units_of(text) <= _LONGEST_PLAIN else f"{cut_units(text, _LONGEST_PLAIN)}…"


def _note_moved(user_id: int | None, old: int, new: int) -> None:
    """Remembered, unless somebody else has that chat already. Only groups move, so nobody signs in by it."""
    if user_id is None:
        staff_chat.note_moved(old, new)
    elif not User.objects.filter(telegram_id=new).exists():
        User.objects.filter(pk=user_id, telegram_id=old).update(telegram_id=new)
