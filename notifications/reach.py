"""By which channels a person can be reached now, in the order of fallback (N2)."""

from collections.abc import Iterable

from lockbay.people.models import Channel, Contact, User

# Telegram, then e-mail; a later channel is one more name here and its module in channels/.
ORDER: tuple[str, ...] = (Channel.TELEGRAM.value, Channel.EMAIL.value)


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
    return [channel for channel in ORDER if channel in proved]


def next_channel_of(user: User, channel: str) -> str | None:
    """The channel to try after `channel`; None when there is none."""
    later = ORDER[ORDER.index(channel) + 1 :]
    reachable = channels_of(user, live_contacts([user.pk]).get(user.pk, []))
    return next((name for name in reachable if name in later), None)


def address_of(user: User, channel: str) -> str:
    """Where to send: the newest proof wins. "" when there is no live address any more."""
    contacts = [contact for contact in live_contacts([user.pk]).get(user.pk, []) if contact.channel == channel]
    return contacts[-1].address if contacts else ""
