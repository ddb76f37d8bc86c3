"""The buyer lets the money go: asked twice, with who gets what; where there is an undo window, a way back (E14)."""

from escrows import policy
from escrows.access import escrow_for
from escrows.actions.release import release_escrow
from escrows.actions.undo_release import undo_release
from escrows.models import Escrow
from escrows.preview import release_preview
from telegrambot.callback_data import Verb
from telegrambot.keyboards import confirm_keyboard
from telegrambot.screens import preview_context, trade_screen, view_of
from telegrambot.turn import Reply, Screen, Turn


def ask_to_release(turn: Turn) -> Reply:
    """First question: is everything there? Shows who gets what."""
    escrow = _releasable(turn)
    context = preview_context(escrow, turn.user, release_preview(escrow))
    return Reply(Screen("release_ask", context, confirm_keyboard(escrow, "release_received", Verb.RELEASE_SURE)))


def ask_again(turn: Turn) -> Reply:
    """Second question; its button carries the digest of what is shown (E5)."""
    escrow = _releasable(turn)
    preview = release_preview(escrow)
    money = view_of(escrow, turn.user).pricing.seller_net
    keyboard = confirm_keyboard(escrow, "release_yes", Verb.RELEASE, digest=preview.digest, money=money)
    return Reply(Screen("release_sure", preview_context(escrow, turn.user, preview), keyboard))


def release(turn: Turn) -> Reply:
    """Releases and shows the trade."""
    escrow = escrow_for(turn.user, turn.press.subject if turn.press else "")
    released = release_escrow(actor=turn.user, escrow_id=escrow.pk, digest=turn.press.digest if turn.press else "")
    return Reply(trade_screen(escrow_for(turn.user, released.public_id), turn.user, news="released"), toast="released")


def undo(turn: Turn) -> Reply:
    """Takes the release back while its window is open."""
    escrow = escrow_for(turn.user, turn.press.subject if turn.press else "")
    undone = undo_release(actor=turn.user, escrow_id=escrow.pk)
    return Reply(trade_screen(escrow_for(turn.user, undone.public_id), turn.user, news="undone"), toast="undone")


def _releasable(turn: Turn) -> Escrow:
    escrow = escrow_for(turn.user, turn.press.subject if turn.press else "")
    policy.require_can_release(escrow, turn.user)
    return escrow


BUTTONS = {
    Verb.RELEASE_ASK: ask_to_release,
    Verb.RELEASE_SURE: ask_again,
    Verb.RELEASE: release,
    Verb.RELEASE_UNDO: undo,
}
