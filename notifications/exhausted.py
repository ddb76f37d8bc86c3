"""Nobody could be told: said once in the log for each message, and by one alert an incident (N3, F19)."""

from collections.abc import Sequence

import structlog
from django.db import transaction

from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.recording import NewEvent, record
from lockbay.setsql import update_each
from notifications.models import Delivery

log = structlog.get_logger(__name__)


def record_exhausted(deliveries: Sequence[Delivery]) -> None:
    """Logs each message that reached nobody, once until it is sent again, and records it, so that staff are alerted;
    inside the transaction that found out. What staff themselves did not get is logged only."""
    said_before = _messages_of(deliveries)
    now = clock.real_now()
    fresh = update_each(
        Delivery,
        [{"id": delivery.pk, "exhausted_at": now} for delivery in sorted(deliveries, key=lambda row: row.pk)],
        where="t.exhausted_at IS NULL",
    )
    lost = [row for row in deliveries if row.pk in set(fresh) and (row.event_id, row.audience) not in said_before]
    for delivery in lost:
        _log_after_commit(delivery)
    record([_event_of(delivery) for delivery in lost if not (delivery.is_for_staff or _is_a_proof(delivery))])


def forget_exhausted(*, event_ids: Sequence[int], audiences: Sequence[str]) -> None:
    """These messages are sent again: when they reach nobody once more, that is news again."""
    Delivery.objects.filter(event__in=event_ids, audience__in=audiences).update(exhausted_at=None)


def _messages_of(deliveries: Sequence[Delivery]) -> set[tuple[int, str]]:
    """The same messages, where another channel's end was said already."""
    said = Delivery.objects.filter(event__in=[row.event_id for row in deliveries], exhausted_at__isnull=False)
    return set(said.values_list("event_id", "audience"))


def _is_a_proof(delivery: Delivery) -> bool:
    """To an address that is being proved: who mistyped it notices, and strangers' typing errors alarm nobody."""
    return delivery.audience.startswith("contact:")


def _event_of(delivery: Delivery) -> NewEvent:
    data = {
        "public_id": delivery.event.data.get("public_id", ""),
        "audience": delivery.audience,
        "template": delivery.template,
        "channel": delivery.channel,
        "reason": delivery.error,
    }
    return NewEvent(Kind.DELIVERIES_EXHAUSTED, "delivery", delivery.pk, data=data)


def _log_after_commit(delivery: Delivery) -> None:
    line = {
        "delivery_id": delivery.pk,
        "audience": delivery.audience,
        "template": delivery.template,
        "channel": delivery.channel,
        "reason": delivery.error,
    }
    word = "STAFF_ALERT_NOT_DELIVERED" if delivery.is_for_staff else "NOTIFICATION_DELIVERY_FAILED"
    transaction.on_commit(lambda: log.error(word, **line))
