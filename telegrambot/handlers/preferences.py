"""/settings: who we take you for, and how we reach you (T4)."""

from telegrambot.callback_data import Verb
from telegrambot.handlers import contacts
from telegrambot.turn import Reply, Turn


def show_settings(turn: Turn) -> Reply:
    """What is set."""
    return Reply(contacts.settings_screen(turn.user))


BUTTONS = {Verb.SETTINGS: show_settings}
