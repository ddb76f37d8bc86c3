"""What a source of rates is: a name, how it wants a list of pairs cut, and fetch() over HTTP."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Protocol, runtime_checkable

from django.conf import settings

from lockbay import http
from payments.errors import Rejected, Unavailable, Unintelligible
from payments.rates.currencies import Pair

_LATEST_SECONDS = 10**11


@dataclass(frozen=True)
class Answer:
    """`rate` as the source said it, unchecked; `updated_at` when the source says how old it is (UTC)."""

    rate: Decimal
    updated_at: datetime | None = None


@dataclass(frozen=True)
class Market:
    """What /price shows of a coin: `price` in USD, `change_24h` in per cent, `volume_24h` in USD; None: not said."""

    price: Decimal
    change_24h: Decimal | None = None
    volume_24h: Decimal | None = None
    updated_at: datetime | None = None


class Source(Protocol):
    """One provider of rates. fetch() runs in a thread of its own: no database."""

    name: str

    def batches(self, pairs: Sequence[Pair]) -> list[list[Pair]]:
        """The pairs it knows, in the given order, cut into one list a request."""

    def fetch(self, pairs: Sequence[Pair]) -> dict[Pair, Answer]:
        """One request. A pair it has no answer for is left out. Raises: ProviderError."""


@runtime_checkable
class MarketSource(Protocol):
    """A source that also knows a coin's day."""

    name: str

    def fetch_market(self, coins: Iterable[str]) -> dict[str, Market]:
        """One request for all of `coins`; a coin it does not know is left out. Raises: ProviderError."""


def get_json(source: str, url: str, *, headers: Mapping[str, str], params: Mapping[str, str]) -> dict[str, Any]:
    """GETs a JSON object whose numbers are Decimals. Raises: Unavailable, Rejected, Unintelligible."""
    found = get_any_json(source, url, headers=headers, params=params)
    if not isinstance(found, dict):
        raise Unintelligible(source, "not an object")
    return found


def get_any_json(source: str, url: str, *, headers: Mapping[str, str], params: Mapping[str, str]) -> Any:
    """GETs JSON whose numbers are Decimals. Raises: Unavailable, Rejected, Unintelligible."""
    try:
        response = http.request("GET", url, headers=headers, params=params, timeout=settings.RATE_FETCH_SECONDS)
    except http.HTTPError as error:
        raise Unavailable(source, type(error).__name__) from error
    if response.status_code in {400, 401, 403}:
        raise Rejected(source, f"status {response.status_code}")
    if response.status_code != 200:
        raise Unavailable(source, f"status {response.status_code}")
    try:
        return json.loads(response.content, parse_float=Decimal, parse_int=Decimal)
    except (ValueError, RecursionError) as error:
        raise Unintelligible(source, "not JSON") from error


def section_of(source: str, found: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The object under `name`. Raises: Unintelligible."""
    section = found.get(name)
    if not isinstance(section, dict):
        raise Unintelligible(source, f"no {name}")
    return section


def number_of(source: str, value: Any) -> Decimal:
    """A number, or text that is one; NaN and infinities come through and are refused later. Raises: Unintelligible."""
    try:
        return Decimal(value if isinstance(value, str | Decimal) else str(value))
    except InvalidOperation as error:
        raise Unintelligible(source, "a rate that is no number") from error


def moment_of(source: str, value: Any) -> datetime:
    """Seconds since 1970 as a moment. Raises: Unintelligible, also for numbers that only an attacker would send."""
    seconds = number_of(source, value)
    if not seconds.is_finite() or not 0 < seconds < _LATEST_SECONDS:
        raise Unintelligible(source, "a moment that is no time")
    return datetime.fromtimestamp(int(seconds), UTC)
