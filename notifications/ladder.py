"""From one channel to the next: opened when the one before failed or took too long, skipped when not needed (N2).

Called inside the transaction that found out. An e-mail that was sent does not take back the Telegram message: that
one carries the buttons, so it stays queued and arrives when the bot is back, once (F1), for up to GIVE_UP_AFTER.
"""

from lockbay import clock
from lockbay.people.models import Channel, Contact, User
from lockbay.setsql import insert_new
from notifications.exhausted import record_exhausted
from notifications.fanout import new_row
from notifications.models import Delivery, DeliveryState
from notifications.preferences import category_of, next_wanted_channel
from notifications.reach import channels_after, limit_of, reachable_channels

# After so many tries without success the next channel is opened, or staff are told, while the tries go on.
STUCK_AFTER = 5

_TOLD = (DeliveryState.SENT, DeliveryState.DELIVERED, DeliveryState.OPENED)


def step_down(row: Delivery) -> None:
    """`row` has failed for good: opens the next channel, or says that nobody could tell this person."""
    if open_next_channel(row) or siblings_of(row).filter(state__in=_TOLD).exists():
        return
    record_exhausted([row])


def step_down_when_stuck(row: Delivery) -> None:
    """`row` is being retried; once, after STUCK_AFTER tries, it is treated as if it had failed. The tries go on."""
    if row.attempts == STUCK_AFTER:
        step_down(row)


def open_next_channel(row: Delivery) -> bool:
    """Queues the message on the next channel that reaches the person; False when there is none that may still work."""
    if row.recipient is None or ":" in row.audience:
        return False  # staff, addresses that are being proved and announcements have this one channel
    channel = next_wanted_channel(row.recipient, row.channel, category_of(row.template, row.priority))
    if channel is None:
        return False
    now = clock.real_now()
    queued = new_row(
        event_id=row.event_id,
        recipient_id=row.recipient_id,
        audience=row.audience,
        channel=channel,
        template=row.template,
        priority=row.priority,
        now=now,
    )
    queued["fallback_at"] = limit_of(channel, reachable_channels(row.recipient), row.priority, now)
    if insert_new(Delivery, [queued], unique="event,audience,channel", returning=["id"]):
        return True
    return (
        siblings_of(row)
        .filter(channel=channel)
        .exclude(state__in=[DeliveryState.FAILED, DeliveryState.SKIPPED])
        .exists()
    )


def skip_later_channels(row: Delivery) -> None:
    """`row` was accepted: what waits on a later channel is not needed any more."""
    later = channels_after(row.channel)
    waiting = siblings_of(row).filter(channel__in=later, state=DeliveryState.QUEUED)
    waiting.update(state=DeliveryState.SKIPPED, error=f"told by {row.channel}", fallback_at=None)


def mark_address_dead(row: Delivery, address: str) -> None:
    """Nothing else is sent there until the person proves it again (e-mail) or talks to the bot again (Telegram)."""
    if row.recipient is None:
        return
    if row.channel == Channel.TELEGRAM.value:
        User.objects.filter(pk=row.recipient.pk, blocked_bot_at__isnull=True).update(blocked_bot_at=clock.real_now())
        row.recipient.refresh_from_db(fields=["blocked_bot_at"])
        return
    contacts = Contact.objects.filter(user=row.recipient, channel=row.channel, address=address, dead_at__isnull=True)
    contacts.update(dead_at=clock.real_now(), dead_reason=row.error[:200])


def siblings_of(row: Delivery):  # type: ignore[no-untyped-def]
    """The same message to the same person on the other channels."""
    return Delivery.objects.filter(event_id=row.event_id, audience=row.audience).exclude(pk=row.pk)
