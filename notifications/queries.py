"""What can be shown of who was told (N8). No locks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from notifications.models import Delivery, DeliveryState


@dataclass(frozen=True)
class Told:
    """One person by one channel. `told_at` is None until a channel accepted the message; times are real time."""

    audience: str
    channel: str
    state: DeliveryState
    is_uncertain: bool
    told_at: datetime | None
    opened_at: datetime | None


def told_of(event_id: int) -> Sequence[Told]:
    """Who was told of an event, in the order in which it was tried."""
    return [
        Told(
            row.audience,
            row.channel,
            DeliveryState(row.state),
            row.is_uncertain,
            row.delivered_at or row.sent_at,
            row.opened_at,
        )
        for row in Delivery.objects.filter(event_id=event_id).order_by("pk")
    ]
