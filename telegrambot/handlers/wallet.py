"""What a person's wallet holds, and its last movements."""

from telegrambot.callback_data import Verb
from telegrambot.keyboards import to
from telegrambot.turn import Reply, Screen, Turn
from wallets.accounts import AFFILIATE, AVAILABLE, CREDIT, HELD
from wallets.money import Money
from wallets.queries import balances_of, entries_of

HOME_ASSET = "USD"
_SHOWN_ENTRIES = 6


def show_wallet(turn: Turn) -> Reply:
    """Balances first, then the last movements."""
    balances = balances_of(turn.user.pk)
    nothing = Money(0, HOME_ASSET)
    context = {
        "available": balances.get((AVAILABLE, HOME_ASSET), nothing),
        "extra": {
            kind: balances[kind, HOME_ASSET] for kind in (CREDIT, HELD, AFFILIATE) if balances.get((kind, HOME_ASSET))
        },
        "others": [money for (_kind, asset), money in balances.items() if asset != HOME_ASSET and money],
        "entries": entries_of(turn.user.pk, limit=_SHOWN_ENTRIES),
    }
    rows = ((to("new", Verb.NEW), to("trades", Verb.TRADES)), (to("refresh", Verb.WALLET), to("menu", Verb.MENU)))
    return Reply(Screen("wallet", context, rows))


BUTTONS = {Verb.WALLET: show_wallet}
