"""Every movement of a wallet, page by page, and the whole of it as a file."""

from lockbay import clock
from telegrambot.callback_data import Press, Verb
from telegrambot.keyboards import to
from telegrambot.rendering import phrases
from telegrambot.turn import Button, Document, Reply, Screen, Turn
from wallets.queries import entries_of
from wallets.statement import write_statement

PAGE = 10


def show_history(turn: Turn) -> Reply:
    """The newest movements, or those before the one that the button names."""
    before = turn.press.extra if turn.press else ""
    return Reply(_history_screen(turn, int(before) if before.isdecimal() else None))


def send_statement(turn: Turn) -> Reply:
    """The statement as a new message; the screen it was asked from stays."""
    name = f"lockbay-{turn.user.pk}-{clock.now():%Y-%m-%d}.csv"
    document = Document(name, write_statement(turn.user.pk, phrases("statement")))
    screen = Screen("statement", {}, ((to("history", Verb.HISTORY), to("wallet", Verb.WALLET)),), document=document)
    return Reply(screen, in_place=False)


def _history_screen(turn: Turn, before: int | None) -> Screen:
    entries = entries_of(turn.user.pk, before_id=before, limit=PAGE + 1)
    shown = entries[:PAGE]
    rows: list[tuple[Button, ...]] = []
    if len(entries) > PAGE:
        rows.append((Button("older_movements", Press(Verb.HISTORY, extra=str(shown[-1].id))),))
    if entries:
        rows.append((to("statement", Verb.STATEMENT),))
    rows.append((to("wallet", Verb.WALLET), to("menu", Verb.MENU)))
    return Screen("history", {"entries": shown, "is_first": before is None}, tuple(rows))


BUTTONS = {Verb.HISTORY: show_history, Verb.STATEMENT: send_statement}
