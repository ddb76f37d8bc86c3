"""Proving an address with the code that was sent to it."""

import unicodedata

from django.db import IntegrityError, transaction

from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.recording import NewEvent, record
from lockbay.people.models import Contact, User
from notifications.codes import MOST_TRIES, is_open, is_right
from notifications.errors import AddressTaken, CodeExpired, CodeWrong
from notifications.reach import address_in_use


def confirm_contact(*, actor: User, code: str) -> Contact:
    """Marks the address whose code was typed as proved. A wrong code is counted, also when it is refused.

    Raises: CodeExpired, CodeWrong, AddressTaken.
    """
    with transaction.atomic(durable=True):
        tried = _confirm_within(actor, _digits(code))
    if isinstance(tried, CodeWrong):  # raised after the commit, so that the try stays counted
        raise tried
    return tried


def _confirm_within(actor: User, code: str) -> Contact | CodeWrong:
    asked = Contact.objects.filter(user=actor, verified_at__isnull=True).exclude(code_digest="")
    contact = asked.select_for_update(no_key=True).order_by("-code_sent_at").first()
    if contact is None or not is_open(contact):
        raise CodeExpired
    if not is_right(code, contact):
        contact.code_tries += 1
        contact.save(update_fields=["code_tries"])
        return CodeWrong(MOST_TRIES - contact.code_tries)
    before = address_in_use(actor, contact.channel)
    contact.verified_at, contact.code_digest = clock.real_now(), ""
    try:
        with transaction.atomic():
            contact.save(update_fields=["verified_at", "code_digest"])
    except IntegrityError as error:
        raise AddressTaken from error
    # Where messages went until now hears of it: who took over the chat cannot draw them away unseen.
    proved = {"user_id": actor.pk, "contact_id": contact.pk, "channel": contact.channel}
    proved |= {"replaced_id": before.pk} if before else {}
    record([NewEvent(Kind.CONTACT_VERIFIED, "contact", contact.pk, actor_id=actor.pk, data=proved)])
    return contact


def _digits(code: str) -> str:
    """What a person typed: spaces and dashes dropped, digits of any script read."""
    kept = (character for character in unicodedata.normalize("NFKC", code) if character.isalnum())
    return "".join(str(unicodedata.decimal(character, character)) for character in kept)
