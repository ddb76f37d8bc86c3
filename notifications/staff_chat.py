"""The staff's group in Telegram: a further channel of what staff are told, sent by the bot (N6).

Its deliveries have no recipient; the audience says where they go. A group that becomes a supergroup gets a new id: the
bot learns it when it sends, and a row remembers it for the group that the setting names.
"""

from collections.abc import Collection

import structlog
from django.conf import settings

from lockbay import clock
from notifications.models import StaffChat

log = structlog.get_logger(__name__)

AUDIENCE = "staff:chat"


def is_configured() -> bool:
    """Whether staff have a group."""
    return bool(settings.STAFF_CHAT_ID)


def chat_id() -> int:
    """Where the group is now; 0 without one."""
    moved = StaffChat.objects.filter(pk=settings.STAFF_CHAT_ID).values_list("moved_to", flat=True).first()
    return int(moved or settings.STAFF_CHAT_ID)


def is_among(chats: Collection[int]) -> bool:
    """Whether the group is one of `chats`; groups have negative ids, so most of the time nothing is read."""
    return any(chat < 0 for chat in chats) and chat_id() in chats


def note_moved(old: int, new: int) -> None:
    """Telegram said that the group `old` is `new` now; nothing when it is not the staff's."""
    if old != chat_id() or not is_configured():
        return
    StaffChat.objects.update_or_create(
        pk=settings.STAFF_CHAT_ID, defaults={"moved_to": new, "moved_at": clock.real_now()}
    )
    log.warning("STAFF_CHAT_MOVED", configured=settings.STAFF_CHAT_ID, chat_id=new)
