"""Staff send a message again that failed, was skipped, or perhaps never arrived (N3)."""

from collections.abc import Sequence

from django.db import transaction

from lockbay import clock, jobs
from lockbay.events.kinds import Kind
from lockbay.events.recording import NewEvent, record
from lockbay.people.models import User
from lockbay.setsql import update_each
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
        resend_within(actor=actor, deliveries=[delivery], reason=reason.strip())
    return delivery


def resend_within(*, actor: User, deliveries: Sequence[Delivery], reason: str) -> None:
    """The same for rows that the caller has locked and found resendable, in the caller's transaction."""
    now = clock.real_now()
    for delivery in deliveries:
        delivery.state, delivery.due_at = DeliveryState.QUEUED, now
        delivery.is_uncertain, delivery.error = False, ""
    names = ("id", "state", "due_at", "is_uncertain", "error")
    update_each(Delivery, [{name: getattr(row, name) for name in names} for row in deliveries])
    forget_exhausted(
        event_ids=[row.event_id for row in deliveries], audiences=sorted({row.audience for row in deliveries})
    )
    record([_event_of(row, actor, reason) for row in deliveries])
    jobs.wake("fan_out")


def _event_of(delivery: Delivery, actor: User, reason: str) -> NewEvent:
    said = {
        "reason": reason,
        "template": delivery.template,
        "audience": delivery.audience,
        "tries": delivery.attempts,  # it was sent again after so many
    }
    return NewEvent(Kind.DELIVERY_RESENT, "delivery", delivery.pk, actor_id=actor.pk, data=said)
