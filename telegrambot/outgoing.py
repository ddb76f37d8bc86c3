"""The one Telegram sender: paced slots, urgent first, one message a second per chat, every 429 obeyed (N5, F13).

Slots instead of sleeps: a send may start every 1/rate second while earlier ones still wait for their answer, so an
urgent message waits for one slot only. What goes out was claimed with a token, and is marked by what Telegram answered.
"""

import asyncio
import time
from dataclasses import dataclass
from datetime import timedelta

import structlog
from django.conf import settings
from django.db import DatabaseError
from django.utils import translation
from telegram import InlineKeyboardMarkup
from telegram.constants import ParseMode
from telegram.error import TelegramError
from telegram.ext import ExtBot

from lockbay import clock
from lockbay.people.models import Channel
from notifications.channels.base import Accepted, ChannelError, ChannelUnavailable
from notifications.channels.telegram import read_telegram_error
from notifications.fanout import fan_out
from notifications.models import Delivery, DeliveryState
from notifications.rendering import render
from notifications.sending import Claimed, claim, end_leases, mark_failed, put_back, settle, skip_overtaken
from telegrambot.database import in_database
from telegrambot.keyboards import keyboard_for_notification
from telegrambot.pausing import wait_for_event
from telegrambot.rendering import render_keyboard

log = structlog.get_logger(__name__)

CHANNEL = Channel.TELEGRAM.value
LOOK_EVERY_SECONDS = 0.25
CHAT_PAUSE_SECONDS = 1.0
_MOST_IN_FLIGHT = 16
_BEHIND_SECONDS = 0.05
_LONGEST_BEHIND = timedelta(minutes=2)  # a message that waits longer than this does not hold up later ones
_MOST_EASED = 4.0  # after 429s a slot takes up to this many times longer; each success takes a tenth back


@dataclass(frozen=True)
class Notice:
    """A delivery in words."""

    chat_id: int
    html: str
    markup: InlineKeyboardMarkup | None


