"""What a person missed while nothing reached them: the newest word on each subject, sent at the next contact (N2)."""

from django.db.models import Exists, OuterRef

from lockbay import clock
from lockbay.people.models import Channel, User
from notifications.models import Delivery, DeliveryState, Priority

_TOLD = (DeliveryState.SENT, DeliveryState.DELIVERED, DeliveryState.OPENED)


def queue_missed(user: User) -> int:
    """Queues the Telegram messages about money and trades that failed and were told nowhere else; returns how many.

    One a subject, the newest: older ones about the same trade would speak of what is over. What may have arrived
    (uncertain) is not sent again. Texts are rendered as things are now.
    """
    told = Delivery.objects.filter(event_id=OuterRef("event_id"), audience=OuterRef("audience"), state__in=_TOLD)
    missed = Delivery.objects.filter(
        ~Exists(told),
        recipient=user,
        channel=Channel.TELEGRAM.value,
        state=DeliveryState.FAILED,
        is_uncertain=False,
        priority__lte=Priority.TRADE,
    )
    newest: dict[tuple[str, int], int] = {}
    for pk, subject, subject_id in missed.order_by("pk").values_list("pk", "event__subject_type", "event__subject_id"):
        newest[subject, subject_id] = pk
    return Delivery.objects.filter(pk__in=newest.values(), state=DeliveryState.FAILED).update(
        state=DeliveryState.QUEUED, due_at=clock.real_now(), error=""
    )
