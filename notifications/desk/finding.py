"""What a text in the one search field is about: a trade, a withdrawal, a payment, a person, an event, a kind, a support
reference, a channel's own id, an address.

Whatever it may mean is looked up, by as many queries for a million rows as for none; the answers are added up.
"""

import re
from dataclasses import dataclass, field

from django.db.models import Q, QuerySet

from escrows.models import Escrow
from lockbay.events.kinds import Kind
from lockbay.events.models import Event
from lockbay.people.models import Contact, User
from notifications.addresses import read_phone
from notifications.errors import AddressMalformed
from notifications.models import Delivery, TrackingReport
from notifications.routing import ROUTES
from payments.models import Deposit
from wallets.models import Withdrawal

MOST_PEOPLE, MOST_EVENTS, MOST_REPORTS = 200, 2_000, 1_000
_LONGEST = 254  # an address; nothing longer has a name
_SHORTEST_REFERENCE, _SHORTEST_NAME = 6, 2
_EVENT, _NUMBER = re.compile(r"[Ee]?(\d{1,18})"), re.compile(r"\d{1,18}")
_PERSON = re.compile(r"(?:.* )?#(\d{1,18})")  # as the desk calls people: "Bea #12"


@dataclass
class Found:
    """The rows, and whether there are more than were taken."""

    rows: QuerySet[Delivery]
    is_cut: bool = False
    meaning: Q = field(default_factory=lambda: Q(pk__in=()))


def find_deliveries(rows: QuerySet[Delivery], text: str) -> Found:
    """Those of `rows` that `text` names in any way; no row twice."""
    wanted, found = text.strip(), Found(rows)
    if wanted and len(wanted) <= _LONGEST:
        found.meaning |= _by_kind(wanted) | Q(provider_id=wanted)
        _find_events(wanted, found)
        _find_people(wanted, found)
        _find_addresses(wanted, found)
    found.rows = rows.filter(found.meaning)
    return found


def _by_kind(text: str) -> Q:
    """A kind, its part after the dot, or a template; a word in the middle of one names nothing."""
    named = text.lower()
    kinds = [kind.value for kind in Kind if named in (kind.value, kind.value.partition(".")[2])]
    templates = {route.template for routes in ROUTES.values() for route in routes} & {named}
    meaning = Q(pk__in=())
    if kinds:
        meaning |= Q(event__kind__in=kinds)
    return meaning | Q(template__in=templates) if templates else meaning


def _find_events(text: str, found: Found) -> None:
    """By number, by support reference, and by what they are about."""
    spellings, number = {text, text.upper()}, _EVENT.fullmatch(text)
    escrows = Escrow.objects.filter(public_id__in=spellings).values_list("pk", flat=True)
    withdrawals = Withdrawal.objects.filter(public_id__in=spellings).values_list("pk", flat=True)
    paid = Deposit.objects.filter(Q(intent__public_id__in=spellings) | Q(intent__reference__in=spellings))
    meaning = Q(pk__in=[int(number[1])] if number else ())
    subjects = {"escrow": escrows, "withdrawal": withdrawals, "deposit": paid.values_list("pk", flat=True)}
    for name, pks in subjects.items():
        meaning |= Q(subject_type=name, subject_id__in=list(pks))
    if len(text) >= _SHORTEST_REFERENCE:
        meaning |= Q(correlation_id__startswith=text)
    events = list(Event.objects.filter(meaning).order_by("-pk").values_list("pk", flat=True)[: MOST_EVENTS + 1])
    found.is_cut |= len(events) > MOST_EVENTS
    found.meaning |= Q(event_id__in=events[:MOST_EVENTS])


def _find_people(text: str, found: Found) -> None:
    """By number, by Telegram's number, and by a part of any of their names."""
    meaning, person = Q(pk__in=()), _PERSON.fullmatch(text)
    if person or _NUMBER.fullmatch(text):
        meaning |= Q(pk=int(person[1])) if person else Q(pk=int(text)) | Q(telegram_id=int(text))
    elif len(text) >= _SHORTEST_NAME:
        name = text.removeprefix("@")
        meaning |= Q(username__icontains=name) | Q(first_name__icontains=name) | Q(telegram_username__icontains=name)
    people = list(User.objects.filter(meaning).order_by("-pk").values_list("pk", flat=True)[: MOST_PEOPLE + 1])
    found.is_cut |= len(people) > MOST_PEOPLE
    found.meaning |= Q(recipient_id__in=people[:MOST_PEOPLE])


def _find_addresses(text: str, found: Found) -> None:
    """Of a person: what went there by that channel, and codes to it. Of staff: mails, calls. And what was reported."""
    address = _spelled(text)
    for pk, user_id, channel in Contact.objects.filter(address__iexact=address).values_list("pk", "user_id", "channel"):
        found.meaning |= Q(recipient_id=user_id) & (
            Q(audience=f"contact:{pk}") | Q(channel=channel) & ~Q(audience__startswith="contact:")
        )
    if "@" in address or address.startswith("+"):
        found.meaning |= Q(recipient__isnull=True, audience__iexact=f"staff:{address}")
    told = TrackingReport.objects.filter(address__iexact=address, delivery__isnull=False).order_by("-pk")
    reported = list(told.values_list("delivery_id", flat=True)[: MOST_REPORTS + 1])
    found.is_cut |= len(reported) > MOST_REPORTS
    found.meaning |= Q(pk__in=reported[:MOST_REPORTS])


def _spelled(text: str) -> str:
    """A phone number as it is stored; anything else as it was typed."""
    try:
        return read_phone(text)
    except AddressMalformed:
        return text
