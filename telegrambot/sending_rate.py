"""How many messages a second the bot may send: a row that staff can lower while it runs (N5, O9)."""

from django.conf import settings
from django.db import transaction

from lockbay import clock
from lockbay.people.models import User
from telegrambot.models import SendingRate

MOST_PER_SECOND = 30  # Telegram's own limit


def sending_rate() -> int:
    """What holds now: the row, or the setting where nobody has changed it; never more than the setting allows."""
    row = SendingRate.objects.filter(pk=1).values_list("per_second", flat=True).first()
    most = int(settings.TELEGRAM_SENDS_PER_SECOND)
    return most if row is None else min(row, most)


def set_sending_rate(*, actor: User, per_second: int) -> SendingRate:
    """Holds from the next message on. Raises: ValueError outside 1–30."""
    if not 1 <= per_second <= MOST_PER_SECOND:
        raise ValueError(per_second)
    changes = {"per_second": per_second, "changed_by": actor, "changed_at": clock.real_now()}
    with transaction.atomic():
        return SendingRate.objects.update_or_create(pk=1, defaults=changes)[0]
