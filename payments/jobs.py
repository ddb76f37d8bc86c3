"""The scheduled work of this room (lockbay/jobs.py lists when). Every job may be killed and started again at any
point."""

import structlog

from lockbay import clock
from payments.actions.apply_event import drain
from payments.actions.ask_provider import ask_provider
from payments.models import Intent

log = structlog.stdlib.get_logger(__name__)

# Below the queue's time-out: what is left is woken up again.
_SWEEP_BUDGET_MS = 40_000
_MOST_QUESTIONS = 50


def drain_inbox() -> int:
    """Applies what requests left behind, and retries what is due."""
    return drain(_SWEEP_BUDGET_MS)


def ask_quiet_intents() -> int:
    """Asks providers about intents from which nothing was heard, and finishes requests that a crash left half done.

    Returns how many answers brought news.
    """
    due = Intent.objects.filter(ask_due_at__lte=clock.now()).order_by("ask_due_at").values_list("pk", flat=True)
    news = [inbox_id for pk in list(due[:_MOST_QUESTIONS]) if (inbox_id := ask_provider(intent_id=pk)) is not None]
    if news:
        log.info("QUIET_INTENTS_ANSWERED", inbox_ids=news)
        drain(_SWEEP_BUDGET_MS)
    return len(news)


def refresh_rates() -> None:
    """Fetches fresh rates (R4)."""
    from payments.rates.refresh import refresh_rates as refresh

    refresh()
