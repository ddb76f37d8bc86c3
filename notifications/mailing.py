"""Sends due e-mails, one claim at a time, so that a killed worker leaves at most one uncertain message behind."""

import time

import structlog

from lockbay.people.models import Channel, Contact
from notifications import sending
from notifications.channels import email
from notifications.channels.base import Accepted, ChannelError, ChannelUnavailable, Rejected
from notifications.models import Delivery
from notifications.reach import address_of
from notifications.rendering import render

log = structlog.get_logger(__name__)


def send_due_mail(*, limit: int = 100, seconds: float = 20.0) -> int:
    """Tries due e-mails until none is due, `limit` were tried or `seconds` have passed; returns how many were tried."""
    tried, ends = 0, time.monotonic() + seconds
    while tried < limit and time.monotonic() < ends:
        claimed = sending.claim(Channel.EMAIL.value)
        if not claimed:
            break
        _send_one(claimed[0])
        tried += 1
    return tried


def _send_one(claimed: sending.Claimed) -> None:
    if sending.skip_overtaken(claimed):
        return
    address = mail_address_of(claimed.delivery)
    sending.settle(claimed, _try(claimed.delivery, address), address=address)


def _try(delivery: Delivery, address: str) -> Accepted | ChannelError:
    if not address:
        return Rejected("no live e-mail address")
    try:
        return email.send(render(delivery, Channel.EMAIL.value), address, message_key=f"delivery-{delivery.pk}")
    except ChannelError as answer:
        return answer
    except Exception as bug:
        # A broken template or backend must not hold the queue: the try is recorded with its name, and made again later.
        log.exception("delivery_broke", delivery_id=delivery.pk, template=delivery.template)
        return ChannelUnavailable(f"{type(bug).__name__} while sending")


def mail_address_of(delivery: Delivery) -> str:
    """Where this e-mail goes now; "" when the address is gone."""
    kind, _, rest = delivery.audience.partition(":")
    if kind == "staff":
        return rest
    if kind == "contact":
        contact = Contact.objects.filter(pk=rest, user=delivery.recipient, verified_at__isnull=True).first()
        return contact.address if contact else ""
    return address_of(delivery.recipient, Channel.EMAIL.value) if delivery.recipient else ""
