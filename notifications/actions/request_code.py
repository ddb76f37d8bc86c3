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
from notifications.errors import ChannelNotOffered, TooManyCodes, TooSoonForAnotherCode
from notifications.reach import is_offered

_A_DAY = timedelta(hours=24)


def request_code(*, actor: User, channel: str, address: str) -> Contact:
    """Sends a code to `address` and returns the contact that it will prove; a proved one is returned as it is.

    Whether somebody else has proved it is not said here, or anybody could ask who has an account: only the code, which
    comes to its owner, opens that answer. Raises: ChannelNotOffered, AddressMalformed, TooSoonForAnotherCode,
    TooManyCodes.
    """
    if not is_offered(channel):
        raise ChannelNotOffered
    wanted = read_address(channel, address)
    with transaction.atomic(durable=True):
        User.objects.select_for_update(no_key=True).get(pk=actor.pk)  # one request of a person at a time
        mine = Contact.objects.filter(user=actor, channel=channel, address=wanted)
        proved = mine.filter(verified_at__isnull=False).first()
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
    """So many a day for a person, and for an address: codes disturb strangers, to phones they cost money, and who may
    ask for ever guesses one in the end."""
    is_phone = channel in PHONE_CHANNELS
    channels = PHONE_CHANNELS if is_phone else (channel,)
    most = settings.PHONE_CODES_A_DAY if is_phone else settings.EMAIL_CODES_A_DAY
    there = Contact.objects.filter(channel__in=channels, address=address).values_list("pk", flat=True)
    asked = Event.objects.filter(
        kind=Kind.CONTACT_CODE_REQUESTED.value, subject_type="contact", at__gt=clock.now() - _A_DAY
    )
    by_person = asked.filter(actor_id=actor.pk, data__channel__in=channels).count()
    if max(by_person, asked.filter(subject_id__in=list(there)).count()) >= most:
        raise TooManyCodes
