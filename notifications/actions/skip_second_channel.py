"""Paying with a single channel, warned and by one's own choice (N2)."""

from django.db import transaction

from lockbay.events.kinds import Kind
from lockbay.events.models import Event
from lockbay.events.recording import NewEvent, record
from lockbay.people.models import User
from notifications.reach import ORDER, is_offered, reachable_channels


def skip_second_channel(*, actor: User) -> None:
    """Notes that the person was warned and goes on; they are not asked again."""
    with transaction.atomic(durable=True):
        User.objects.select_for_update(no_key=True).get(pk=actor.pk)
        if not _has_skipped(actor):
            record([NewEvent(Kind.SECOND_CHANNEL_SKIPPED, "user", actor.pk, actor_id=actor.pk)])


def must_ask_for_second_channel(user: User) -> bool:
    """Whether a message could be lost with a single channel, another could be added, and nobody has asked yet."""
    reachable = reachable_channels(user)
    could_add = any(is_offered(channel) for channel in ORDER if channel not in reachable)
    return len(reachable) < 2 and could_add and not _has_skipped(user)


def _has_skipped(user: User) -> bool:
    skipped = Event.objects.filter(subject_type="user", subject_id=user.pk, kind=Kind.SECOND_CHANNEL_SKIPPED.value)
    return skipped.exists()
