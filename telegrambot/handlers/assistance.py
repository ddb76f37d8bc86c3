"""/help and /support."""

from telegrambot.callback_data import Verb
from telegrambot.keyboards import menu_keyboard
from telegrambot.turn import Reply, Screen, Turn


def show_help(turn: Turn) -> Reply:
    """How a trade goes, step by step."""
    return Reply(Screen("help", {}, menu_keyboard(turn.draft)))


def show_support(turn: Turn) -> Reply:
    """Where to find a person, and what to tell them."""
    reference = f"P-{turn.user.pk}"
    return Reply(Screen("support", {"reference": reference}, menu_keyboard(turn.draft)))


BUTTONS = {Verb.HELP: show_help, Verb.SUPPORT: show_support}
