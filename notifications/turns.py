"""Whose turn it is on a channel that wants one message a chat at a time, in order (N5, F13).

Read from the rows, so that the order of a chat also survives a restart.
"""

from collections.abc import Callable, Collection
from datetime import timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet

from lockbay import clock
from notifications import staff_chat
from notifications.ladder import STUCK_AFTER
from notifications.models import Delivery, DeliveryState

_LONGEST_BEHIND = timedelta(minutes=2)  # a message that waits longer than this does not hold up later ones


def in_turn(except_chats: Collection[int]) -> Callable[[QuerySet], QuerySet]:
    """For claim(): leaves out the chats that have their pause, and what a more urgent or an earlier message to the same
    person still has to go before. One that was refused again and again holds up nobody."""

    def narrow(due: QuerySet) -> QuerySet:
        earlier = Delivery.objects.filter(
            channel=OuterRef("channel"),
            recipient_id=OuterRef("recipient_id"),
            state__in=[DeliveryState.QUEUED, DeliveryState.SENDING],
            due_at__lt=clock.real_now() + _LONGEST_BEHIND,
            attempts__lt=STUCK_AFTER,
        ).filter(Q(priority__lt=OuterRef("priority")) | Q(priority=OuterRef("priority"), pk__lt=OuterRef("pk")))
        free = due.exclude(recipient__telegram_id__in=list(except_chats)) if except_chats else due
        if staff_chat.is_among(except_chats):
            free = free.exclude(audience=staff_chat.AUDIENCE)
        return free.filter(~Exists(earlier))

    return narrow
