"""What the bot need not remember any more (O8): updates long handled, and flows nobody went on with.

Neither is evidence: what an update led to is in the trade's own events. Updates that could not be handled stay.
"""

from datetime import timedelta

from lockbay import clock
from telegrambot.models import Draft, StoredUpdate, UpdateStatus

UPDATES_KEPT_FOR = timedelta(days=30)  # Telegram repeats one for a day at most
DRAFTS_KEPT_FOR = timedelta(days=90)
_AT_ONCE = 1_000  # rows a statement: SQLite's only write lock is let go in between


def forget_old_updates() -> int:
    """Once a day; returns how many rows went."""
    now = clock.real_now()
    handled = StoredUpdate.objects.filter(status=UpdateStatus.DONE, handled_at__lt=now - UPDATES_KEPT_FOR)
    forgotten = 0
    while old := list(handled.order_by("pk").values_list("pk", flat=True)[:_AT_ONCE]):
        forgotten += StoredUpdate.objects.filter(pk__in=old).delete()[0]
    return forgotten + Draft.objects.filter(updated_at__lt=now - DRAFTS_KEPT_FOR).delete()[0]
