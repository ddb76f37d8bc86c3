"""Short ways to events and deliveries."""

from datetime import timedelta
from typing import Any

from django.db import transaction

from escrows.models import Escrow
from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.models import Event
from lockbay.events.recording import NewEvent, record
from lockbay.people.models import Channel, Contact, User
from notifications.fanout import fan_out
from notifications.models import Delivery, DeliveryState, PendingFanout

PAID = {
    "received": "21.00 USDT",
    "value": "21.00 USD",
    "expected": "21.00 USD",
    "variance": "exact",
    "message_level": "none",
    "difference": "0.00 USD",
    "credited": "0.00 USD",
    "deposit_reference": "tx-1",
}


def has_email(user: User, address: str = "") -> Contact:
    """Gives a person a proved e-mail address."""
    return Contact.objects.create(
        user=user,
        channel=Channel.EMAIL,
        address=address or f"{user.username}@example.org",
        verified_at=clock.real_now(),
    )


def happened(kind: Kind, escrow: Escrow, *, actor: User | None = None, **data: Any) -> Event:
    """Records a fact of a trade and nothing else."""
    with transaction.atomic():
        Escrow.objects.locked(escrow.pk).get()
        facts = {"public_id": escrow.public_id, **data}
        return record([NewEvent(kind, "escrow", escrow.pk, actor_id=actor.pk if actor else None, data=facts)])[0]


def forget_the_past() -> None:
    """Drops what building the story queued, so that a test sees its own messages only."""
    PendingFanout.objects.all().delete()
    Delivery.objects.all().delete()


def told(kind: Kind, escrow: Escrow, *, actor: User | None = None, **data: Any) -> Event:
    """The fact, fanned out; earlier messages are forgotten."""
    forget_the_past()
    event = happened(kind, escrow, actor=actor, **data)
    while fan_out():
        pass
    return event


def lines_of(event: Event) -> set[tuple[str, str, str]]:
    """(audience, channel, template) of every delivery."""
    return set(Delivery.objects.filter(event=event).values_list("audience", "channel", "template"))


def the_delivery(event: Event, audience: str, channel: str = "telegram") -> Delivery:
    """The one delivery."""
    return Delivery.objects.get(event=event, audience=audience, channel=channel)


def lease_runs_out(delivery: Delivery) -> None:
    """As if the process that held it had been killed a while ago."""
    Delivery.objects.filter(pk=delivery.pk, state=DeliveryState.SENDING).update(
        lease_until=clock.real_now() - timedelta(seconds=1)
    )


def is_due_now(delivery: Delivery) -> None:
    """As if the pause before the next try were over."""
    Delivery.objects.filter(pk=delivery.pk).update(due_at=clock.real_now())


def limit_passes(event: Event) -> None:
    """As if the channel's limit were over."""
    Delivery.objects.filter(event=event, fallback_at__isnull=False).update(fallback_at=clock.real_now())
