"""What a person's wallet holds, its last movements, and the ways in and out."""

from telegrambot.callback_data import Press, Verb
from telegrambot.keyboards import to
from telegrambot.turn import Button, Reply, Screen, Turn
from wallets.accounts import AFFILIATE, AVAILABLE, CREDIT, HELD
from wallets.debts import debt_of
from wallets.money import Money
from wallets.queries import balances_of, entries_of

HOME_ASSET = "USD"
_SHOWN_ENTRIES = 6


def show_wallet(turn: Turn) -> Reply:
    """Balances first, then the last movements."""
    return Reply(wallet_screen(turn))


def wallet_screen(turn: Turn) -> Screen:
    """The wallet with its buttons."""
    balances = balances_of(turn.user.pk)
    nothing = Money(0, HOME_ASSET)
    context = {
        "available": balances.get((AVAILABLE, HOME_ASSET), nothing),
        "extra": {
            kind: balances[kind, HOME_ASSET] for kind in (CREDIT, HELD, AFFILIATE) if balances.get((kind, HOME_ASSET))
        },
        "debt": debt_of(turn.user.pk),
        "others": [money for (_kind, asset), money in balances.items() if asset != HOME_ASSET and money],
        "entries": entries_of(turn.user.pk, limit=_SHOWN_ENTRIES),
    }
    earned = balances.get((AFFILIATE, HOME_ASSET), nothing)
    earnings = (Button("withdraw_earnings", Press(Verb.WITHDRAW, extra=AFFILIATE), words={"money": earned}),)
    rows = (
        (to("deposit", Verb.DEPOSIT), to("withdraw", Verb.WITHDRAW)),
        earnings if earned else (),
        (to("withdrawals", Verb.WITHDRAWALS), to("places", Verb.PLACES)),
        (to("history", Verb.HISTORY), to("refresh", Verb.WALLET)),
        (to("trades", Verb.TRADES), to("menu", Verb.MENU)),
    )
    return Screen("wallet", context, rows)


BUTTONS = {Verb.WALLET: show_wallet}
