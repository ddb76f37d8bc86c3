"""A person's first /start, and by whose link it came: attribution happens there or never (E19)."""

from enum import StrEnum

from django.db import transaction

from escrows.affiliate_models import AffiliateLink, FirstStart
from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.recording import NewEvent, record
from lockbay.people.models import User
from lockbay.setsql import insert_new


class Arrival(StrEnum):
    """What became of the code: taken, or why it does not count."""

    PLAIN = "plain"  # no code was given
    REFERRED = "referred"
    TOO_LATE = "too_late"  # this person was here before
    OWN = "own"
    UNKNOWN = "unknown"


def note_first_start(*, actor: User, code: str = "") -> Arrival:
    """Notes the first start of `actor`, attributed to the owner of `code`; a repetition changes nothing and tells the
    same."""
    link = AffiliateLink.objects.filter(code=code.upper()).first() if code else None
    if code and link is None:
        arrival = Arrival.UNKNOWN
    elif link is not None and link.owner_id == actor.pk:
        arrival = Arrival.OWN
    else:
        arrival = Arrival.REFERRED if link is not None else Arrival.PLAIN
    referrer_id = link.owner_id if link is not None and arrival is Arrival.REFERRED else None
    with transaction.atomic(durable=True):
        row = {"user_id": actor.pk, "referrer_id": referrer_id, "at": clock.now()}
        if insert_new(FirstStart, [row], unique="user_id", returning=["id"]):
            _record(actor, referrer_id)
            return arrival
        known = FirstStart.objects.get(user=actor)
    if arrival is Arrival.REFERRED:
        return Arrival.REFERRED if known.referrer_id == referrer_id else Arrival.TOO_LATE
    return arrival


def _record(actor: User, referrer_id: int | None) -> None:
    if referrer_id is None:
        return
    data = {"user_id": referrer_id}  # the referrer is told that somebody came, never who
    record([NewEvent(kind=Kind.REFERRAL_JOINED, subject_type="user", subject_id=actor.pk, data=data)])
