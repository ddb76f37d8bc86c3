"""What a person missed while nothing reached them: the newest word on each subject, sent at the next contact (N2)."""

from collections.abc import Iterable

from django.db.models import Exists, OuterRef

from lockbay import clock
from lockbay.people.models import Channel, User
from lockbay.setsql import insert_new
from notifications.exhausted import forget_exhausted
from notifications.fanout import new_row
from notifications.models import Delivery, DeliveryState, Priority
from notifications.reach import ORDER

_TOLD = (DeliveryState.SENT, DeliveryState.DELIVERED, DeliveryState.OPENED)


def queue_missed(user: User) -> int:
    """Queues for Telegram the messages about money and trades that failed and were told nowhere; returns how many.

    Also those that were only tried elsewhere, because the bot was blocked. One a subject, the newest: older ones about
    the same trade would speak of what is over. What may have arrived (uncertain) is not sent again. Texts are rendered
    as things are now.
    """
    same = Delivery.objects.filter(event_id=OuterRef("event_id"), audience=OuterRef("audience"))
    missed = Delivery.objects.filter(
        ~Exists(same.filter(state__in=_TOLD)),
        ~Exists(same.filter(channel=Channel.TELEGRAM.value).exclude(state=DeliveryState.FAILED)),
        recipient=user,
        channel__in=ORDER,
        state=DeliveryState.FAILED,
        is_uncertain=False,
        priority__lte=Priority.TRADE,
    ).exclude(audience__contains=":")
    newest: dict[tuple[str, int], Delivery] = {}
    for row in missed.select_related("event").order_by("pk"):
        newest[row.event.subject_type, row.event.subject_id] = row
    return _try_again(user, newest.values()) + _try_here(user, newest.values())


def _try_again(user: User, rows: Iterable[Delivery]) -> int:
    events = [row.event_id for row in rows]
    forget_exhausted(event_ids=events, audiences=sorted({row.audience for row in rows}))
    failed = Delivery.objects.filter(
        recipient=user,
        event_id__in=events,
        channel=Channel.TELEGRAM.value,
        state=DeliveryState.FAILED,
        is_uncertain=False,
    ).exclude(audience__contains=":")
    return failed.update(state=DeliveryState.QUEUED, due_at=clock.real_now(), error="")


def _try_here(user: User, rows: Iterable[Delivery]) -> int:
    """What was never tried on Telegram; a row that is there already is left as it is."""
    here = [
        new_row(
            event_id=row.event_id,
            recipient_id=user.pk,
            audience=row.audience,
            channel=Channel.TELEGRAM.value,
            template=row.template,
            priority=row.priority,
            now=clock.real_now(),
        )
        for row in rows
        if row.channel != Channel.TELEGRAM.value
    ]
    return len(insert_new(Delivery, here, unique="event,audience,channel", returning=["id"]))
