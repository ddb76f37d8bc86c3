"""Ending a trade early, with a preview of who gets what back (E11, E12)."""

from escrows import policy
from escrows.access import escrow_for
from escrows.actions.cancel import cancel_escrow
from escrows.preview import refund_preview
from lockbay import clock
from telegrambot.callback_data import Verb
from telegrambot.keyboards import confirm_keyboard
from telegrambot.screens import preview_context, trade_screen
from telegrambot.turn import Reply, Screen, Turn


def ask_to_cancel(turn: Turn) -> Reply:
    """Shows what cancelling does; the button carries the digest of it (E5)."""
    escrow = escrow_for(turn.user, turn.press.subject if turn.press else "")
    policy.require_can_cancel(escrow, turn.user, clock.now())
    preview = refund_preview(escrow)
    keyboard = confirm_keyboard(escrow, "cancel_yes", Verb.CANCEL, digest=preview.digest)
    return Reply(Screen("cancel_ask", preview_context(escrow, turn.user, preview), keyboard))


def cancel(turn: Turn) -> Reply:
    """Cancels and shows the closed trade."""
    escrow = escrow_for(turn.user, turn.press.subject if turn.press else "")
    ended = cancel_escrow(actor=turn.user, escrow_id=escrow.pk, digest=turn.press.digest if turn.press else "")
    return Reply(trade_screen(escrow_for(turn.user, ended.public_id), turn.user, news="cancelled"), toast="cancelled")


BUTTONS = {Verb.CANCEL_ASK: ask_to_cancel, Verb.CANCEL: cancel}
