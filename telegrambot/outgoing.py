"""The one Telegram sender: paced slots, urgent first, one message a second per chat, every 429 obeyed (N5, F13).

Slots instead of sleeps: a send may start every 1/rate second while earlier ones still wait for their answer, so an
urgent message waits for a few slots only. What goes out was claimed with a token, and is marked by what Telegram
answered. The rate is a row that staff may change while it runs (O9); answers to presses take their slots too.
"""

import asyncio
from collections.abc import Collection
from datetime import datetime, timedelta

import structlog
from django.db import DatabaseError
from telegram.ext import ExtBot

from lockbay import clock
from lockbay.people.models import Channel
from notifications import staff_chat
from notifications.channels.base import Accepted, ChannelError, ChannelUnavailable
from notifications.fanout import fan_out
from notifications.sending import Claimed, claim, end_leases, mark_failed, put_back, settle, skip_overtaken
from notifications.turns import in_turn
from telegrambot.database import in_database
from telegrambot.handing_over import Notice, hand_over, render_notice
from telegrambot.pacing import Pace
from telegrambot.pausing import wait_for_event
from telegrambot.sending_rate import sending_rate

log = structlog.get_logger(__name__)

CHANNEL = Channel.TELEGRAM.value
LOOK_EVERY_SECONDS = 0.25
_MOST_IN_FLIGHT = 16
_CLAIMED_AT_ONCE = 4  # so few that what is urgent waits for a moment only, and a kill leaves little in doubt


class Sender:
    """Runs until `stopping`; then waits for the answers it still expects. `pace` is shared with the answering bot."""

    def __init__(self, bot: ExtBot, stopping: asyncio.Event, pace: Pace | None = None) -> None:
        self._bot = bot
        self._stopping = stopping
        self._pace = pace or Pace()
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
        """Starts the next few sends, each in its slot; False when nothing is due and no answer is expected."""
        while (barred := self._pace.seconds_barred()) > 0 and not self._stopping.is_set():
            await wait_for_event(self._stopping, barred)  # nothing is claimed that could not go out
        if self._stopping.is_set():
            return False
        self._pace.per_second, batch = await in_database(_take, self._pace.chats_that_pause())
        for one in batch:
            await self._start(one)
        if not batch and self._in_flight:  # whoever is behind what is under way comes next
            await asyncio.wait(self._in_flight, return_when=asyncio.FIRST_COMPLETED)
            return True
        if not batch:
            self._pace.rest()
        return bool(batch)

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

    async def _start(self, one: Claimed) -> None:
        try:
            notice = await in_database(_prepare, one)
        except Exception as error:
            # A bug in a template. The row says so and is tried again later: nothing is lost, nobody else waits.
            log.exception("NOTICE_FAILED", delivery_id=one.delivery_id)
            await self._note_failure(one, error)
            return
        if notice is None:
            return
        await self._wait_for_slot()
        wait = max(self._pace.seconds_to_chat(notice.chat_id), self._pace.seconds_barred())
        if wait > 0 or self._stopping.is_set():
            await in_database(put_back, one, due_at=_due_again(one, wait))
            return
        self._pace.take(notice.chat_id)
        task = asyncio.create_task(self._send(one, notice), name=f"delivery {one.delivery_id}")
        self._in_flight.add(task)
        task.add_done_callback(self._in_flight.discard)

    async def _wait_for_slot(self) -> None:
        while len(self._in_flight) >= _MOST_IN_FLIGHT:
            await asyncio.wait(self._in_flight, return_when=asyncio.FIRST_COMPLETED)
        while (wait := self._pace.seconds_to_slot()) > 0 and self._pace.seconds_barred() <= 0:
            if await wait_for_event(self._stopping, wait):
                return

    async def _send(self, one: Claimed, notice: Notice) -> None:
        try:
            answer = await hand_over(self._bot, notice)
            self._learn(notice.chat_id, answer)
            await in_database(settle, one, answer)
        except Exception as error:
            # The database is gone, or a bug. The row says so, or its lease runs out: nothing is lost.
            log.exception("NOTICE_FAILED", delivery_id=one.delivery_id)
            await self._note_failure(one, error)

    async def _note_failure(self, one: Claimed, error: Exception) -> None:
        await in_database(mark_failed, one, f"{type(error).__name__}: {error}"[:300], final=False)

    def _learn(self, chat_id: int, answer: Accepted | ChannelError) -> None:
        if not isinstance(answer, ChannelUnavailable):
            self._pace.quicken()
        elif answer.retry_after is not None:
            self._pace.obey(chat_id, answer.retry_after)


def _take(pausing: Collection[int]) -> tuple[int, list[Claimed]]:
    """The rate that holds, and the next few messages, those of events that were just recorded among them."""
    fan_out()
    return sending_rate(), claim(CHANNEL, _CLAIMED_AT_ONCE, narrow=in_turn(pausing))


def _due_again(one: Claimed, wait: float) -> datetime:
    """After `wait` seconds. The staff's group is left out while it pauses, so there the place in the line is kept."""
    if one.delivery.audience == staff_chat.AUDIENCE:
        return one.delivery.due_at
    return clock.real_now() + timedelta(seconds=max(0.0, wait))


def _prepare(one: Claimed) -> Notice | None:
    """None when the message is no longer true and was skipped."""
    return None if skip_overtaken(one) else render_notice(one.delivery)
