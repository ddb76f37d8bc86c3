"""quote_of(): what one unit of a currency is worth, how old that is and who said so (R2). Never touches the network.

A hit is one look into a dictionary. Every RE_READ_SECONDS the whole table of stored rates is read again, in one query,
so that this process learns what the worker fetched. Ages are real time: the sandbox's clock does not age a rate.
"""

import time
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, Context, Decimal, InvalidOperation

import structlog
from django.db import Error as DatabaseError
from django.db import connection

from lockbay import clock
from payments.models import StoredRate
from payments.rates import counting, tiers
from payments.rates.currencies import FIAT_PAIRS, NAMES_OF, Pair, pair_of
from payments.rates.errors import RateUnavailable

RE_READ_SECONDS = 20.0
_TURNING = Context(prec=28, rounding=ROUND_CEILING)
_SILENT_DATABASE_SECONDS = 5.0  # how long a silent database is left in peace
_MISSING_SECONDS = 1.0  # a batch that lacks a rate looks once, not once an event

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Quote:
    """`rate` units of `quote` per one `base`, as `source` said at `fetched_at` (real time, UTC)."""

    base: str
    quote: str
    rate: Decimal
    source: str
    fetched_at: datetime
    tier: str


# (name, name) → the quote and the moment (monotonic) until which neither its label nor its value needs another look.
_known: dict[Pair, tuple[Quote, float]] = {}
_missing_until: dict[Pair, float] = {}


def quote_of(base: str, quote: str = "USD", *, max_age: timedelta | None = None) -> Quote:
    """The freshest stored quote, by any name of the currencies, not older than `max_age` (default and most: 2 h).

    Raises: RateUnavailable when none may price money; the caller waits and tries again.
    """
    entry = _known.get((base, quote))
    if entry is not None and time.monotonic() < entry[1]:
        found = entry[0]
    else:
        found = _look_again(base, quote)
    if max_age is not None and age_of(found) > max_age:
        counting.count_miss(base, "too_old")
        raise RateUnavailable(base, quote, "too_old")
    counting.CACHE_HIT.counts[base, found.tier] += 1
    return found


def age_of(quote: Quote) -> timedelta:
    """How far `fetched_at` is from now; a stamp from the future is no fresher than one as far in the past."""
    return abs(clock.real_now() - quote.fetched_at)


def load_stored() -> dict[Pair, Quote]:
    """Reads all stored rates in one query, remembers and returns those that may price money."""
    rows = list(StoredRate.objects.values_list("base", "quote", "rate", "source", "fetched_at"))
    usable = {(row[0], row[1]): quote for row in rows if (quote := _usable(*row)) is not None}
    usable |= {(fiat, dollar): _turned(usable[dollar, fiat]) for dollar, fiat in FIAT_PAIRS if (dollar, fiat) in usable}
    fresh = {name: entry for pair, quote in usable.items() for name, entry in _entries_of(pair, quote)}
    _known.update(fresh)
    _missing_until.clear()
    return usable


def price_of_text(text: str) -> Decimal:
    """The decimal a stored text stands for; NaN when it stands for none."""
    try:
        return Decimal(text)
    except InvalidOperation:
        return Decimal("NaN")


def forget_all() -> None:
    """Forgets what this process knows; the next look-up reads the table."""
    _known.clear()
    _missing_until.clear()


def _look_again(base: str, quote: str) -> Quote:
    pair = pair_of(base, quote)
    if pair[0] == pair[1]:
        return Quote(pair[0], pair[1], Decimal(1), "identity", clock.real_now(), tiers.RAPID)
    if time.monotonic() < _missing_until.get(pair, 0):
        counting.count_miss(base, "missing")
        raise RateUnavailable(base, quote, "missing")
    counting.report_hits()
    try:
        usable = load_stored()
    except DatabaseError as error:
        if connection.in_atomic_block:
            raise  # the transaction is broken: nothing may go on inside it
        return _local(base, quote, error)
    if pair not in usable:
        _known.pop((base, quote), None)
        _missing_until[pair] = time.monotonic() + _MISSING_SECONDS
        counting.count_miss(base, "missing")
        raise RateUnavailable(base, quote, "missing")
    return usable[pair]


def _local(base: str, quote: str, error: Exception) -> Quote:
    entry = _known.get((base, quote))
    if entry is None or tiers.tier_of_age(age_of(entry[0])) is None:
        counting.count_miss(base, "database_silent")
        raise RateUnavailable(base, quote, "missing") from error
    counting.count_local_fallback(base, error)
    local = replace(entry[0], tier=tiers.LOCAL)
    _known[base, quote] = (local, time.monotonic() + _SILENT_DATABASE_SECONDS)
    return local


def _usable(base: str, quote: str, rate_text: str, source: str, fetched_at: datetime) -> Quote | None:
    tier = tiers.tier_of_age(abs(clock.real_now() - fetched_at))
    if tier is None:
        return None
    rate = price_of_text(rate_text)
    if not rate.is_finite() or rate <= 0:
        log.error("stored rate is no price", base=base, quote=quote, rate=rate_text)
        return None
    return Quote(base, quote, rate, source, fetched_at, tier)


def _turned(quote: Quote) -> Quote:
    """The price the other way round, rounded up in the last of 28 digits: what is asked in naira grows by no kobo."""
    rate = _TURNING.divide(Decimal(1), quote.rate)
    return replace(quote, base=quote.quote, quote=quote.base, rate=rate)


def _entries_of(pair: Pair, quote: Quote) -> list[tuple[Pair, tuple[Quote, float]]]:
    until = time.monotonic() + min(RE_READ_SECONDS, tiers.time_left_in_tier(age_of(quote)).total_seconds())
    names = [(base, other) for base in NAMES_OF.get(pair[0], ()) for other in NAMES_OF.get(pair[1], ())]
    return [(name, (quote, until)) for name in names]
