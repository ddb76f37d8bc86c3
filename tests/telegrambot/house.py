"""The real bot in the hands of a test: it talks to a sandbox over HTTP, step by step, and can be started again."""

import asyncio
import re
from collections.abc import Coroutine
from typing import Any, TypeVar

from django.conf import settings

from escrows.models import Escrow
from lockbay.people.models import User
from notifications.actions.skip_second_channel import skip_second_channel
from telegrambot.application import BotApplication
from telegrambot.bot_client import build_bot
from telegrambot.dispatcher import Dispatcher
from telegrambot.live_screens import LiveScreens
from telegrambot.outgoing import Sender
from telegrambot.sandbox.testing import SandboxClient
from telegrambot.updates import store_updates
from telegrambot.updates_loop import ALLOWED_UPDATES
from tests import cast

T = TypeVar("T")
TELEGRAM_IDS = {"bea": 611240718, "sol": 5930417265}


class House:
    """`people` are those with phones; `pump()` lets the bot do all that waits."""

    def __init__(self, people: SandboxClient) -> None:
        self.people = people
        self._runner = asyncio.Runner()
        self.start()

    def start(self) -> None:
        """A fresh bot process; what the one before knew in memory is gone."""
        self.run(self._start())

    def stop(self) -> None:
        """Closes its connections."""
        self.run(self._stop())

    def close(self) -> None:
        self.stop()
        self._runner.close()

    def restart(self) -> None:
        self.stop()
        self.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)

    def pump(self) -> None:
        """Fetches and stores updates, works them off, sends every notice that is due."""
        self.run(self._pump())

    def fetch(self) -> list[dict[str, Any]]:
        """Fetches and stores updates without handling them."""
        return self.run(self._fetch())

    def handle(self, body: dict[str, Any]) -> None:
        """Handles one raw update, past the store; whatever it raises comes out."""
        self.run(self.application.handle(body))

    def says(self, person: str, text: str) -> dict[str, Any]:
        """Somebody writes; returns the newest message of the bot."""
        self.people.send_text(person, text)
        self.pump()
        return self.last(person)

    def opens(self, person: str, link: str) -> dict[str, Any]:
        """Somebody opens a deep link."""
        self.people.start(person, link.partition("start=")[2])
        self.pump()
        return self.last(person)

    def presses(self, person: str, label: str, message: dict[str, Any] | None = None) -> dict[str, Any]:
        """Somebody presses the button that begins with, or contains, `label`; returns the newest message of the bot."""
        message = message or self.last(person)
        self.people.press(person, message["message_id"], data_of(message, label))
        self.pump()
        return self.last(person)

    def last(self, person: str) -> dict[str, Any]:
        """The newest message of the bot that has buttons or text."""
        return [message for message in self.people.messages(person) if message["from_bot"]][-1]

    def toast(self) -> str:
        """The last answer to a pressed button."""
        toasts = self.people.state()["toasts"]
        return str(toasts[-1]["text"]) if toasts else ""

    def play_cast(self, *, were_asked: bool = True) -> None:
        """Bea's and Sol's phones belong to the people of tests.cast; both have pressed Start.

        `were_asked` for a second channel before, so that they go straight on to pay."""
        for person, user in (("bea", cast.bea()), ("sol", cast.sol())):
            User.objects.filter(pk=user.pk).update(telegram_id=TELEGRAM_IDS[person])
            if were_asked:
                skip_second_channel(actor=user)
            self.people.start(person)
        self.pump()

    def opens_trade(self, person: str, escrow: Escrow) -> dict[str, Any]:
        """Somebody writes the trade's number; returns its screen."""
        self.pump()  # notices first
        return self.says(person, escrow.public_id)

    def user(self, person: str) -> User:
        """Our account of somebody."""
        return User.objects.get(telegram_id=TELEGRAM_IDS[person])

    async def _start(self) -> None:
        self.stopping = asyncio.Event()
        self.bot, self.sending_bot = build_bot(), build_bot()
        await self.sending_bot.initialize()
        self.application = BotApplication(self.bot)
        await self.application.start()
        self.dispatcher = Dispatcher(self.application, self.stopping, first_delay=0.01)
        self.sender = Sender(self.sending_bot, self.stopping)
        self.live_screens = LiveScreens(self.bot, self.stopping)
        self._offset: int | None = None

    async def _stop(self) -> None:
        await self.application.stop()
        await self.sending_bot.shutdown()

    async def _fetch(self) -> list[dict[str, Any]]:
        batch = await self.bot.fetch_raw_updates(offset=self._offset, wait_seconds=0, allowed_updates=ALLOWED_UPDATES)
        await asyncio.to_thread(_store, batch)
        if batch:
            self._offset = batch[-1]["update_id"] + 1
        return batch

    async def _pump(self) -> None:
        await self._fetch()
        await self.dispatcher.drain()
        while await self.sender.send_next():
            pass
        await self.sender.wait_for_answers()


def _store(batch: list[dict[str, Any]]) -> None:
    from django.db import connection

    try:
        store_updates(batch)
    finally:
        connection.close()


def labels_of(message: dict[str, Any]) -> list[str]:
    """The labels of a message's buttons."""
    return [button["text"] for row in message["buttons"] for button in row]


def data_of(message: dict[str, Any], label: str) -> str:
    """The callback data of the button whose label contains `label`."""
    for row in message["buttons"]:
        for button in row:
            if label in button["text"] and "callback_data" in button:
                return str(button["callback_data"])
    raise AssertionError(f"no button {label!r} among {labels_of(message)} under {message['text']!r}")


def link_in(message: dict[str, Any]) -> str:
    """The invite link in a message's text."""
    found = re.search(rf"https://t\.me/{settings.TELEGRAM_BOT_USERNAME}\?start=\S+", message["text"])
    assert found is not None, message["text"]
    return found[0]


def text_update(person: str, update_id: int, text: str = "", **content: Any) -> dict[str, Any]:
    """A raw message as Telegram sends it; `content` instead of a text, e.g. sticker={…}."""
    telegram_id = TELEGRAM_IDS[person]
    message: dict[str, Any] = {
        "message_id": update_id,
        "date": 1_790_000_000,
        "chat": {"id": telegram_id, "type": "private", "first_name": person.title()},
        "from": {"id": telegram_id, "is_bot": False, "first_name": person.title(), "username": f"{person}_user"},
        **({"text": text} if text else content),
    }
    if text.startswith("/"):
        message["entities"] = [{"type": "bot_command", "offset": 0, "length": len(text.partition(" ")[0])}]
    return {"update_id": update_id, "message": message}


def press_update(
    person: str, update_id: int, data: str, message: dict[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    """A raw press of a button with any data; without `message` it is on one that Telegram no longer shows us."""
    telegram_id = TELEGRAM_IDS[person]
    chat = {"id": telegram_id, "type": "private", "first_name": person.title()}
    shown: dict[str, Any] = {"message_id": 1, "date": 0, "chat": chat}
    if message is not None:
        shown = {"message_id": message["message_id"], "date": 1_790_000_000, "chat": chat, "text": message["text"]}
    sender = {"id": telegram_id, "is_bot": False, "first_name": person.title()}
    query = {"id": f"q{update_id}", "from": sender, "message": shown, "chat_instance": "1", "data": data, **more}
    return {"update_id": update_id, "callback_query": query}
