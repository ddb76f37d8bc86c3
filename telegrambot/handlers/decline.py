"""The seller says no to the paid trade; the buyer gets everything back."""

from escrows import policy
from escrows.access import escrow_for
from escrows.actions.decline import decline_escrow
from telegrambot.callback_data import Verb
from telegrambot.keyboards import confirm_keyboard
from telegrambot.screens import trade_screen, view_of
from telegrambot.turn import Reply, Screen, Turn


def ask_to_decline(turn: Turn) -> Reply:
    """Asks once more: declining ends the trade."""
    escrow = escrow_for(turn.user, turn.press.subject if turn.press else "")
    policy.require_can_decline(escrow, turn.user)
    keyboard = confirm_keyboard(escrow, "decline_yes", Verb.DECLINE)
    return Reply(Screen("decline_ask", {"trade": view_of(escrow, turn.user)}, keyboard))


def decline(turn: Turn) -> Reply:
    """Declines and shows the refunded trade."""
    escrow = escrow_for(turn.user, turn.press.subject if turn.press else "")
    declined = decline_escrow(actor=turn.user, escrow_id=escrow.pk)
    return Reply(trade_screen(escrow_for(turn.user, declined.public_id), turn.user, news="declined"), toast="declined")


BUTTONS = {Verb.DECLINE_ASK: ask_to_decline, Verb.DECLINE: decline}
