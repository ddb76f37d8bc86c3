"""Stored updates: written down before Telegram is told that we have them, then worked off in order per chat (F3)."""

from collections.abc import Collection, Sequence
from typing import Any

from django.db.models import F

from lockbay import clock
from lockbay.setsql import insert_new
from telegrambot.models import StoredUpdate, UpdateStatus

RawUpdate = dict[str, Any]
_LONGEST_ERROR = 8_000


def store_updates(batch: Sequence[RawUpdate]) -> int:
    """Stores the updates that are new and returns how many were; one statement for the whole batch."""
    now = clock.real_now()
    rows = [
        {
            "update_id": update["update_id"],
            "chat_id": chat_of(update),
            "body": update,
            "status": UpdateStatus.STORED.value,
            "attempts": 0,
            "error": "",
            "received_at": now,
        }
        for update in batch
    ]
    return len(insert_new(StoredUpdate, rows, unique="update_id", returning=["update_id"]))


def chat_of(update: RawUpdate) -> int | None:
    """The chat whose order the update keeps; the presser's own id when the chat is not told."""
    for part in (value for value in update.values() if isinstance(value, dict)):
        message = part.get("message")
        for place in (part, message if isinstance(message, dict) else {}):
            chat = place.get("chat")
            if isinstance(chat, dict) and isinstance(chat.get("id"), int):
                return int(chat["id"])
        sender = part.get("from")
        if isinstance(sender, dict) and isinstance(sender.get("id"), int):
            return int(sender["id"])
    return None


def waiting_updates(*, besides_chats: Collection[int | None], limit: int) -> list[tuple[int, int | None]]:
    """(update id, chat id) of unhandled updates of other chats, oldest first."""
    rows = StoredUpdate.objects.filter(status=UpdateStatus.STORED)
    known = [chat_id for chat_id in besides_chats if chat_id is not None]
    if known:
        rows = rows.exclude(chat_id__in=known)
    if None in besides_chats:
        rows = rows.exclude(chat_id__isnull=True)
    return list(rows.order_by("update_id").values_list("update_id", "chat_id")[:limit])


def begin_attempt(update_id: int) -> StoredUpdate | None:
    """Counts an attempt before it is made, so that a crash counts too; None when the update is not waiting any more."""
    waiting = StoredUpdate.objects.filter(pk=update_id, status=UpdateStatus.STORED)
    if not waiting.update(attempts=F("attempts") + 1):
        return None
    return StoredUpdate.objects.get(pk=update_id)


def forgive_attempt(update_id: int) -> None:
    """Takes an attempt back: Telegram could not be reached, which says nothing about the update."""
    StoredUpdate.objects.filter(pk=update_id, attempts__gt=0).update(attempts=F("attempts") - 1)


def note_failure(update_id: int, traceback: str) -> None:
    """Keeps what went wrong; the update stays waiting."""
    StoredUpdate.objects.filter(pk=update_id).update(error=traceback[-_LONGEST_ERROR:])


def mark_done(update_id: int) -> None:
    """The update was handled."""
    StoredUpdate.objects.filter(pk=update_id).update(status=UpdateStatus.DONE, handled_at=clock.real_now())


def park(update_id: int) -> None:
    """Puts a poison update aside; its traceback stays with it."""
    StoredUpdate.objects.filter(pk=update_id).update(status=UpdateStatus.PARKED, handled_at=clock.real_now())


def reference_of(update_id: int) -> str:
    """The short support reference of an update: people can read it out, staff find the row by it."""
    return f"U-{update_id}"
