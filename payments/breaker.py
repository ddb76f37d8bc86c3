"""Leaves whoever fails alone for a while: sources of rates (R2) and payment providers (P5).

The state is a row, so that all processes share it; nothing is remembered in memory. Written outside money transactions
only: the callers are about to use the network.
"""

from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db.models import F
from prometheus_client import Gauge

from lockbay import clock
from lockbay.observability.metrics import Tally
from payments.models import Breaker

log = structlog.stdlib.get_logger(__name__)

OPENED = Tally("lockbay_breaker_open", "Times that a source or provider was left alone for a while.", ("source",))
OPEN_UNTIL = Gauge("lockbay_breaker_open_until_seconds", "Unix time until which nobody asks it.", ["source"])
_PROVIDER = "provider:"


def breaker_of_provider(provider: str) -> str:
    """The name of a payment provider's breaker: a source of rates may be called the same."""
    return f"{_PROVIDER}{provider}"


def is_of_provider(source: str) -> bool:
    """True for the breaker of a payment provider, False for one of a source of rates."""
    return source.startswith(_PROVIDER)


def may_ask(source: str) -> bool:
    """False while the breaker is open. After that one caller may try at a time; the others wait as long again."""
    breaker = Breaker.objects.filter(pk=source).first()
    if breaker is None or breaker.open_until is None:
        return True
    if breaker.open_until > clock.real_now():
        return False
    claimed = Breaker.objects.filter(pk=source, open_until=breaker.open_until).update(open_until=_end_for(source))
    return claimed == 1


def record_success(source: str) -> None:
    """Closes the breaker."""
    troubled = Breaker.objects.filter(pk=source).exclude(failures=0, open_until=None)
    if troubled.exists():  # look before taking SQLite's only write lock
        troubled.update(failures=0, open_until=None)
        OPEN_UNTIL.labels(source).set(0)


def record_failure(source: str) -> None:
    """Counts a failure; the last one allowed in a row opens the breaker, and so does each one after it."""
    Breaker.objects.get_or_create(pk=source)
    Breaker.objects.filter(pk=source).update(failures=F("failures") + 1)
    failures = Breaker.objects.values_list("failures", flat=True).get(pk=source)
    most, seconds = _limits_of(source)
    if failures >= most:
        end = _end_for(source)
        Breaker.objects.filter(pk=source).update(open_until=end)
        OPENED.add(source)
        OPEN_UNTIL.labels(source).set(end.timestamp())
        log.error("CIRCUIT_BREAKER_OPEN", source=source, failures=failures, seconds=seconds)


def open_breakers() -> dict[str, datetime]:
    """Until when each open breaker stays open, by name."""
    open_ = Breaker.objects.filter(open_until__gt=clock.real_now()).order_by("pk")
    return {row.source: row.open_until for row in open_ if row.open_until}


def _limits_of(source: str) -> tuple[int, int]:
    if is_of_provider(source):
        return settings.PROVIDER_BREAKER_FAILURES, settings.PROVIDER_BREAKER_SECONDS
    return settings.RATE_BREAKER_FAILURES, settings.RATE_BREAKER_SECONDS


def _end_for(source: str) -> datetime:
    return clock.real_now() + timedelta(seconds=_limits_of(source)[1])
