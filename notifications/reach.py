"""By which channels a person can be reached now, in the order of fallback (N2)."""

from collections.abc import Iterable
from datetime import datetime

from django.conf import settings

from lockbay.people.models import Channel, Contact, User
from notifications.channels import channel_of
from notifications.models import Priority

ORDER: tuple[str, ...] = (
    Channel.TELEGRAM.value,
    Channel.EMAIL.value,
    Channel.SMS.value,
    Channel.WHATSAPP.value,
)


def is_offered(channel: str) -> bool:
    """Whether this installation can send by a channel at all."""
    return channel == Channel.TELEGRAM.value or channel_of(channel).is_configured()


def live_contacts(user_ids: Iterable[int]) -> dict[int, list[Contact]]:
    """Proved addresses that have not bounced, oldest proof first, by person; one query."""
    found: dict[int, list[Contact]] = {}
    contacts = Contact.objects.filter(user_id__in=list(user_ids), verified_at__isnull=False, dead_at__isnull=True)
    for contact in contacts.order_by("verified_at", "pk"):
        found.setdefault(contact.user_id, []).append(contact)
    return found


def channels_of(user: User, contacts: Iterable[Contact]) -> list[str]:
    """The names of the channels that can be tried, best first."""
    proved = {contact.channel for contact in contacts}
    if user.telegram_id is not None and user.blocked_bot_at is None:
        proved.add(Channel.TELEGRAM.value)
    return [channel for channel in ORDER if channel in proved and is_offered(channel)]


def reachable_channels(user: User) -> list[str]:
    """The same, read now."""
    return channels_of(user, live_contacts([user.pk]).get(user.pk, []))


def channels_after(channel: str) -> tuple[str, ...]:
    """The later ones in the order of fallback; none behind a channel of the staff."""
    return ORDER[ORDER.index(channel) + 1 :] if channel in ORDER else ()


def limit_of(channel: str, reachable: Iterable[str], priority: int, now: datetime) -> datetime | None:
    """When the channel behind `channel` is tried too unless this one succeeded; None when nothing is behind it, or
    the message can wait."""
    limit = settings.NOTIFY_LIMITS.get(channel)
    is_last = not set(reachable) & set(channels_after(channel))
    if limit is None or is_last or priority not in (Priority.PAYMENT, Priority.TRADE):
        return None
    return now + limit


def address_of(user: User, channel: str) -> str:
    """Where to send. "" when there is no live address any more."""
    contact = address_in_use(user, channel)
    return contact.address if contact else ""


def address_in_use(user: User, channel: str) -> Contact | None:
    """The one that messages go to: the newest proof wins."""
    contacts = [contact for contact in live_contacts([user.pk]).get(user.pk, []) if contact.channel == channel]
    return contacts[-1] if contacts else None
