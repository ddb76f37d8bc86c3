"""The one Telegram sender: paced slots, urgent first, one message a second per chat, every 429 obeyed (N5, F13).

Slots instead of sleeps: a send may start every 1/rate second while earlier ones still wait for their answer and the
next few are claimed and rendered (line.py), so an urgent message waits for a few slots only and no slot waits for the
database. What goes out was claimed with a token, and is marked by what Telegram answered (marks.py).
The rate is a row that staff may change while it runs (O9); answers to presses take their slots too.
"""

import asyncio

import structlog
from django.db import DatabaseError
from telegram.ext import ExtBot

from lockbay.people.models import Channel
from notifications.channels.base import Accepted, ChannelError, ChannelUnavailable, Uncertain
from notifications.sending import Claimed, end_leases, put_back, settle
from telegrambot.database import in_database
from telegrambot.handing_over import Notice, hand_over
from telegrambot.line import Line, due_again
from telegrambot.marks import Marks
from telegrambot.pacing import Pace
from telegrambot.pausing import wait_for_event

log = structlog.get_logger(__name__)

CHANNEL = Channel.TELEGRAM.value
LOOK_EVERY_SECONDS = 0.25
_MOST_IN_FLIGHT = 16


class Sender:
    """Runs until `stopping`; then waits for the answers it still expects. `pace` is shared with the answering bot."""

    def __init__(self, bot: ExtBot, stopping: asyncio.Event, pace: Pace | None = None) -> None:
        self._bot = bot
        self._stopping = stopping
        self._pace = pace or Pace()
        self._line, self._marks = Line(self._pace), Marks()
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
            await self._line.give_back(seconds=barred)  # nothing stays claimed that could not go out
            await wait_for_event(self._stopping, barred)
        if self._stopping.is_set():
            return False
        was_busy = bool(self._in_flight)
        batch = await self._line.next_batch()
        if batch.claimed:
            self._line.take_ahead(batch)
            for each in batch.ready:
                await self._start(each.one, each.notice)
            return True
        if self._in_flight:  # whoever is behind what is under way comes next
            await asyncio.wait(self._in_flight, return_when=asyncio.FIRST_COMPLETED)
            return True
        if was_busy:  # its answer came while nothing was found: who was behind it is looked for again
            return True
        self._pace.rest()
        return False

    async def wait_for_answers(self) -> None:
        """Returns when no send is under way, and nothing is claimed that was not started."""
        await self._line.give_back()
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

    async def _start(self, one: Claimed, notice: Notice) -> None:
        await self._wait_for_slot()
        wait = max(self._pace.seconds_to_chat(notice.chat_id), self._pace.seconds_barred())
        if wait > 0 or self._stopping.is_set() or one.has_run_out:
            await in_database(put_back, one, due_at=due_again(one, wait))
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
            answer = await self._hand_over(one, notice)
            self._learn(notice.chat_id, answer)
            if isinstance(answer, Accepted):
                await self._marks.write(one, answer)
            else:
                await in_database(settle, one, answer)
        except Exception:
            # The database is gone, or a bug. The lease runs out: once more at most, and recorded as such.
            log.exception("MARK_FAILED", delivery_id=one.delivery_id)

    async def _hand_over(self, one: Claimed, notice: Notice) -> Accepted | ChannelError:
        try:
            return await hand_over(self._bot, notice)
        except Exception as bug:
            # Of ours, or of the library when it read the answer: nobody knows whether it is out.
            log.exception("NOTICE_FAILED", delivery_id=one.delivery_id)
            return Uncertain(f"{type(bug).__name__} while sending")
        finally:
            self._pace.answered()

    def _learn(self, chat_id: int, answer: Accepted | ChannelError) -> None:
        if not isinstance(answer, ChannelUnavailable):
            self._pace.quicken()
        elif answer.retry_after is not None:
            self._pace.obey(chat_id, answer.retry_after)
