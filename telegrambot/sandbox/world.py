"""The sandbox's memory: people, chats, updates, payments and webhook deliveries."""

import asyncio
import time
from dataclasses import asdict, dataclass, field
from typing import Any

from .errors import SandboxRefusal

KEPT_MESSAGES = 500
FIRST_CAST = (
    ("bea", 611240718, "Bea", "bea_buys"),
    ("sol", 5930417265, "Sol", "sol_sells"),
)
ROOM = "staff"  # the key of the staff's group


@dataclass
class Message:
    """A message of a chat: `api` is Telegram's Message object, the rest is what only the page needs."""

    api: dict[str, Any]
    html: str
    update_id: int | None = None


@dataclass
class Person:
    """Somebody with a phone; `id` is both their Telegram id and that of their chat with the bot. Or a group."""

    key: str
    id: int
    first_name: str
    username: str
    language_code: str = "en"
    started: bool = False
    blocked: bool = False
    last_message_id: int = 0
    messages: list[Message] = field(default_factory=list)
    is_group: bool = False

    def as_user(self) -> dict[str, Any]:
        """Telegram's User object."""
        return {
            "id": self.id,
            "is_bot": False,
            "first_name": self.first_name,
            "username": self.username,
            "language_code": self.language_code,
        }

    def as_chat(self) -> dict[str, Any]:
        """Telegram's Chat object of the private chat, or of the group."""
        if self.is_group:
            return {"id": self.id, "type": "supergroup", "title": self.first_name}
        return {"id": self.id, "type": "private", "first_name": self.first_name, "username": self.username}

    def find_message(self, message_id: int) -> Message | None:
        """The message of that id, None when it was deleted or never was."""
        return next((message for message in reversed(self.messages) if message.api["message_id"] == message_id), None)

    def add_message(self, message: Message) -> None:
        """Puts a message at the end of the chat and gives it the next id."""
        self.last_message_id += 1
        message.api["message_id"] = self.last_message_id
        self.messages.append(message)
        del self.messages[:-KEPT_MESSAGES]


@dataclass
class Data:
    """What is written to disk. Ids of updates never start over, or a bot that remembers them would drop new ones."""

    people: dict[str, Person] = field(default_factory=dict)
    updates: list[dict[str, Any]] = field(default_factory=list)
    last_update_id: int = field(default_factory=lambda: int(time.time()))
    acknowledged: int = 0
    commands: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    webhook: dict[str, Any] = field(default_factory=dict)
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    callbacks: dict[str, dict[str, Any]] = field(default_factory=dict)
    payments: dict[str, dict[str, Any]] = field(default_factory=dict)
    idempotency: dict[str, dict[str, str]] = field(default_factory=dict)
    deliveries: list[dict[str, Any]] = field(default_factory=list)
    payouts: dict[str, dict[str, Any]] = field(default_factory=dict)


class World:
    """The data with a version that grows with every change, so that pages and long polls can wait for the next one.

    Lives in one event loop: whatever changes it does so between two awaits.
    """

    def __init__(self, data: Data | None = None, *, staff_chat_id: int = 0) -> None:
        self.data = data or Data()
        self._staff_chat_id = staff_chat_id
        self.version = 1
        self.closing = False
        self.toasts: list[dict[str, Any]] = []
        self.typing: dict[str, float] = {}
        self.poll_number = 0
        self.polling = False
        self.last_poll_at = 0.0
        self._changed = asyncio.Event()
        self._gather_cast()

    def touch(self) -> None:
        """Says that something changed."""
        self.version += 1
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def wait_for_change(self, seconds: float) -> None:
        """Returns at the next change, or when the time is over."""
        try:
            await asyncio.wait_for(self._changed.wait(), max(seconds, 0))
        except TimeoutError:
            return

    def close(self) -> None:
        """Sends everybody who waits home, so that the process can stop."""
        self.closing = True
        self.touch()

    def person(self, key: str) -> Person:
        """Raises: SandboxRefusal 404 when nobody of that name is in the cast."""
        try:
            return self.data.people[key]
        except KeyError:
            raise SandboxRefusal(404, "unknown_person") from None

    def person_by_id(self, telegram_id: int) -> Person | None:
        """The person with that Telegram id."""
        return next((person for person in self.data.people.values() if person.id == telegram_id), None)

    def move_group(self, old: int, new: int) -> None:
        """The group became a supergroup: what was said in it is still there, under another id."""
        group = self.person_by_id(old)
        if group is not None and group.is_group:
            group.id = new

    def add_person(self, *, key: str, first_name: str, username: str, language_code: str) -> Person:
        """A further phone. Raises: SandboxRefusal 409 when the name is taken."""
        if key in self.data.people:
            raise SandboxRefusal(409, "person_exists")
        next_id = max(person.id for person in self.data.people.values()) + 7919
        person = Person(key, next_id, first_name, username, language_code)
        self.data.people[key] = person
        self.touch()
        return person

    def add_update(self, content: dict[str, Any]) -> int:
        """Queues an update for the bot; it stays until the bot acknowledges it. Returns its id."""
        self.data.last_update_id += 1
        self.data.updates.append({"update_id": self.data.last_update_id, **content})
        self.touch()
        return self.data.last_update_id

    def acknowledge(self, offset: int) -> None:
        """Forgets the updates below the offset; a negative one keeps that many of the newest (as in Telegram)."""
        updates = self.data.updates
        if offset < 0:
            offset = updates[offset:][0]["update_id"] if updates else 0
        if offset <= self.data.acknowledged + 1:
            return
        self.data.acknowledged = offset - 1
        self.data.updates = [update for update in updates if update["update_id"] >= offset]
        self.touch()

    def is_bot_listening(self) -> bool:
        """True while the bot polls, or did so a moment ago, or receives its updates by webhook."""
        return self.polling or bool(self.data.webhook.get("url")) or time.monotonic() - self.last_poll_at < 4

    def stop_typing(self) -> bool:
        """Forgets who was typing for long enough; True when somebody was."""
        done = [key for key, until in self.typing.items() if until < time.monotonic()]
        for key in done:
            del self.typing[key]
        return bool(done)

    def reset(self) -> None:
        """Empties every chat and forgets payments and files; ids of updates go on, commands stay."""
        last, commands, webhook = self.data.last_update_id, self.data.commands, self.data.webhook
        self.data = Data(last_update_id=last, acknowledged=last, commands=commands, webhook=webhook)
        self._gather_cast()
        self.toasts.clear()
        self.typing.clear()
        self.touch()

    def _gather_cast(self) -> None:
        for key, telegram_id, name, username in FIRST_CAST:
            self.data.people.setdefault(key, Person(key, telegram_id, name, username))
        if self._staff_chat_id:
            room = Person(ROOM, self._staff_chat_id, ROOM.title(), "", started=True, is_group=True)
            self.data.people.setdefault(ROOM, room)


def dump(data: Data) -> dict[str, Any]:
    """The data as plain values for JSON."""
    return asdict(data)


def load(values: dict[str, Any]) -> Data:
    """The data of a dump. Raises: TypeError, KeyError when it is not one."""
    people = {
        key: Person(**{**person, "messages": [Message(**message) for message in person["messages"]]})
        for key, person in values["people"].items()
    }
    return Data(**{**values, "people": people})
