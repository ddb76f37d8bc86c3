"""Which flow takes a turn: by command, by button, by the step of the draft; and what a refusal looks like."""

from collections.abc import Mapping

from escrows.access import escrow_for
from escrows.errors import EscrowRefusal, NotFound
from lockbay.people.models import User
from telegrambot import persistence
from telegrambot.callback_data import Press, Verb
from telegrambot.handlers import (
    accept,
    assistance,
    cancel,
    contacts,
    decline,
    deliver,
    deposit,
    drafts,
    fees,
    history,
    invite,
    join,
    menu,
    mutes,
    new_place,
    new_trade,
    pay,
    pay_from_wallet,
    pay_hash,
    places,
    preferences,
    price,
    refer,
    release,
    revive,
    short,
    staff_alert,
    start,
    trades,
    wallet,
    withdraw,
    withdrawals,
)
from telegrambot.keyboards import back_to_menu, menu_keyboard
from telegrambot.screens import trade_screen
from telegrambot.turn import Flow, Reply, Screen, Turn
from wallets.errors import WithdrawalNotFound

FLOWS = (
    accept,
    cancel,
    decline,
    deliver,
    drafts,
    assistance,
    invite,
    join,
    menu,
    mutes,
    new_trade,
    pay,
    pay_from_wallet,
    pay_hash,
    release,
    revive,
    short,
    preferences,
    contacts,
    refer,
    start,
    trades,
    wallet,
    deposit,
    withdraw,
    withdrawals,
    places,
    new_place,
    history,
    fees,
    staff_alert,
)
BUTTONS: Mapping[Verb, Flow] = {verb: flow for module in FLOWS for verb, flow in getattr(module, "BUTTONS", {}).items()}
STEPS: Mapping[tuple[str, str], Flow] = {
    step: flow for module in FLOWS for step, flow in getattr(module, "STEPS", {}).items()
}


def flow_for_press(turn: Turn) -> Flow:
    """The flow of a button. A press that already moved the draft shows where it stands instead of moving it again."""
    if turn.press is None:
        return stale_button
    if _came_before(turn):
        return drafts.show_step
    return BUTTONS[turn.press.verb]


def flow_for_text(turn: Turn) -> Flow:
    """The step that waits for a text; without one, a hint, or the trade whose number was typed."""
    if turn.draft is None or not persistence.is_active(turn.draft):
        return price.show_price if price.is_price_question(turn.text) else trades.show_typed_trade
    if _came_before(turn):
        return drafts.show_step
    return STEPS.get((turn.draft.flow, turn.draft.step), drafts.ask_for_button)


def flow_for_other_content(turn: Turn) -> Flow:
    """Stickers, photos and the like: kindly asked for words, when words are waited for."""
    return drafts.ask_for_text if persistence.is_active(turn.draft) else menu.not_a_text


def unknown_command(turn: Turn) -> Reply:
    """A command that we do not have."""
    return Reply(Screen("unknown_command", {}, menu_keyboard(turn.draft)))


def stale_button(turn: Turn) -> Reply:
    """A button of another time, or a forged one: a polite word and the menu."""
    return Reply(menu.menu_screen(turn), refusal=NotFound())


def reply_to_refusal(turn: Turn, refusal: Exception) -> Reply:
    """The refusal in words and the fresh screen under it: what the button was about, the step of the draft, or the
    menu."""
    is_active = persistence.is_active(persistence.draft_of(turn.chat_id))
    if turn.press is None:
        if is_active:
            return Reply(drafts.step_screen(turn), refusal=refusal)
        return Reply(Screen("menu", {}, back_to_menu()), refusal=refusal)
    about = _screen_about(turn.user, turn.press)
    if about is None:
        about = drafts.step_screen(turn) if is_active else menu.menu_screen(turn)
    return Reply(about, refusal=refusal)


def _screen_about(user: User, press: Press) -> Screen | None:
    """The trade or the withdrawal that a button names, the places or the wallet that it belongs to; else None."""
    if press.subject.startswith("WD"):
        try:
            return withdrawals.withdrawal_screen(withdrawals.withdrawal_named(user, press.subject))
        except WithdrawalNotFound:
            return None
    if press.verb in places.BUTTONS:
        return places.places_screen(user)
    try:
        return trade_screen(escrow_for(user, press.subject), user)
    except EscrowRefusal:
        return None


def _came_before(turn: Turn) -> bool:
    """True when this very update was handled as far as the draft before something killed us (F3)."""
    return persistence.is_active(turn.draft) and turn.draft is not None and turn.draft.update_id == turn.update_id
