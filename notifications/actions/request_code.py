"""Asking for a code to an address, which makes it one more channel once it is proved (N2)."""

from datetime import timedelta

from django.conf import settings
from django.db import transaction

from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.models import Event
from lockbay.events.recording import NewEvent, record
from lockbay.people.models import Contact, User
from notifications.addresses import PHONE_CHANNELS, read_address
from notifications.codes import WAIT_BETWEEN_CODES, code_of, digest_of
from notifications.errors import AddressTaken, ChannelNotOffered, TooManyCodes, TooSoonForAnotherCode
from notifications.reach import is_offered

_A_DAY = timedelta(hours=24)


def request_code(*, actor: User, channel: str, address: str) -> Contact:
    """Sends a code to `address` and returns the contact that it will prove; a proved one is returned as it is.

    Raises: ChannelNotOffered, AddressMalformed, AddressTaken, TooSoonForAnotherCode, TooManyCodes.
    """
    if not is_offered(channel):
        raise ChannelNotOffered
    wanted = read_address(channel, address)
    with transaction.atomic(durable=True):
        User.objects.select_for_update(no_key=True).get(pk=actor.pk)  # one request of a person at a time
        proved = Contact.objects.filter(channel=channel, address=wanted, verified_at__isnull=False).first()
        if proved is not None and proved.user_id != actor.pk:
            raise AddressTaken
        if proved is not None and proved.dead_at is None:
            proved.verified_at = clock.real_now()  # the newest proof is the address in use: they go back to this one
            proved.save(update_fields=["verified_at"])
            return proved
        _require_pause(actor)
        _require_few_codes(actor, channel, wanted)
        contact, _made = Contact.objects.get_or_create(user=actor, channel=channel, address=wanted)
        contact.verified_at, contact.dead_at, contact.dead_reason = None, None, ""
        contact.code_sent_at, contact.code_tries = clock.real_now(), 0
        contact.code_digest = digest_of(code_of(contact), contact)
        contact.save(
            update_fields=["verified_at", "dead_at", "dead_reason", "code_sent_at", "code_tries", "code_digest"]
        )
        asked = {"user_id": actor.pk, "contact_id": contact.pk, "channel": channel}
        record([NewEvent(Kind.CONTACT_CODE_REQUESTED, "contact", contact.pk, actor_id=actor.pk, data=asked)])
    return contact


def _require_pause(actor: User) -> None:
    last = Contact.objects.filter(user=actor, code_sent_at__isnull=False).order_by("-code_sent_at").first()
    if last is None or last.code_sent_at is None or not last.code_digest:
        return
    wait = last.code_sent_at + WAIT_BETWEEN_CODES - clock.real_now()
    if wait.total_seconds() > 0:
        raise TooSoonForAnotherCode(wait)


def _require_few_codes(actor: User, channel: str, address: str) -> None:
    """Codes to phones cost money and disturb strangers: so many a day for a person, and for a number."""
    if channel not in PHONE_CHANNELS:
        return
    to_this_number = Contact.objects.filter(channel__in=PHONE_CHANNELS, address=address).values_list("pk", flat=True)
    asked = Event.objects.filter(
        kind=Kind.CONTACT_CODE_REQUESTED.value, subject_type="contact", at__gt=clock.now() - _A_DAY
    )
    by_person = asked.filter(actor_id=actor.pk, data__channel__in=PHONE_CHANNELS).count()
    to_number = asked.filter(subject_id__in=list(to_this_number)).count()
    if max(by_person, to_number) >= settings.PHONE_CODES_A_DAY:
        raise TooManyCodes
