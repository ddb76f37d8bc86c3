"""Telegram user → our user. The Telegram id is the identity; names may change at any time."""

from typing import Any

import telegram
from django.conf import settings
from django.db import IntegrityError, transaction

from lockbay import clock
from lockbay.people.models import User
from notifications.missed import queue_missed

_LONGEST_NAME = 150


def person_of(sender: telegram.User) -> User:
    """The account of a Telegram user: made at the first contact, names kept fresh, reachable again once they write."""
    fresh: dict[str, Any] = {
        "telegram_username": (sender.username or "")[:64],
        "first_name": (sender.first_name or "").replace("\x00", "")[:_LONGEST_NAME],
        "last_name": (sender.last_name or "").replace("\x00", "")[:_LONGEST_NAME],
        "language": known_language(sender.language_code),
        "blocked_bot_at": None,
    }
    user = User.objects.filter(telegram_id=sender.id).first() or _make(sender.id, fresh)
    changed = [name for name, value in fresh.items() if getattr(user, name) != value]
    for name in changed:
        setattr(user, name, fresh[name])
    if changed:
        with transaction.atomic():
            user.save(update_fields=changed)
            if "blocked_bot_at" in changed:
                queue_missed(user)
    return user


def known_language(code: str | None) -> str:
    """The language we speak that comes closest to Telegram's code ("pt-br" → "pt")."""
    spoken = {language for language, _name in settings.LANGUAGES}
    wanted = (code or "").lower()
    return next((known for known in (wanted, wanted.partition("-")[0]) if known in spoken), settings.LANGUAGE_CODE)


def note_blocked(telegram_id: int) -> None:
    """They blocked the bot: other channels take over until they come back (F16)."""
    User.objects.filter(telegram_id=telegram_id, blocked_bot_at=None).update(blocked_bot_at=clock.real_now())


def note_unblocked(telegram_id: int) -> None:
    """They let the bot write again: what they missed comes first."""
    with transaction.atomic():
        user = User.objects.filter(telegram_id=telegram_id).exclude(blocked_bot_at=None).first()
        if user is not None:
            User.objects.filter(pk=user.pk).update(blocked_bot_at=None)
            queue_missed(user)


def _make(telegram_id: int, fresh: dict[str, Any]) -> User:
    user = User(telegram_id=telegram_id, username=f"tg{telegram_id}", **fresh)
    user.set_unusable_password()
    try:
        with transaction.atomic():
            user.save()
    except IntegrityError:  # another process was first
        return User.objects.get(telegram_id=telegram_id)
    return user
