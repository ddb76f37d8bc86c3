"""What /ready says about money on its way in: rates, the inbox and the providers."""

from datetime import timedelta

from django.conf import settings
from django.db.models import Count, Min
from django.db.models.functions import Coalesce

from lockbay import clock
from lockbay.observability.health import Result, register_check
from payments import breaker, inbox
from payments.models import StoredRate
from payments.rates.currencies import PAIRS
from payments.rates.prewarm import last_prewarm


def register_payment_checks() -> None:
    """Called once at start."""
    register_check("rates", check_rates)
    register_check("inbox", check_inbox)
    register_check("providers", check_providers)


def check_rates() -> Result:
    """Red when a pair is missing or older than the main tier, or a failed prewarm has not been healed by a refresh.

    Names every such pair, and says why: sources whose breaker is open, and what went wrong at start.
    """
    now = clock.real_now()
    fetched_at = {(row.base, row.quote): row.fetched_at for row in StoredRate.objects.all()}
    missing = [f"{base}-{quote}" for base, quote in PAIRS if (base, quote) not in fetched_at]
    ages = {f"{base}-{quote}": now - fetched_at[base, quote] for base, quote in PAIRS if (base, quote) in fetched_at}
    stale = [f"{name} ({_minutes(age)} min)" for name, age in ages.items() if age > settings.RATE_TIER_MAIN]
    found = []
    if missing:
        found.append(f"{len(missing)} of {len(PAIRS)} missing: {', '.join(missing)}")
    if stale:
        found.append(f"{len(stale)} of {len(PAIRS)} stale: {', '.join(stale)}")
    failed = last_prewarm()
    if failed is not None and not failed.is_complete and (missing or min(fetched_at.values()) < failed.finished_at):
        found.append(f"prewarm: {failed.cached}/{failed.names}, {'; '.join(failed.errors)}")
    if not found:
        return Result(True, f"{len(PAIRS)} pairs, oldest is {_minutes(max(ages.values()))} min old")
    open_ = sorted(breaker.open_breakers().keys() & set(settings.RATE_SOURCES))
    if open_:
        found.append(f"breaker open: {', '.join(open_)}")
    return Result(False, "; ".join(found))


def check_inbox() -> Result:
    """Red when an event has been due for longer than settings.INBOX_BACKLOG_LIMIT: nobody drains."""
    found = inbox.due().aggregate(count=Count("pk"), first=Min(Coalesce("next_try_at", "received_at")))
    if not found["count"]:
        return Result(True, "nothing due")
    waiting = clock.real_now() - found["first"]
    detail = f"{found['count']} due, first for {waiting.total_seconds():.0f} s"
    return Result(waiting <= settings.INBOX_BACKLOG_LIMIT, detail)


def check_providers() -> Result:
    """Names the providers of new payments that are left alone now; red when that is all of them."""
    open_ = breaker.open_breakers()
    names = {breaker.breaker_of_provider(name): name for name in settings.PAYMENT_PROVIDERS}
    closed = [names[name] for name in sorted(names.keys() & open_.keys())]
    if not closed:
        return Result(True, f"{len(names)} asked")
    return Result(len(closed) < len(names), f"breaker open: {', '.join(closed)}")


def _minutes(age: timedelta) -> int:
    return int(age.total_seconds() // 60)
