"""The list of a person's trades, and one trade."""

from escrows.access import escrow_for
from escrows.errors import NotFound
from escrows.models import Escrow
from escrows.queries import trades_of
from telegrambot.callback_data import Press, Verb
from telegrambot.keyboards import menu_keyboard, to
from telegrambot.screens import trade_screen, view_of
from telegrambot.turn import Button, Reply, Screen, Turn

PAGE = 8


def show_trades(turn: Turn) -> Reply:
    """A page of trades, newest first; the button "older" carries where the page ends."""
    before = int(turn.press.extra) if turn.press and turn.press.extra.isdecimal() else None
    found = list(trades_of(turn.user, before=before, limit=PAGE + 1))
    page, has_more = found[:PAGE], len(found) > PAGE
    rows: list[tuple[Button, ...]] = [(_row(escrow, turn),) for escrow in page]
    if has_more:
        rows.append((Button("older", Press(Verb.TRADES, extra=str(page[-1].pk))),))
    rows.append((to("new", Verb.NEW), to("menu", Verb.MENU)))
    return Reply(Screen("trades", {"trades": [view_of(escrow, turn.user) for escrow in page]}, tuple(rows)))


def show_trade(turn: Turn) -> Reply:
    """One trade."""
    return Reply(trade_screen(escrow_for(turn.user, _subject(turn)), turn.user))


def refresh_trade(turn: Turn) -> Reply:
    """One trade, read again; says that it was."""
    return Reply(trade_screen(escrow_for(turn.user, _subject(turn)), turn.user), toast="fresh")


def show_typed_trade(turn: Turn) -> Reply:
    """Somebody wrote a trade's number, or just something."""
    try:
        return Reply(trade_screen(escrow_for(turn.user, turn.text[:20]), turn.user))
    except NotFound:
        return Reply(Screen("small_talk", {}, menu_keyboard(turn.draft)))


def _row(escrow: Escrow, turn: Turn) -> Button:
    words = {
        "public_id": escrow.public_id,
        "money": escrow.price,
        "status": "frozen" if escrow.frozen_at else escrow.status,
    }
    return Button("trade_row", Press(Verb.TRADE, escrow.public_id), words=words)


def _subject(turn: Turn) -> str:
    return turn.press.subject if turn.press else ""


BUTTONS = {Verb.TRADES: show_trades, Verb.TRADE: show_trade, Verb.REFRESH: refresh_trade}
