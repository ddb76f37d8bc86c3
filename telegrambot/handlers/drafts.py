"""What is common to flows with several steps: showing the step again, taking a draft up again, dropping it."""

from collections.abc import Callable, Mapping

from telegrambot import persistence
from telegrambot.callback_data import Verb
from telegrambot.errors import DraftGone, NotUnderstood
from telegrambot.handlers import contacts, deposit, menu, new_place, new_trade, pay_hash, withdraw
from telegrambot.keyboards import menu_keyboard
from telegrambot.models import Draft
from telegrambot.turn import Reply, Screen, Turn

_STEP_SCREENS: Mapping[str, Callable[[Draft], Screen]] = {
    contacts.FLOW: contacts.step_screen,
    deposit.FLOW: deposit.step_screen,
    new_place.FLOW: new_place.step_screen,
    new_trade.FLOW: new_trade.step_screen,
    pay_hash.FLOW: pay_hash.step_screen,
    withdraw.FLOW: withdraw.step_screen,
}


def step_screen(turn: Turn) -> Screen:
    """The question of the step at which the draft waits; the menu when there is no draft."""
    draft = persistence.draft_of(turn.chat_id)
    if draft is None or not persistence.is_active(draft):
        return menu.menu_screen(turn)
    return _STEP_SCREENS[draft.flow](draft)


def show_step(turn: Turn) -> Reply:
    """The question again."""
    return Reply(step_screen(turn))


def ask_for_button(turn: Turn) -> Reply:
    """A text where one of the buttons is waited for."""
    return Reply(step_screen(turn), refusal=NotUnderstood("button"))


def ask_for_text(turn: Turn) -> Reply:
    """A sticker, a photo or a file where words are waited for."""
    return Reply(step_screen(turn), refusal=NotUnderstood("not_a_text"))


def cancel_draft(turn: Turn) -> Reply:
    """/cancel works everywhere; it never touches a trade. The button drops its own draft only."""
    if turn.press is not None and (turn.draft is None or turn.press.subject != turn.draft.request_key):
        raise DraftGone
    was_active = persistence.drop_flow(turn.chat_id)
    return Reply(Screen("draft_dropped" if was_active else "nothing_to_cancel", {}, menu_keyboard()))


BUTTONS = {Verb.RESUME: show_step, Verb.FLOW_CANCEL: cancel_draft}
