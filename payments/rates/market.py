"""What /price shows: a coin's price, its day, and on wish its perpetual future. Never values money.

Reading is one thing, fetching another: plan_fetch() and store() use the database, fetch() the network, and a caller on
an event loop runs them one after the other. Whoever cannot fetch answers from what is stored, with its age.
"""

import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from decimal import Context, Decimal
from functools import partial
from typing import Any

from django.conf import settings

from lockbay import clock
from payments import breaker
from payments.models import StoredMarket
from payments.rates import quotes, tiers
from payments.rates.asking import ask_at_once, settle_breaker
from payments.rates.currencies import ALIASES, COINS, FIATS
from payments.rates.errors import RateRefused, RateUnavailable
from payments.rates.futures import futures_sources
from payments.rates.futures.base import MOST, Futures
from payments.rates.judging import Claim, Judged, judge
from payments.rates.sources import market_sources
from payments.rates.sources.base import Market

BUDGET_SECONDS = 3
_ASK_EVERY_SECONDS = 60  # however many people ask
_WITH_FUTURES = frozenset({"BTC", "ETH", "LTC", "DOGE", "BCH", "BNB", "TRX", "SOL", "APT"})
_DIGITS = Context(prec=18)
_SEPARATOR = re.compile(r"\s*[-/]\s*|\s+")

_asking = threading.Lock()
_ask_after: dict[str, int] = {}


@dataclass(frozen=True)
class FuturesReport:
    """Figures of a perpetual future, by whom and since when."""

    figures: Futures
    source: str
    fetched_at: datetime


@dataclass(frozen=True)
class PriceReport:
    """`price` units of `quote` per one `base`; `change_24h` in per cent, `volume_24h` of the base in USD."""

    base: str
    quote: str
    price: Decimal
    change_24h: Decimal | None
    volume_24h: Decimal | None
    source: str
    fetched_at: datetime
    futures: FuturesReport | None = None


@dataclass(frozen=True)
class FetchPlan:
    """Whom to ask: calls by (kind, source)."""

    coin: str
    calls: Mapping[tuple[str, str], Callable[[], Any]]


Found = dict[tuple[str, str], Any]


def pair_of_text(text: str) -> tuple[str, str]:
    """(base, quote) of `BTC`, `btc-usdt`, `BTC/EUR`; by default against USD. Raises: RateUnavailable."""
    typed = text.strip().upper()[:40]
    if _currency_of(typed):
        return _currency_of(typed), "USD"
    base, quote, *more = [*_SEPARATOR.split(typed), "", ""]
    pair = _currency_of(base), _currency_of(quote)
    if not all(pair) or any(more[:-2]):
        raise RateUnavailable(base[:8], quote[:8], "unknown_pair")
    return pair


def plan_fetch(text: str) -> FetchPlan | None:
    """Whom to ask about what somebody typed; None when that is no pair, or everybody was asked a moment ago."""
    try:
        coin, _quote = pair_of_text(text)
    except RateUnavailable:
        return None
    calls: dict[tuple[str, str], Callable[[], Any]] = {}
    if _is_turn("spot"):
        calls |= {("spot", source.name): partial(source.fetch_market, COINS) for source in market_sources()}
    if coin in _WITH_FUTURES and settings.PRICE_FUTURES and _is_turn(f"futures {coin}"):
        calls |= {("futures", source.name): partial(source.fetch, coin) for source in futures_sources()}
    open_ = {key: call for key, call in calls.items() if breaker.may_ask(_breaker_of(key))}
    return FetchPlan(coin, open_) if open_ else None


def fetch(plan: FetchPlan) -> Found:
    """Asks all of them at once, for BUDGET_SECONDS. No database. Raises: NetworkInsideTransaction."""
    return ask_at_once(plan.calls, seconds=BUDGET_SECONDS)


def store(plan: FetchPlan, found: Found) -> None:
    """Keeps what is plausible, and beside each source how it went."""
    for key, answer in found.items():
        settle_breaker(_breaker_of(key), answer if isinstance(answer, str) else None)
    spots = {name: answer for (kind, name), answer in found.items() if kind == "spot" and not isinstance(answer, str)}
    rows = _spot_rows(spots)
    for (kind, name), answer in found.items():
        if kind == "futures" and isinstance(answer, Futures):
            rows.append(_row(plan.coin, StoredMarket.Kind.FUTURES, asdict(answer), name, clock.real_now()))
            break
    StoredMarket.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["coin", "kind"],
        update_fields=["figures", "source", "fetched_at"],
    )


