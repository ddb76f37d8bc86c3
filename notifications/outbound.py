"""The worker's sending loop over every channel but Telegram: one claim at a time, a budget for each channel.

A killed worker leaves at most one uncertain message a channel behind. Channels with something due are served side by
side: one that hangs costs its own time and nobody else's. Nothing here needs the bot.
"""

import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import structlog
from django.db import InterfaceError, OperationalError, connection

from lockbay.people.models import Contact
from notifications import sending
from notifications.channels import ADAPTERS, channel_of
from notifications.channels.base import Accepted, ChannelError, ChannelUnavailable, Rejected
from notifications.models import Delivery
from notifications.reach import address_of
from notifications.rendering import render

log = structlog.get_logger(__name__)


def send_due(channels: Iterable[str] = tuple(ADAPTERS), *, limit: int = 100, seconds: float = 20.0) -> int:
    """Tries what is due until nothing is, at most `limit` messages and `seconds` a channel; returns how many it tried.

    Threads are used only when several channels have something due, so that none waits for another.
    """
    busy = [channel for channel in channels if sending.is_due(channel)]
    if len(busy) < 2:
        return sum(_send_channel(channel, limit, seconds) for channel in busy)
    with ThreadPoolExecutor(len(busy), thread_name_prefix="channel") as pool:
        return sum(pool.map(lambda channel: _send_in_thread(channel, limit, seconds), busy))


def is_anything_due() -> bool:
    """Whether a channel of the worker has something to try now; takes no lock."""
    return any(sending.is_due(channel) for channel in ADAPTERS)


def _send_in_thread(channel: str, limit: int, seconds: float) -> int:
    try:
        return _send_channel(channel, limit, seconds)
    finally:
        connection.close()


def _send_channel(channel: str, limit: int, seconds: float) -> int:
    tried, ends = 0, time.monotonic() + seconds
    while tried < limit and time.monotonic() < ends:
        claimed = sending.claim(channel)
        if not claimed:
            break
        _send_one(claimed[0])
        tried += 1
    return tried


def _send_one(claimed: sending.Claimed) -> None:
    delivery, address = claimed.delivery, ""
    try:
        if sending.skip_overtaken(claimed):
            return
        address = address_for(delivery)
        answer = _try(delivery, address)
    except (OperationalError, InterfaceError):  # the database's trouble: the lease runs out, and it is tried again
        raise
    except Exception as bug:
        # A broken template or backend must not hold the queue: the try is recorded with its name, and made again later.
        log.exception("delivery_broke", delivery_id=delivery.pk, template=delivery.template)
        answer = ChannelUnavailable(f"{type(bug).__name__} while sending")
    sending.settle(claimed, answer, address=address)


def _try(delivery: Delivery, address: str) -> Accepted | ChannelError:
    adapter = channel_of(delivery.channel)
    if not adapter.is_configured():
        return Rejected("the channel is not set up")
    if not address:
        return Rejected("no live address")
    try:
        return adapter.send(render(delivery, delivery.channel), address, message_key=message_key_of(delivery))
    except ChannelError as answer:
        return answer


def message_key_of(delivery: Delivery) -> str:
    """The same for every copy of a message. PagerDuty goes by the incident: what becomes of it has the same key."""
    if delivery.channel == "pagerduty" and delivery.incident_id is not None:
        return f"incident-{delivery.incident_id}"
    return f"delivery-{delivery.pk}"


def address_for(delivery: Delivery) -> str:
    """Where this delivery goes now; "" when the address is gone."""
    kind, _, rest = delivery.audience.partition(":")
    if kind == "staff":
        return rest
    if kind == "contact":
        asked = Contact.objects.filter(pk=rest, user=delivery.recipient, channel=delivery.channel, dead_at=None)
        return asked.values_list("address", flat=True).first() or ""
    return address_of(delivery.recipient, delivery.channel) if delivery.recipient else ""
