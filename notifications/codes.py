"""The six digits that prove an address: worked out from the server's key, so stored nowhere in clear."""

import hmac
from datetime import timedelta

from django.utils.crypto import salted_hmac

from lockbay import clock
from lockbay.people.models import Contact

VALID_FOR = timedelta(minutes=15)
MOST_TRIES = 5
WAIT_BETWEEN_CODES = timedelta(seconds=60)


def code_of(contact: Contact) -> str:
    """The open code of an address, six digits; "" when none is open."""
    if contact.code_sent_at is None or contact.verified_at is not None:
        return ""
    secret = salted_hmac(
        "lockbay.contact.code", f"{contact.pk}:{contact.address}:{contact.code_sent_at.isoformat()}", algorithm="sha256"
    )
    return f"{int.from_bytes(secret.digest()[:8], 'big') % 1_000_000:06d}"


def digest_of(code: str, contact: Contact) -> str:
    """What is stored: the mark of a code that was asked for and not used yet."""
    return salted_hmac("lockbay.contact.digest", f"{contact.pk}:{code}", algorithm="sha256").hexdigest()


def is_open(contact: Contact) -> bool:
    """Whether a code was asked for, is young enough, and was not tried too often. Codes live in real time."""
    if not contact.code_digest or contact.code_sent_at is None or contact.code_tries >= MOST_TRIES:
        return False
    return clock.real_now() - contact.code_sent_at <= VALID_FOR


def is_right(code: str, contact: Contact) -> bool:
    """Compares in constant time."""
    return hmac.compare_digest(digest_of(code, contact), contact.code_digest)