def report_of(base: str, quote: str = "USD") -> PriceReport:
    """The price by what is stored, the market's or the judged rate, whichever is newer. No network.

    Raises: RateUnavailable when nothing stored is younger than two hours.
    """
    stored = {(row.coin, row.kind): row for row in StoredMarket.objects.filter(coin__in=[base, quote])}
    known = quotes.load_stored()
    top, bottom = _side(base, stored, known), _side(quote, stored, known)
    shown = bottom if base == "USD" else top
    change = None
    if top.change_24h is not None and bottom.change_24h is not None:
        change = _DIGITS.multiply(_ratio(100 + top.change_24h, 100 + bottom.change_24h) - 1, Decimal(100))
    return PriceReport(
        base,
        quote,
        _ratio(top.price, bottom.price),
        change,
        top.volume_24h,
        shown.source,
        min(top.fetched_at, bottom.fetched_at),
        _futures_of(stored.get((base, StoredMarket.Kind.FUTURES))),
    )


def forget_asking() -> None:
    """Forgets who was asked when; the next plan asks everybody."""
    _ask_after.clear()


def _currency_of(name: str) -> str:
    currency = ALIASES.get(name, name)
    return currency if currency in (*COINS, *FIATS, "USD") else ""


def _is_turn(what: str) -> bool:
    with _asking:
        now = int(time.monotonic())
        if now < _ask_after.get(what, 0):
            return False
        _ask_after[what] = now + _ASK_EVERY_SECONDS
        return True


def _breaker_of(key: tuple[str, str]) -> str:
    """Not the breakers that the rates of money depend on: curious people must not open those."""
    return f"{key[0]}:{key[1]}"


def _spot_rows(spots: Mapping[str, Mapping[str, Market]]) -> list[StoredMarket]:
    now, known = clock.real_now(), quotes.load_stored()
    rows = []
    for coin in COINS:
        markets = {name: answers[coin] for name, answers in spots.items() if coin in answers}
        judged = _judged(coin, markets, known.get((coin, "USD")), now)
        if judged is None:
            continue
        figures = {
            "price": judged.rate,
            "change_24h": _first_plausible([market.change_24h for market in markets.values()]),
            "volume_24h": _first_plausible([market.volume_24h for market in markets.values()]),
        }
        rows.append(_row(coin, StoredMarket.Kind.SPOT, figures, judged.source, judged.fetched_at))
    return rows


def _judged(coin: str, markets: Mapping[str, Market], rate: quotes.Quote | None, now: datetime) -> Judged | None:
    """By the same rules as money's rates, held against money's rate."""
    claims = [Claim(name, market.price, min(now, market.updated_at or now)) for name, market in markets.items()]
    previous = None if rate is None else Claim(rate.source, rate.rate, rate.fetched_at)
    try:
        return judge((coin, "USD"), claims, previous=previous, now=now)
    except RateRefused:
        return None


def _row(coin: str, kind: str, figures: Mapping[str, Any], source: str, fetched_at: datetime) -> StoredMarket:
    texts = {name: None if value is None else str(value) for name, value in figures.items()}
    return StoredMarket(coin=coin, kind=kind, figures=texts, source=source, fetched_at=fetched_at)


def _side(
    currency: str, stored: Mapping[tuple[str, str], StoredMarket], known: Mapping[tuple[str, str], quotes.Quote]
) -> PriceReport:
    """One currency in USD. Looks of curious people are not counted as look-ups of money's rates."""
    if currency == "USD":
        return PriceReport("USD", "USD", Decimal(1), Decimal(0), None, "identity", clock.real_now())
    row, rate = stored.get((currency, StoredMarket.Kind.SPOT)), known.get((currency, "USD"))
    spot = _spot_of(row) if row is not None and _is_usable(row.fetched_at) else None
    if spot is not None and (rate is None or spot.fetched_at >= rate.fetched_at):
        return spot
    if rate is None:
        raise RateUnavailable(currency, "USD", "missing")
    report = PriceReport(currency, "USD", rate.rate, None, None, rate.source, rate.fetched_at)
    return report if spot is None else replace(report, change_24h=spot.change_24h, volume_24h=spot.volume_24h)


def _spot_of(row: StoredMarket) -> PriceReport:
    figures = {name: None if text is None else Decimal(text) for name, text in row.figures.items()}
    price = figures["price"] or Decimal(0)
    return PriceReport(row.coin, "USD", price, figures["change_24h"], figures["volume_24h"], row.source, row.fetched_at)


def _futures_of(row: StoredMarket | None) -> FuturesReport | None:
    if row is None or not settings.PRICE_FUTURES or not _is_usable(row.fetched_at):
        return None
    figures = {field.name: Decimal(row.figures[field.name]) for field in fields(Futures)}
    hours = int(figures.pop("funding_hours"))
    return FuturesReport(Futures(**figures, funding_hours=hours), row.source, row.fetched_at)


def _is_usable(fetched_at: datetime) -> bool:
    return tiers.tier_of_age(abs(clock.real_now() - fetched_at)) is not None


def _first_plausible(numbers: Sequence[Decimal | None]) -> Decimal | None:
    return next((n for n in numbers if n is not None and n.is_finite() and -MOST <= n <= MOST), None)


def _ratio(over: Decimal, under: Decimal) -> Decimal:
    return _DIGITS.divide(over, under)
