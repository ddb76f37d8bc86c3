"""Staff send a message again that failed, was skipped, or perhaps never arrived (N3)."""

from django.db import transaction

from lockbay import clock, jobs
from lockbay.events.kinds import Kind
from lockbay.events.recording import NewEvent, record
from lockbay.people.models import User
from notifications.errors import NotResendable, ReasonMissing
from notifications.exhausted import forget_exhausted
from notifications.models import Delivery, DeliveryState

RESENDABLE = frozenset({DeliveryState.FAILED, DeliveryState.SKIPPED})


def resend_delivery(*, actor: User, delivery_id: int, reason: str) -> Delivery:
    """Queues the delivery for now. Its earlier tries stay; who asked and why becomes an event.

    Raises: ReasonMissing, NotResendable, Delivery.DoesNotExist.
    """
    if not reason.strip():
        raise ReasonMissing
    with transaction.atomic(durable=True):
        delivery = Delivery.objects.select_for_update(no_key=True).get(pk=delivery_id)
        if delivery.state not in RESENDABLE:
            raise NotResendable(delivery.state)
        delivery.state, delivery.due_at = DeliveryState.QUEUED, clock.real_now()
        delivery.is_uncertain, delivery.error = False, ""
        delivery.save(update_fields=["state", "due_at", "is_uncertain", "error"])
        forget_exhausted(event_ids=[delivery.event_id], audiences=[delivery.audience])
        said = {
            "reason": reason.strip(),
            "template": delivery.template,
            "audience": delivery.audience,
            "tries": delivery.attempts,  # it was sent again after so many
        }
        record([NewEvent(Kind.DELIVERY_RESENT, "delivery", delivery.pk, actor_id=actor.pk, data=said)])
        jobs.wake("fan_out")
    return delivery
