"""What a coin costs: `/price BTC`, or just `BTC-USDT`. Answered from what is stored; fetched before, if it can be."""

import asyncio
import re
from decimal import Decimal

from lockbay import clock
from payments.rates import market
from payments.rates.currencies import COINS, FIATS
from payments.rates.errors import RateUnavailable
from telegrambot.database import in_database
from telegrambot.keyboards import back_to_menu
from telegrambot.turn import Reply, Screen, Turn

_PAIR = re.compile(r"[A-Za-z]{2,5}[-/][A-Za-z]{2,5}")
_SHOWN_DIGITS = 6


async def fetch_prices(text: str) -> None:
    """Brings what is stored up to date, in three seconds at most: database, network, database; never two at once."""
    plan = await in_database(market.plan_fetch, text)
    if plan is not None:
        found = await asyncio.to_thread(market.fetch, plan)
        await in_database(market.store, plan, found)


async def fetch_prices_if_asked(text: str) -> None:
    """The same for a text that may be anything."""
    if is_price_question(text):
        await fetch_prices(text)


def is_price_question(text: str) -> bool:
    """True for a pair of currencies that we know, and nothing else."""
    if not _PAIR.fullmatch(text.strip()):
        return False
    try:
        market.pair_of_text(text)
    except RateUnavailable:
        return False
    return True


def show_price(turn: Turn) -> Reply:
    """The price with its day, its source and its age."""
    try:
        base, quote = market.pair_of_text(turn.text)
    except RateUnavailable:
        return Reply(Screen("price_unknown", {"currencies": [*COINS, *FIATS]}, back_to_menu()))
    try:
        report = market.report_of(base, quote)
    except RateUnavailable:
        return Reply(Screen("price_missing", {"base": base, "quote": quote}, back_to_menu()))
    context = {
        "report": report,
        "price": price_text(report.price),
        "volume": report.volume_24h and f"{report.volume_24h:,.0f}",
        "change": _signed(report.change_24h),
        "minutes": int((clock.real_now() - report.fetched_at).total_seconds()) // 60,
        **_futures_context(report.futures),
    }
    return Reply(Screen("price", context, back_to_menu()))


def price_text(price: Decimal) -> str:
    """Cents from a thousand up, below that six digits that say something; thousands apart."""
    if price >= 1000:
        return f"{price:,.2f}"
    places = max(2, _SHOWN_DIGITS - 1 - price.adjusted())
    text = f"{price:.{places}f}".rstrip("0")
    whole, _, rest = text.partition(".")
    return f"{whole}.{rest:0<2}"


def _futures_context(futures: market.FuturesReport | None) -> dict[str, object]:
    if futures is None:
        return {}
    figures = futures.figures
    return {
        "futures": futures,
        "open_interest": f"{figures.open_interest:,.0f}",
        "change_15m": _signed(figures.change_15m),
        "change_day": _signed(figures.change_24h),
        "funding": f"{figures.funding_rate * 100:+.4f}",
        "yearly": f"{figures.yearly_cost:+.2f}",
    }


def _signed(percent: Decimal | None) -> dict[str, object]:
    if percent is None:
        return {}
    text = f"{percent:+.2f}"
    return {"text": text, "is_up": text.startswith("+"), "is_still": Decimal(text) == 0}
