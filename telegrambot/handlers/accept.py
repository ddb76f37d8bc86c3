"""The seller takes the paid trade."""

from escrows.access import escrow_for
from escrows.actions.accept import accept_escrow
from telegrambot.callback_data import Verb
from telegrambot.screens import trade_screen
from telegrambot.turn import Reply, Turn


def accept(turn: Turn) -> Reply:
    """Accepts and shows the trade, now active."""
    escrow = escrow_for(turn.user, turn.press.subject if turn.press else "")
    accepted = accept_escrow(actor=turn.user, escrow_id=escrow.pk)
    return Reply(trade_screen(escrow_for(turn.user, accepted.public_id), turn.user, news="accepted"), toast="accepted")


BUTTONS = {Verb.ACCEPT: accept}
