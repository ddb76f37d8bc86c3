"""The seller says that it is delivered; the buyer's time to look begins (E12)."""

from escrows import policy
from escrows.access import escrow_for
from escrows.actions.mark_delivered import mark_delivered
from telegrambot.callback_data import Verb
from telegrambot.keyboards import confirm_keyboard
from telegrambot.screens import trade_screen, view_of
from telegrambot.turn import Reply, Screen, Turn


def ask_if_delivered(turn: Turn) -> Reply:
    """Asks once more: it starts the buyer's clock."""
    escrow = escrow_for(turn.user, turn.press.subject if turn.press else "")
    policy.require_can_mark_delivered(escrow, turn.user)
    keyboard = confirm_keyboard(escrow, "delivered_yes", Verb.DELIVERED)
    return Reply(Screen("deliver_ask", {"trade": view_of(escrow, turn.user)}, keyboard))


def deliver(turn: Turn) -> Reply:
    """Marks it delivered and shows the trade."""
    escrow = escrow_for(turn.user, turn.press.subject if turn.press else "")
    delivered = mark_delivered(actor=turn.user, escrow_id=escrow.pk)
    screen = trade_screen(escrow_for(turn.user, delivered.public_id), turn.user, news="delivered")
    return Reply(screen, toast="delivered")


BUTTONS = {Verb.DELIVERED_ASK: ask_if_delivered, Verb.DELIVERED: deliver}
