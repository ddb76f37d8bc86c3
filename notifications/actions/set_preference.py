"""A person turns a category of messages on or off for a channel (N9)."""

from django.db import transaction

from lockbay.people.models import User
from notifications.errors import WouldBeSilent
from notifications.models import Category, Muted
from notifications.preferences import NEVER_SILENT, mutes_of
from notifications.reach import reachable_channels


def set_preference(*, actor: User, category: Category, channel: str, is_on: bool) -> None:
    """Holds for messages made from now on. Repeating it changes nothing.

    Raises: WouldBeSilent when money or security would reach the person by no channel.
    """
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).get(pk=actor.pk)  # two presses at once must not mute the last two
        if is_on:
            Muted.objects.filter(user=actor, category=category, channel=channel).delete()
            return
        muted = mutes_of([actor.pk]).get(actor.pk, set()) | {(category.value, channel)}
        left = [name for name in reachable_channels(actor) if (category.value, name) not in muted]
        if category in NEVER_SILENT and not left:
            raise WouldBeSilent
        Muted.objects.get_or_create(user=actor, category=category, channel=channel)
