"""Money came too late: the buyer takes the ended trade up again and pays it from the wallet (E10)."""

from escrows import policy
from escrows.access import escrow_for
from escrows.actions.revive import revive_escrow
from escrows.preview import revive_preview
from telegrambot.callback_data import Verb
from telegrambot.keyboards import confirm_keyboard
from telegrambot.screens import preview_context, trade_screen
from telegrambot.turn import Reply, Screen, Turn


def ask_to_revive(turn: Turn) -> Reply:
    """Shows what leaves the wallet; the button carries the digest of it (E5)."""
    escrow = escrow_for(turn.user, turn.press.subject if turn.press else "")
    policy.require_can_revive(escrow, turn.user)
    preview = revive_preview(escrow)
    keyboard = confirm_keyboard(escrow, "revive_yes", Verb.REVIVE, digest=preview.digest)
    return Reply(Screen("revive_ask", preview_context(escrow, turn.user, preview), keyboard))


def revive(turn: Turn) -> Reply:
    """Revives and shows the new trade, paid."""
    escrow = escrow_for(turn.user, turn.press.subject if turn.press else "")
    again = revive_escrow(actor=turn.user, escrow_id=escrow.pk, digest=turn.press.digest if turn.press else "")
    return Reply(trade_screen(escrow_for(turn.user, again.public_id), turn.user, news="paid"), toast="paid")


BUTTONS = {Verb.REVIVE_ASK: ask_to_revive, Verb.REVIVE: revive}
