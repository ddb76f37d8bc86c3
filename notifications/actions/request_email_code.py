"""Asking for a code to an e-mail address, which makes it a second channel once proved (N2)."""

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.recording import NewEvent, record
from lockbay.people.models import Channel, Contact, User
from notifications.codes import WAIT_BETWEEN_CODES, code_of, digest_of
from notifications.errors import AddressMalformed, AddressTaken, TooSoonForAnotherCode

_LONGEST = 254  # RFC 5321 §4.5.3.1, and what the column takes


def request_email_code(*, actor: User, address: str) -> Contact:
    """Sends a code to `address` and returns the contact that it will prove; a proved one is returned as it is.

    Raises: AddressMalformed, AddressTaken, TooSoonForAnotherCode.
    """
    wanted = _read_address(address)
    with transaction.atomic(durable=True):
        User.objects.select_for_update(no_key=True).get(pk=actor.pk)  # one request of a person at a time
        proved = Contact.objects.filter(channel=Channel.EMAIL, address=wanted, verified_at__isnull=False).first()
        if proved is not None and proved.user_id != actor.pk:
            raise AddressTaken
        if proved is not None and proved.dead_at is None:
            proved.verified_at = clock.real_now()  # the newest proof is the address in use: they go back to this one
            proved.save(update_fields=["verified_at"])
            return proved
        _require_pause(actor)
        contact, _made = Contact.objects.get_or_create(user=actor, channel=Channel.EMAIL, address=wanted)
        contact.verified_at, contact.dead_at, contact.dead_reason = None, None, ""
        contact.code_sent_at, contact.code_tries = clock.real_now(), 0
        contact.code_digest = digest_of(code_of(contact), contact)
        contact.save(
            update_fields=["verified_at", "dead_at", "dead_reason", "code_sent_at", "code_tries", "code_digest"]
        )
        asked = {"user_id": actor.pk, "contact_id": contact.pk}
        record([NewEvent(Kind.CONTACT_CODE_REQUESTED, "contact", contact.pk, actor_id=actor.pk, data=asked)])
    return contact


def _read_address(address: str) -> str:
    name, _, domain = address.strip().rpartition("@")
    wanted = f"{name}@{domain.lower()}"
    try:
        validate_email(wanted)
    except ValidationError as error:
        raise AddressMalformed from error
    if len(wanted) > _LONGEST:
        raise AddressMalformed
    return wanted


def _require_pause(actor: User) -> None:
    last = Contact.objects.filter(user=actor, code_sent_at__isnull=False).order_by("-code_sent_at").first()
    if last is None or last.code_sent_at is None or not last.code_digest:
        return
    wait = last.code_sent_at + WAIT_BETWEEN_CODES - clock.real_now()
    if wait.total_seconds() > 0:
        raise TooSoonForAnotherCode(wait)
