"""The head of the line: the next few notices, claimed and rendered while the ones before them go out, so that no slot
waits for the database (N5).

What is taken ahead is claimed and counted like everything else, and is so few that what is urgent waits for a moment
only and a kill leaves little in doubt. A sender that fell behind its slots takes those it missed as well.
"""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.db import DatabaseError

from lockbay import clock
from lockbay.people.models import Channel
from notifications import staff_chat
from notifications.fanout import fan_out
from notifications.sending import Claimed, claim, mark_failed, put_back, skip_overtaken
from notifications.turns import in_turn
from telegrambot.database import in_database
from telegrambot.handing_over import Notice, render_notice
from telegrambot.pacing import Pace
from telegrambot.sending_rate import sending_rate

log = structlog.get_logger(__name__)

AHEAD_SECONDS = 0.125  # four slots of thirty a second
MOST_AT_ONCE = 16


@dataclass(frozen=True)
class Ready:
    """A claimed delivery in words."""

    one: Claimed
    notice: Notice


@dataclass(frozen=True)
class Batch:
    """What was claimed together. `ready` lacks what is no longer true and what could not be rendered."""

    per_second: int
    claimed: int
    ready: Sequence[Ready]

    @property
    def chats(self) -> set[int]:
        """Where it goes."""
        return {each.notice.chat_id for each in self.ready}


class Line:
    """Of one sender. Not more than one batch is taken ahead."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._ahead: asyncio.Task[Batch] | None = None

    async def next_batch(self) -> Batch:
        """The one that was taken ahead, else what is due now. Raises: DatabaseError."""
        batch = await self._taken_ahead()
        if batch is None or not batch.claimed:  # nothing was due a moment ago
            batch = await self._take(())
        self._pace.per_second = batch.per_second
        return batch

    def take_ahead(self, batch: Batch) -> None:
        """Begins with the next one, for other chats, while `batch` goes out."""
        self._ahead = asyncio.create_task(self._take(batch.chats), name="next notices")

    async def give_back(self, *, seconds: float = 0.0) -> None:
        """Nothing stays claimed that does not go out now; it is due again in `seconds`."""
        try:
            batch = await self._taken_ahead()
            if batch is not None and batch.ready:
                await in_database(_put_back, [each.one for each in batch.ready], seconds)
        except DatabaseError as error:  # then its lease runs out
            log.warning("SENDER_WITHOUT_DATABASE", error=str(error))

    async def _taken_ahead(self) -> Batch | None:
        ahead, self._ahead = self._ahead, None
        return await ahead if ahead is not None else None

    async def _take(self, others: Collection[int]) -> Batch:
        most = max(1, min(MOST_AT_ONCE, self._pace.slots_within(AHEAD_SECONDS)))
        return await in_database(_take, most, [*self._pace.chats_that_pause(), *others])


def due_again(one: Claimed, wait: float) -> datetime:
    """After `wait` seconds. The staff's group is left out while it pauses, so there the place in the line is kept."""
    if one.delivery.audience == staff_chat.AUDIENCE:
        return one.delivery.due_at
    return clock.real_now() + timedelta(seconds=max(0.0, wait))


def _take(most: int, pausing: Collection[int]) -> Batch:
    """The next few messages, those of events that were just recorded among them."""
    fan_out()
    claimed = claim(Channel.TELEGRAM.value, most, narrow=in_turn(pausing))
    ready = [Ready(one, notice) for one in claimed if (notice := _prepare(one)) is not None]
    return Batch(sending_rate(), len(claimed), ready)


def _prepare(one: Claimed) -> Notice | None:
    """None when the message is no longer true and was skipped, or cannot be rendered and was marked."""
    try:
        return None if skip_overtaken(one) else render_notice(one.delivery)
    except Exception as error:
        # A bug in a template. The row says so and is tried again later: nothing is lost, nobody else waits.
        log.exception("NOTICE_FAILED", delivery_id=one.delivery_id)
        mark_failed(one, f"{type(error).__name__}: {error}"[:300], final=False)
        return None


def _put_back(claimed: Sequence[Claimed], seconds: float) -> None:
    for one in claimed:
        put_back(one, due_at=due_again(one, seconds))
