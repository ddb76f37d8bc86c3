"""Updates are stored first, then worked off: in order, once, and a poison one does not stop the others."""

import asyncio
from typing import Any

import pytest
from telegram.error import InvalidToken, NetworkError, RetryAfter, TimedOut

from telegrambot import updates
from telegrambot.dispatcher import Dispatcher
from telegrambot.models import StoredUpdate, UpdateStatus
from telegrambot.updates_loop import poll_updates
from tests.telegrambot.house import press_update, text_update

pytestmark = pytest.mark.django_db(transaction=True)


class Recorder:
    """A handler that notes what it was given, and fails as it was told to."""

    def __init__(self, failures: dict[int, list[Exception]] | None = None) -> None:
        self.handled: list[int] = []
        self.apologies: list[tuple[int, str]] = []
        self.failures = failures or {}

    async def handle(self, body: dict[str, Any]) -> None:
        waiting = self.failures.get(body["update_id"], [])
        if waiting:
            raise waiting.pop(0)
        self.handled.append(body["update_id"])

    async def apologise(self, body: dict[str, Any], reference: str) -> None:
        self.apologies.append((body["update_id"], reference))


def drain(handler: Recorder) -> None:
    asyncio.run(Dispatcher(handler, asyncio.Event(), first_delay=0.001).drain())


def test_a_batch_that_comes_twice_is_stored_once():
    batch = [text_update("bea", 1, "a"), text_update("sol", 2, "b")]
    assert updates.store_updates(batch) == 2
    assert updates.store_updates([*batch, text_update("bea", 3, "c")]) == 1
    assert StoredUpdate.objects.count() == 3


def test_the_chat_of_every_kind_of_update_is_found():
    bea = 611240718
    membership = {"update_id": 3, "my_chat_member": {"chat": {"id": bea}, "from": {"id": bea}}}
    inline = {"update_id": 4, "callback_query": {"id": "1", "from": {"id": bea}, "inline_message_id": "x"}}
    for update in (text_update("bea", 1, "a"), press_update("bea", 2, "menu:::"), membership, inline):
        assert updates.chat_of(update) == bea
    assert updates.chat_of({"update_id": 5, "poll": {"id": "1"}}) is None


def test_updates_of_a_chat_are_handled_in_their_order_and_unfinished_ones_first():
    updates.store_updates([text_update("bea", number, "x") for number in (5, 3)])
    updates.store_updates([text_update("bea", 4, "x")])
    handler = Recorder()
    drain(handler)
    assert handler.handled == [3, 4, 5]
    assert set(StoredUpdate.objects.values_list("status", flat=True)) == {UpdateStatus.DONE}


def test_a_handled_update_is_not_handled_again():
    updates.store_updates([text_update("bea", 1, "x")])
    drain(Recorder())
    updates.store_updates([text_update("bea", 1, "x")])
    handler = Recorder()
    drain(handler)
    assert handler.handled == []


def test_a_failing_update_is_tried_again_and_later_ones_of_its_chat_wait():
    updates.store_updates([text_update("bea", 1, "x"), text_update("bea", 2, "y")])
    handler = Recorder({1: [ValueError("once"), ValueError("twice")]})
    drain(handler)
    assert handler.handled == [1, 2]


def test_a_poison_update_parks_with_its_traceback_and_an_apology(settings):
    settings.TELEGRAM_UPDATE_MAX_ATTEMPTS = 3
    updates.store_updates([text_update("bea", 1, "x"), text_update("bea", 2, "y")])
    handler = Recorder({1: [ValueError("poison")] * 99})
    drain(handler)
    row = StoredUpdate.objects.get(pk=1)
    assert row.status == UpdateStatus.PARKED
    assert "ValueError: poison" in row.error
    assert "Traceback" in row.error
    assert handler.apologies == [(1, "U-1")]
    assert handler.handled == [2]


def test_an_update_that_kills_the_process_parks_too(settings):
    settings.TELEGRAM_UPDATE_MAX_ATTEMPTS = 3
    updates.store_updates([text_update("bea", 1, "x")])
    for _start in range(3):
        assert updates.begin_attempt(1) is not None  # and then the process is gone
    handler = Recorder()
    drain(handler)
    assert StoredUpdate.objects.get(pk=1).status == UpdateStatus.PARKED
    assert handler.handled == []


@pytest.mark.parametrize("error", [NetworkError("down"), TimedOut("lost"), RetryAfter(0)])
def test_telegram_being_away_does_not_count_against_the_update(settings, error):
    settings.TELEGRAM_UPDATE_MAX_ATTEMPTS = 2
    updates.store_updates([text_update("bea", 1, "x")])
    handler = Recorder({1: [error] * 5})
    drain(handler)
    assert handler.handled == [1]
    assert StoredUpdate.objects.get(pk=1).attempts == 1


def test_an_update_that_cannot_be_read_parks_and_the_next_one_is_handled(house, settings):
    settings.TELEGRAM_UPDATE_MAX_ATTEMPTS = 2
    house.people.start("bea")
    house.fetch()
    updates.store_updates([{"update_id": 7, "message": {"chat": {"id": 611240718}, "date": "yesterday"}}])
    house.pump()
    assert StoredUpdate.objects.get(pk=7).status == UpdateStatus.PARKED
    assert "Hello" in house.last("bea")["text"]


class Source:
    """Telegram's side of getUpdates: forgets what an offset acknowledges; answers or fails by a list."""

    def __init__(self, waiting: list[dict[str, Any]], troubles: list[Exception]) -> None:
        self.waiting, self.troubles, self.stored = waiting, troubles, []
        self.polls = 0

    async def fetch_raw_updates(self, *, offset, wait_seconds, allowed_updates):
        self.polls += 1
        if self.troubles:
            raise self.troubles.pop(0)
        if offset is not None:
            acknowledged = [update for update in self.waiting if update["update_id"] < offset]
            assert all(update in self.stored for update in acknowledged), "acknowledged before it was stored"
            self.waiting = [update for update in self.waiting if update["update_id"] >= offset]
        if not self.waiting:
            await asyncio.sleep(0.01)
        return list(self.waiting)


def poll_until_empty(source: Source, monkeypatch, *, storing_fails: int = 0) -> None:
    monkeypatch.setattr("telegrambot.updates_loop._FIRST_DELAY", 0.001)
    failures = [None] * storing_fails

    async def run() -> None:
        stopping = asyncio.Event()

        async def store(batch) -> None:
            if failures:
                failures.pop()
                from django.db import OperationalError

                raise OperationalError("database is away")
            source.stored.extend(batch)

        def look() -> None:
            if not source.waiting and not source.troubles:
                stopping.set()

        await asyncio.wait_for(poll_updates(source, store, stopping, on_polled=look, poll_seconds=0), 5)

    asyncio.run(run())


def test_polling_acknowledges_only_what_is_stored(monkeypatch):
    source = Source([text_update("bea", number, "x") for number in (1, 2, 3)], [])
    poll_until_empty(source, monkeypatch)
    assert [update["update_id"] for update in source.stored] == [1, 2, 3]


def test_polling_recovers_from_a_network_or_a_database_that_was_away(monkeypatch):
    source = Source([text_update("bea", 1, "x")], [NetworkError("down"), RetryAfter(0), TimedOut("slow")])
    poll_until_empty(source, monkeypatch, storing_fails=2)
    assert [update["update_id"] for update in source.stored] == [1]


def test_polling_ends_when_the_token_is_wrong(monkeypatch):
    source = Source([], [InvalidToken("no")])
    with pytest.raises(InvalidToken):
        poll_until_empty(source, monkeypatch)
