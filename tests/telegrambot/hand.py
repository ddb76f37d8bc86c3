"""A person's hand on the real flows, without Telegram and without a sandbox between: fast, for the many small cases."""

from collections.abc import Callable
from itertools import count

import telegram
from telegram import InlineKeyboardButton

from lockbay.people.models import User
from telegrambot import routing
from telegrambot.answering import Answer
from telegrambot.application import take_turn
from telegrambot.commands import COMMANDS
from telegrambot.rendering import plain_text
from telegrambot.turn import Flow, Turn

_updates = count(5_000)


class Hand:
    """`shown` is what stands on the screen, `told` the refusal or the toast of the last act, in plain words."""

    def __init__(self, user: User) -> None:
        self.user = user
        self._sender = telegram.User(user.telegram_id, user.first_name, is_bot=False, username=user.telegram_username)
        self._answer = Answer()

    def says(self, text: str) -> str:
        """Writes; returns all that is read then."""
        if not text.startswith("/"):
            return self._take(routing.flow_for_text, text=text)
        name, _, rest = text[1:].partition(" ")
        flow = next(command.flow for command in COMMANDS if command.name == name)
        return self._take(lambda _turn: flow, text=rest)

    def presses(self, label: str) -> str:
        """Presses the button whose label has these words."""
        return self.sends(self.data_of(label))

    def sends(self, data: str, *, update_id: int | None = None) -> str:
        """Presses a button with any data, once more when the update is an old one."""
        return self._take(routing.flow_for_press, data=data, update_id=update_id)

    def data_of(self, label: str) -> str:
        """The callback data of a button on the screen."""
        for button in self._buttons():
            if label in button.text and button.callback_data:
                return str(button.callback_data)
        raise AssertionError(f"no button {label!r} among {self.labels}")

    @property
    def labels(self) -> list[str]:
        return [button.text for button in self._buttons()]

    @property
    def shown(self) -> str:
        return plain_text(self._answer.screen.text) if self._answer.screen else ""

    @property
    def told(self) -> str:
        return plain_text(self._answer.refusal or self._answer.toast)

    def _buttons(self) -> list[InlineKeyboardButton]:
        markup = self._answer.screen.markup if self._answer.screen else None
        return [button for row in markup.inline_keyboard for button in row] if markup else []

    def _take(
        self, choose: Callable[[Turn], Flow], *, text: str = "", data: str | None = None, update_id: int | None = None
    ) -> str:
        self._answer = take_turn(
            choose,
            sender=self._sender,
            chat_id=self.user.telegram_id,
            update_id=update_id or next(_updates),
            text=text,
            data=data,
        )
        return f"{self.told}\n{self.shown}"
