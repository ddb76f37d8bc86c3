"""/fees: what sending costs on each chain now: live price × units + margin, with its age (W1, T7)."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.conf import settings

from lockbay import clock
from payments.chains import READERS
from payments.network_fees import FeeUnknown, NetworkFee, chain_named, fees_of_chain
from telegrambot.callback_data import Press, Verb
from telegrambot.keyboards import to
from telegrambot.turn import Button, Reply, Screen, Turn

_GWEI = Decimal(10) ** 9  # wei
_PER_ROW = 3


@dataclass(frozen=True)
class FeeLine:
    """One kind of transfer on a chain."""

    fee: NetworkFee
    cost: str
    charged: str
    parts: tuple[tuple[str, str, str], ...]  # resource, units, price
    minutes: int


def show_fees(turn: Turn) -> Reply:
    """The fees of the chain that was named, else of all of them."""
    text = turn.press.extra if turn.press else turn.text
    if not text:
        return Reply(_all_screen())
    chain = chain_named(text)
    if not chain:
        return Reply(Screen("fees_unknown", {}, _chain_buttons()))
    return Reply(_chain_screen(chain))


def _all_screen() -> Screen:
    rows = []
    for chain in READERS:
        try:
            rows.append({"chain": chain, "fees": fees_of_chain(chain)})
        except FeeUnknown:
            rows.append({"chain": chain, "fees": []})
    margin = _plain(settings.NETWORK_FEE_MARGIN_PERCENT)
    return Screen("fees", {"rows": rows, "margin": margin}, _chain_buttons())


def _chain_screen(chain: str) -> Screen:
    context: dict[str, Any] = {"chain": chain, "lines": []}
    try:
        context["lines"] = [_line_of(fee) for fee in fees_of_chain(chain)]
    except FeeUnknown as unknown:
        context["unknown"] = unknown.reason
    buttons = (Button("refresh", Press(Verb.FEES, extra=chain)), to("all_fees", Verb.FEES))
    return Screen("fees_chain", context, (buttons, (to("menu", Verb.MENU),)))


def _line_of(fee: NetworkFee) -> FeeLine:
    return FeeLine(
        fee=fee,
        cost=_plain(fee.cost),
        charged=_plain(fee.charged),
        parts=tuple((one.name, f"{one.units:,}", _price(fee.chain, one.price)) for one in fee.resources),
        minutes=int((clock.real_now() - fee.fetched_at).total_seconds()) // 60,
    )


def _price(chain: str, price: Decimal) -> str:
    """In gwei on Ethereum and BSC, as wallets do; else in the coin's smallest unit."""
    return _plain(price / _GWEI if chain in {"ethereum", "bsc"} else price)


def _plain(number: Decimal) -> str:
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _chain_buttons() -> tuple[tuple[Button, ...], ...]:
    buttons = [Button("fees_of", Press(Verb.FEES, extra=chain), words={"chain": chain}) for chain in READERS]
    rows = [tuple(buttons[start : start + _PER_ROW]) for start in range(0, len(buttons), _PER_ROW)]
    return (*rows, (to("menu", Verb.MENU),))


BUTTONS = {Verb.FEES: show_fees}
