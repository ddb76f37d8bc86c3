"""Opening an invite link: it binds the account to the free side and shows the offer (E3, T4)."""

from escrows.access import escrow_for
from escrows.actions.join import join_escrow
from telegrambot.screens import trade_screen
from telegrambot.turn import Reply, Turn

PREFIX = "inv_"


def join_by_link(turn: Turn) -> Reply:
    """Joins with the token of the link and shows the trade."""
    joined = join_escrow(actor=turn.user, token=turn.text.removeprefix(PREFIX).strip())
    return Reply(trade_screen(escrow_for(turn.user, joined.public_id), turn.user, news="joined"))
