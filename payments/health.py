"""What /ready says about money on its way in: rates and the inbox."""

from datetime import timedelta

from django.conf import settings
from django.db.models import Count, Min
from django.db.models.functions import Coalesce

from lockbay import clock
from lockbay.observability.health import Result, register_check
from payments import inbox
from payments.models import StoredRate
from payments.rates.currencies import PAIRS
from payments.rates.prewarm import last_prewarm


def register_payment_checks() -> None:
    """Called once at start."""
    register_check("rates", check_rates)
    register_check("inbox", check_inbox)


def check_rates() -> Result:
    """Red when a pair is missing or older than the main tier, or a failed prewarm has not been healed by a refresh."""
    fetched_at = {(row.base, row.quote): row.fetched_at for row in StoredRate.objects.all()}
    missing = [f"{base}-{quote}" for base, quote in PAIRS if (base, quote) not in fetched_at]
    if missing:
        return Result(False, f"{len(missing)} of {len(PAIRS)} missing: {', '.join(missing)}")
    oldest = min(fetched_at[pair] for pair in PAIRS)
    age = clock.real_now() - oldest
    if age > settings.RATE_TIER_MAIN:
        return Result(False, f"oldest is {_minutes(age)} min old")
    failed = last_prewarm()
    if failed is not None and not failed.is_complete and oldest < failed.finished_at:
        return Result(False, f"prewarm: {failed.cached}/{failed.names}, {'; '.join(failed.errors)}")
    return Result(True, f"{len(PAIRS)} pairs, oldest is {_minutes(age)} min old")


def check_inbox() -> Result:
    """Red when an event has been due for longer than settings.INBOX_BACKLOG_LIMIT: nobody drains."""
    found = inbox.due().aggregate(count=Count("pk"), first=Min(Coalesce("next_try_at", "received_at")))
    if not found["count"]:
        return Result(True, "nothing due")
    waiting = clock.real_now() - found["first"]
    detail = f"{found['count']} due, first for {waiting.total_seconds():.0f} s"
    return Result(waiting <= settings.INBOX_BACKLOG_LIMIT, detail)


def _minutes(age: timedelta) -> int:
    return int(age.total_seconds() // 60)
