"""What is counted and logged about rates, by currency; the names are stable, alert rules read them (R6)."""

import structlog

from lockbay.observability.metrics import Tally

log = structlog.get_logger(__name__)

CACHE_HIT = Tally(
    "lockbay_rates_cache_hit", "Look-ups answered by a stored quote that is fresh enough.", ("currency", "tier")
)
CACHE_MISS = Tally("lockbay_rates_cache_miss", "Look-ups without a stored quote that may price money.", ("currency",))
LOCAL_FALLBACK = Tally(
    "lockbay_rates_local_fallback", "Look-ups answered although the database was silent.", ("currency",)
)
EMERGENCY_FETCH_SUCCESS = Tally(
    "lockbay_rates_emergency_fetch_success", "Quotes fetched live because none was left.", ("currency",)
)
ALL_FAILED = Tally(
    "lockbay_rates_all_failed", "Look-ups or fetches after which there was no quote at all.", ("currency",)
)

_reported: dict[tuple[str, ...], int] = {}


def count_miss(currency: str, reason: str) -> None:
    """No stored quote may price `currency`: the caller waits."""
    CACHE_MISS.add(currency)
    ALL_FAILED.add(currency)
    log.warning("WEBHOOK_CACHE_MISS", currency=currency, reason=reason)
    log.warning("WEBHOOK_RATE_METRIC", metric="all_failed", currency=currency, count=1)


def count_local_fallback(currency: str, error: Exception) -> None:
    """The database was silent; the process' own copy answered."""
    LOCAL_FALLBACK.add(currency)
    log.warning("WEBHOOK_RATE_METRIC", metric="local_fallback", currency=currency, count=1, error=type(error).__name__)


def count_emergency(currency: str, *, succeeded: bool) -> None:
    """The worker fetched a quote because none was left."""
    tally, metric = (EMERGENCY_FETCH_SUCCESS, "emergency_fetch_success") if succeeded else (ALL_FAILED, "all_failed")
    tally.add(currency)
    log.warning("WEBHOOK_RATE_METRIC", metric=metric, currency=currency, count=1)


def report_hits() -> None:
    """Logs the hits since the last report, a line a currency: a line a hit would cost more than the hit."""
    fresh: dict[str, int] = {}
    for key, count in list(CACHE_HIT.counts.items()):
        if count > _reported.get(key, 0):
            fresh[key[0]] = fresh.get(key[0], 0) + count - _reported.get(key, 0)
            _reported[key] = count
    for currency, count in fresh.items():
        log.info("WEBHOOK_RATE_METRIC", metric="cache_hit", currency=currency, count=count)
