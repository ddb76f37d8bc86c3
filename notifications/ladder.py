"""From one channel to the next: opened when the one before failed or took too long, skipped when not needed (N2).

Called inside the transaction that found out. An e-mail that was sent does not take back the Telegram message: that
one carries the buttons, so it stays queued and arrives when the bot is back, once (F1), for up to GIVE_UP_AFTER.
"""

from datetime import datetime

from django.db.models import Q

from lockbay import clock
from lockbay.events.models import Event
from lockbay.people.models import Channel, Contact, User
from lockbay.setsql import insert_new
from notifications.exhausted import record_exhausted
from notifications.fanout import new_row
from notifications.models import Delivery, DeliveryState
from notifications.preferences import category_of, channels_to_try
from notifications.reach import channels_after, limit_of, reachable_channels

# After so many tries without success the next channel is opened, or staff are told, while the tries go on.
STUCK_AFTER = 5

_TOLD = {DeliveryState.SENT, DeliveryState.DELIVERED, DeliveryState.OPENED}
_TRYING = {DeliveryState.QUEUED, DeliveryState.SENDING}


def step_down(row: Delivery) -> None:
    """`row` has failed for good: opens the next channel, or says that nobody could tell this person.

    One channel of an event at a time: two that fail at one moment would each count on the other.
    """
    Event.objects.select_for_update(no_key=True).get(pk=row.event_id)
    if not open_next_channel(row):
        record_exhausted([row])


def step_down_when_stuck(row: Delivery) -> None:
    """`row` is being retried; after STUCK_AFTER tries it is treated as if it had failed, once. The tries go on.

    Also one try later: a process that is killed in the try that counts says nothing.
    """
    if row.attempts in (STUCK_AFTER, STUCK_AFTER + 1):
        step_down(row)


def open_next_channel(row: Delivery) -> bool:
    """Queues the message on the next channel that reaches the person and has not failed yet, unless one has told it
    already or is trying; False when there is none that may still work. One that is stuck itself gives no hope."""
    siblings = list(siblings_of(row).only("channel", "state", "attempts"))
    if any(one.state in _TOLD for one in siblings):
        return True
    tried = {one.channel for one in siblings}
    trying = {one.channel for one in siblings if one.state in _TRYING and one.attempts < STUCK_AFTER}
    if row.recipient is None or ":" in row.audience:
        return False  # staff, addresses that are being proved and announcements have this one channel
    for channel in channels_to_try(row.recipient, row.channel, category_of(row.template, row.priority)):
        if channel not in tried:
            _queue(row, row.recipient, channel)
            return True
        if channel in trying:
            return True
    return False


def _queue(row: Delivery, recipient: User, channel: str) -> None:
    now = clock.real_now()
    queued = new_row(
        event_id=row.event_id,
        recipient_id=recipient.pk,
        audience=row.audience,
        channel=channel,
        template=row.template,
        priority=row.priority,
        now=now,
    )
    queued["fallback_at"] = limit_of(channel, reachable_channels(recipient), row.priority, now)
    insert_new(Delivery, [queued], unique="event,audience,channel", returning=["id"])  # another worker may be faster


def skip_later_channels(row: Delivery) -> None:
    """`row` was accepted: what waits on a later channel is not needed any more."""
    later = channels_after(row.channel)
    waiting = siblings_of(row).filter(channel__in=later, state=DeliveryState.QUEUED)
    waiting.update(state=DeliveryState.SKIPPED, error=_spared_by(row), fallback_at=None)


def reopen_spared(row: Delivery) -> bool:
    """`row` did not tell it after all: what was spared for it is due, unless another channel told it. False when
    nothing was queued."""
    siblings = list(siblings_of(row))
    if any(one.state in _TOLD for one in siblings):
        return False
    spared = [one for one in siblings if one.state == DeliveryState.SKIPPED and one.error == _spared_by(row)]
    now = clock.real_now()
    for one in spared:
        one.state, one.due_at, one.error = DeliveryState.QUEUED, now, ""
        reachable = reachable_channels(row.recipient) if row.recipient else []
        one.fallback_at = limit_of(one.channel, reachable, one.priority, now)
        one.save(update_fields=["state", "due_at", "error", "fallback_at"])
    return bool(spared)


def mark_address_dead(row: Delivery, address: str, *, reason: str, sent_at: datetime) -> None:
    """Nothing else is sent there until the person proves it again (e-mail) or talks to the bot again (Telegram).

    An address that was proved again after the message went out at `sent_at` lives: it was another time that it died.
    """
    if row.recipient is None:
        return
    if row.channel == Channel.TELEGRAM.value:
        User.objects.filter(pk=row.recipient.pk, blocked_bot_at__isnull=True).update(blocked_bot_at=clock.real_now())
        row.recipient.refresh_from_db(fields=["blocked_bot_at"])
        return
    meant = Q(verified_at__isnull=True) | Q(verified_at__lte=sent_at)
    contacts = Contact.objects.filter(
        meant, user=row.recipient, channel=row.channel, address=address, dead_at__isnull=True
    )
    contacts.update(dead_at=clock.real_now(), dead_reason=reason[:200])


def siblings_of(row: Delivery):  # type: ignore[no-untyped-def]
    """The same message to the same person on the other channels."""
    return Delivery.objects.filter(event_id=row.event_id, audience=row.audience).exclude(pk=row.pk)


def _spared_by(row: Delivery) -> str:
    return f"told by {row.channel}"
