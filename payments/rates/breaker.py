"""Leaves a failing source of rates alone for a while (R2). The state is a row, so that all processes share it.

Written outside money transactions only: the callers are about to use the network.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import F

from lockbay import clock
from payments.models import RateBreaker
from payments.rates import counting


def may_ask(source: str) -> bool:
    """False while the breaker is open. After that one caller may try at a time; the others wait as long again."""
    breaker = RateBreaker.objects.filter(pk=source).first()
    if breaker is None or breaker.open_until is None:
        return True
    if breaker.open_until > clock.real_now():
        return False
    claimed = RateBreaker.objects.filter(pk=source, open_until=breaker.open_until).update(open_until=_until())
    return claimed == 1


def record_success(source: str) -> None:
    """Closes the breaker."""
    RateBreaker.objects.filter(pk=source).exclude(failures=0, open_until=None).update(failures=0, open_until=None)


def record_failure(source: str) -> None:
    """Counts a failure; the third in a row opens the breaker, and so does each one after it."""
    RateBreaker.objects.get_or_create(pk=source)
    RateBreaker.objects.filter(pk=source).update(failures=F("failures") + 1)
    failures = RateBreaker.objects.values_list("failures", flat=True).get(pk=source)
    if failures >= settings.RATE_BREAKER_FAILURES:
        RateBreaker.objects.filter(pk=source).update(open_until=_until())
        counting.count_breaker_open(source, failures, settings.RATE_BREAKER_SECONDS)


def _until() -> datetime:
    return clock.real_now() + timedelta(seconds=settings.RATE_BREAKER_SECONDS)