class Sender:
    """Runs until `stopping`; then waits for the answers it still expects."""

    def __init__(self, bot: ExtBot, stopping: asyncio.Event) -> None:
        self._bot = bot
        self._stopping = stopping
        self._slot_at = 0.0
        self._eased = 1.0
        self._free_at: dict[int, float] = {}
        self._in_flight: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Fan-out and sends, for ever. A database that is away is waited for."""
        await self._take_over()
        try:
            while not self._stopping.is_set():
                try:
                    has_sent = await self.send_next()
                except DatabaseError as error:
                    log.warning("SENDER_WITHOUT_DATABASE", error=str(error))
                    has_sent = False
                if not has_sent:
                    await wait_for_event(self._stopping, LOOK_EVERY_SECONDS)
        finally:
            await self.wait_for_answers()

    async def send_next(self) -> bool:
        """Waits for the slot and starts one send; False when nothing is due."""
        await in_database(fan_out)
        await self._wait_for_slot()
        if self._stopping.is_set():
            return False
        claimed = await in_database(claim, CHANNEL, 1)
        if not claimed:
            return False
        one = claimed[0]
        if await in_database(skip_overtaken, one):
            return True
        wait = max(self._pause_of(one), await in_database(seconds_behind, one))
        if wait > 0:
            await in_database(put_back, one, due_at=clock.real_now() + timedelta(seconds=wait))
            return True
        self._take_slot(one)
        task = asyncio.create_task(self._send(one), name=f"delivery {one.delivery_id}")
        self._in_flight.add(task)
        task.add_done_callback(self._in_flight.discard)
        return True

    async def wait_for_answers(self) -> None:
        """Returns when no send is under way."""
        while self._in_flight:
            await asyncio.wait(self._in_flight)

    async def _take_over(self) -> None:
        """There is one sender: what another one held when it died is due at once (F1)."""
        while not self._stopping.is_set():
            try:
                await in_database(end_leases, CHANNEL)
            except DatabaseError as error:
                log.warning("SENDER_WITHOUT_DATABASE", error=str(error))
                await wait_for_event(self._stopping, 1.0)
            else:
                return

    async def _wait_for_slot(self) -> None:
        while len(self._in_flight) >= _MOST_IN_FLIGHT:
            await asyncio.wait(self._in_flight, return_when=asyncio.FIRST_COMPLETED)
        wait = self._slot_at - time.monotonic()
        if wait > 0:
            await wait_for_event(self._stopping, wait)

    def _take_slot(self, one: Claimed) -> None:
        now = time.monotonic()
        self._slot_at = max(now, self._slot_at) + self._eased / settings.TELEGRAM_SENDS_PER_SECOND
        if one.chat_id is not None:
            self._free_at[one.chat_id] = now + CHAT_PAUSE_SECONDS
        if len(self._free_at) > 10_000:
            self._free_at = {chat: at for chat, at in self._free_at.items() if at > now}

    def _pause_of(self, one: Claimed) -> float:
        """Seconds until the chat has had its pause."""
        now = time.monotonic()
        return 0.0 if one.chat_id is None else self._free_at.get(one.chat_id, now) - now

    async def _send(self, one: Claimed) -> None:
        try:
            answer = await self._try(one)
            self._learn(answer)
            await in_database(settle, one, answer)
        except Exception as error:
            # A bug in a template, or the database is gone. The row says so, or its lease runs out: nothing is lost.
            log.exception("NOTICE_FAILED", delivery_id=one.delivery_id)
            await in_database(mark_failed, one, f"{type(error).__name__}: {error}"[:300], final=False)

    async def _try(self, one: Claimed) -> Accepted | ChannelError:
        notice = await in_database(render_notice, one)
        try:
            message = await self._bot.send_message(
                notice.chat_id,
                notice.html,
                parse_mode=ParseMode.HTML,
                reply_markup=notice.markup,
                disable_web_page_preview=True,
            )
        except TelegramError as error:
            return read_telegram_error(error)
        return Accepted(str(message.message_id))

    def _learn(self, answer: Accepted | ChannelError) -> None:
        if not isinstance(answer, ChannelUnavailable):
            self._eased = max(1.0, self._eased * 0.9)
        elif answer.retry_after is not None:
            # Telegram does not say whether the chat or the bot is meant: everything waits.
            self._eased = min(_MOST_EASED, self._eased * 1.5)
            self._slot_at = max(self._slot_at, time.monotonic() + answer.retry_after)


def seconds_behind(one: Claimed) -> float:
    """Seconds that an earlier, not less urgent message to the same person still needs to go first; 0 for none.

    Read from the rows, so that the order of a chat also survives a restart.
    """
    now = clock.real_now()
    earlier = Delivery.objects.filter(
        channel=CHANNEL,
        recipient_id=one.delivery.recipient_id,
        state__in=[DeliveryState.QUEUED, DeliveryState.SENDING],
        pk__lt=one.delivery_id,
        priority__lte=one.delivery.priority,
        due_at__lt=now + _LONGEST_BEHIND,
    )
    due_at = earlier.order_by("-due_at").values_list("due_at", flat=True).first()
    return 0.0 if due_at is None else max(_BEHIND_SECONDS, (due_at - now).total_seconds() + _BEHIND_SECONDS)


def render_notice(one: Claimed) -> Notice:
    """The delivery's text in the recipient's language, with its buttons. Raises: LookupError without a chat."""
    if one.chat_id is None:
        raise LookupError(f"delivery {one.delivery_id} has no chat")
    rendered = render(one.delivery, CHANNEL)
    user = rendered.user
    with translation.override(user.language if user else settings.LANGUAGE_CODE):
        markup = render_keyboard(keyboard_for_notification(rendered.template, rendered.escrow, user))
    return Notice(one.chat_id, rendered.html, markup)
