"""Many people with phones and many messages for them, without the trades that would take minutes to make."""

from typing import Any

from django.db import transaction

from lockbay.events.kinds import Kind
from lockbay.events.models import Event
from lockbay.events.recording import NewEvent, record
from lockbay.people.models import User
from telegrambot.sandbox.testing import SandboxClient

# Kind -> what its notice needs; payment, trade and reminder, in the order of urgency.
FACTS: dict[Kind, dict[str, Any]] = {
    Kind.DEPOSIT_CREDITED: {"value": "21.00 USD", "received": "21.00 USDT"},
    Kind.AFFILIATE_EARNED: {"money": "0.50 USD"},
    Kind.REFERRAL_JOINED: {},
}


def crowd_of(number: int, phones: SandboxClient | None = None, *, first: int = 0) -> list[User]:
    """People p<first>, p<first + 1>, … with accounts, and with phones that pressed Start when `phones` are given."""
    chats = {f"p{place}": 7_000_000 + place for place in range(first, first + number)}
    if phones is not None:
        for name in chats:
            chats[name] = phones.add_person(name, first_name=name.title(), username=name)
            phones.start(name)
    users = [User(username=name, telegram_id=chat, first_name=name.title()) for name, chat in chats.items()]
    return User.objects.bulk_create(users)


def happened_to(users: list[User], kind: Kind, *, times: int = 1) -> list[Event]:
    """Each of them is told `times` times, in turns."""
    with transaction.atomic():
        return record(
            [
                NewEvent(kind, "deposit", 1_000 * turn + place, data={**FACTS[kind], "user_id": user.pk})
                for turn in range(times)
                for place, user in enumerate(users)
            ]
        )
