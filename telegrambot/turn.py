"""What a flow is given, and what it answers. Flows are plain functions: Turn in, Reply out; they never see Telegram.

That keeps them testable and keeps the network out of every database transaction: a flow runs in a thread with the
database, its Reply is sent afterwards.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lockbay.people.models import User
from telegrambot.callback_data import Press
from telegrambot.models import Draft


@dataclass(frozen=True)
class Turn:
    """One update of one person. `text` is what they typed (for a command: what follows it)."""

    user: User
    chat_id: int
    update_id: int
    text: str = ""
    press: Press | None = None
    draft: Draft | None = None

    @property
    def request_key(self) -> str:
        """Makes an action that creates something happen once, however often this update comes."""
        return f"update:{self.update_id}"


@dataclass(frozen=True)
class Button:
    """`label` names a phrase in templates/telegram/buttons.txt, `words` fills it in; exactly one of the rest is set."""

    label: str
    press: Press | None = None
    url: str = ""
    copy: str = ""
    words: Mapping[str, Any] = field(default_factory=dict)


Keyboard = tuple[tuple[Button, ...], ...]


@dataclass(frozen=True)
class Document:
    """A file for the person."""

    name: str
    content: bytes


@dataclass(frozen=True)
class Screen:
    """A message: templates/telegram/screens/<name>.html with its context. A photo or a document, which comes as a
    message of its own, carries the text as its caption.

    `photo_key` tells whether the photo on the screen is still the right one (it travels in the button's `extra`).
    """

    name: str
    context: Mapping[str, Any] = field(default_factory=dict)
    keyboard: Keyboard = ()
    photo: bytes | None = None
    photo_key: str = ""
    document: Document | None = None


@dataclass(frozen=True)
class Reply:
    """The actor's screen changes in place when a button was pressed, else a new message comes.

    `toast` names a phrase in templates/telegram/toasts.txt; `refusal` is worded instead when one is given.
    """

    screen: Screen | None = None
    toast: str = ""
    refusal: Exception | None = None
    words: Mapping[str, Any] = field(default_factory=dict)
    is_alert: bool = False
    in_place: bool = True


Flow = Callable[[Turn], Reply]
