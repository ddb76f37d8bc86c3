"""What /ready says about money on its way in: rates and the inbox."""

from datetime import timedelta

from django.conf import settings

from lockbay import clock
from lockbay.observability.health import Result, register_check
from payments.models import InboxEvent, StoredRate
from payments.rates.currencies import PAIRS
from payments.rates.prewarm import last_prewarm
from payments.states import InboxStatus


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
    due = InboxEvent.objects.filter(status=InboxStatus.PENDING, next_try_at__lte=clock.now())
    first = due.order_by("next_try_at").values_list("next_try_at", flat=True).first()
    if first is None:
        return Result(True, "nothing due")
    waiting = clock.now() - first
    return Result(
        waiting <= settings.INBOX_BACKLOG_LIMIT, f"{due.count()} due, first for {waiting.total_seconds():.0f} s"
    )


def _minutes(age: timedelta) -> int:
    return int(age.total_seconds() // 60)
