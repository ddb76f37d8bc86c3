"""The menu, and answers to what is no step of any flow."""

from telegrambot.callback_data import Verb
from telegrambot.keyboards import menu_keyboard
from telegrambot.turn import Reply, Screen, Turn


def show_menu(turn: Turn) -> Reply:
    """/menu and the button home."""
    return Reply(menu_screen(turn))


def menu_screen(turn: Turn) -> Screen:
    """The main menu."""
    return Screen("menu", {"name": turn.user.first_name}, menu_keyboard(turn.draft))


def not_a_text(turn: Turn) -> Reply:
    """A sticker, a photo, a voice message, and nothing waits for one."""
    return Reply(Screen("not_a_text", {}, menu_keyboard(turn.draft)))


BUTTONS = {Verb.MENU: show_menu}
