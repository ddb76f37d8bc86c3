"""Addresses as people type them, in the one spelling that is stored (N2)."""

import re
import unicodedata

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from lockbay.people.models import Channel
from notifications.errors import AddressMalformed

PHONE_CHANNELS = (Channel.SMS.value, Channel.WHATSAPP.value)
_EMAIL_LONGEST = 254  # RFC 5321 §4.5.3.1, and what the column takes
_E164 = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)  # ITU-T E.164: country code first, at most 15 digits
_PHONE_DECORATION = re.compile(r"[\s().\-/\u2010-\u2015]")


def read_address(channel: str, address: str) -> str:
    """The address of a person on `channel`. Raises: AddressMalformed."""
    return read_phone(address) if channel in PHONE_CHANNELS else read_email(address)


def _typed(text: str) -> str:
    """Without spaces around it, and without the invisible marks that copying brings along."""
    return "".join(character for character in text if unicodedata.category(character) != "Cf").strip()


def read_email(address: str) -> str:
    """An e-mail address; the domain is not told apart by case. Raises: AddressMalformed."""
    name, _, domain = _typed(address).rpartition("@")
    wanted = f"{name}@{domain.lower()}"
    try:
        validate_email(wanted)
    except ValidationError as error:
        raise AddressMalformed from error
    if len(wanted) > _EMAIL_LONGEST:
        raise AddressMalformed
    return wanted


def read_phone(number: str) -> str:
    """A number with its country code ("+234 801 000 0000", "00234…"), as E.164. Raises: AddressMalformed.

    Whether the number is somebody's is not looked up: the code that is sent there proves it.
    """
    plain = _typed(unicodedata.normalize("NFKC", number)).replace("(0)", "")
    plain = _PHONE_DECORATION.sub("", plain)
    plain = "".join(str(unicodedata.decimal(character, character)) for character in plain)
    wanted = f"+{plain[2:]}" if plain.startswith("00") else plain
    if not _E164.fullmatch(wanted):
        raise AddressMalformed("phone")
    return wanted
