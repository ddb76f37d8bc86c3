"""What a text at the desk is about: a support reference, a transaction, an address, a payment, a trade."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db.models import Q

from escrows.models import Escrow
from lockbay.events.models import Event
from payments.models import ChainClaim, Deposit, InboxEvent, Intent, Verification
from telegrambot.models import StoredUpdate

MOST = 25  # payment requests on one page
_SHORTEST_REFERENCE = 6
_EVENT, _UPDATE = re.compile(r"E(\d{1,18})"), re.compile(r"U-(\d{1,18})")


@dataclass
class Found:
    """Rows by primary key. Requests, claims, deposits and inbox rows belong together; `events` and `updates` are those
    that were named themselves. `is_cut`: there are more requests than one page shows."""

    intents: set[int] = field(default_factory=set)
    claims: set[int] = field(default_factory=set)
    deposits: set[int] = field(default_factory=set)
    inbox: set[int] = field(default_factory=set)
    events: set[int] = field(default_factory=set)
    updates: set[int] = field(default_factory=set)
    is_cut: bool = False

    @property
    def is_empty(self) -> bool:
        """True when nothing is known of it."""
        return not (self.intents or self.deposits or self.inbox or self.events or self.updates)


def find(text: str) -> Found:
    """Everything about what `text` names."""
    wanted, found = text.strip(), Found()
    if not wanted or len(wanted) > 160:
        return found
    _find_named(wanted, found)
    _find_events(wanted, found)
    _find_requests(found)
    _find_rest(found)
    return found


def _find_named(text: str, found: Found) -> None:
    spellings, by_reference = _spellings(text), _by_reference(text)
    found.intents |= _pks(
        Intent.objects.filter(
            Q(public_id__iexact=text)
            | Q(reference__iexact=text)
            | Q(provider_payment_id=text)
            | Q(address__in=spellings)
            | by_reference
        )
    )
    found.intents |= _values(
        Verification.objects.filter(Q(txid__in=spellings) | Q(address__in=spellings) | by_reference), "intent"
    )
    found.claims |= _pks(ChainClaim.objects.filter(Q(txid__in=spellings) | by_reference))
    found.deposits |= _pks(
        Deposit.objects.filter(Q(txid__in=spellings) | Q(recipient__in=spellings) | Q(provider_payment_id=text))
    )
    found.inbox |= _pks(InboxEvent.objects.filter(Q(payment_ref=text) | Q(event_id=text) | by_reference))
    update = _UPDATE.fullmatch(text)
    if update:
        found.updates |= _pks(StoredUpdate.objects.filter(pk=int(update[1])))


def _find_events(text: str, found: Found) -> None:
    number = _EVENT.fullmatch(text)
    named = Event.objects.filter(Q(pk=int(number[1])) if number else _by_reference(text))
    places = {"deposit": found.deposits, "inbox": found.inbox, "claim": found.claims}
    escrows: set[int] = set()
    for pk, subject_type, subject_id in named.order_by("-pk").values_list("pk", "subject_type", "subject_id")[:500]:
        found.events.add(pk)
        places.get(subject_type, escrows if subject_type == "escrow" else set()).add(subject_id)
    if escrows:
        public_ids = Escrow.objects.filter(pk__in=escrows).values("public_id")
        found.intents |= _pks(Intent.objects.filter(reference__in=public_ids))


def _find_requests(found: Found) -> None:
    """From whatever was named to the requests it belongs to."""
    found.intents |= _values(ChainClaim.objects.filter(pk__in=found.claims), "intent")
    found.intents |= _values(Deposit.objects.filter(pk__in=found.deposits).exclude(intent=None), "intent")
    told = InboxEvent.objects.filter(pk__in=found.inbox).exclude(payment_ref="")
    for provider, payment in set(told.values_list("provider", "payment_ref")):
        found.intents |= _pks(Intent.objects.filter(provider=provider, provider_payment_id=payment))
    if len(found.intents) > MOST:
        found.intents, found.is_cut = set(sorted(found.intents, reverse=True)[:MOST]), True


def _find_rest(found: Found) -> None:
    """From the requests to all that belongs to them."""
    found.claims |= _pks(ChainClaim.objects.filter(intent__in=found.intents))
    found.deposits |= _pks(Deposit.objects.filter(intent__in=found.intents))
    named = Intent.objects.filter(pk__in=found.intents).exclude(provider_payment_id=None)
    payments = set(named.values_list("provider", "provider_payment_id"))
    payments |= set(Deposit.objects.filter(pk__in=found.deposits).values_list("provider", "provider_payment_id"))
    for provider, payment in payments:
        found.inbox |= _pks(InboxEvent.objects.filter(provider=provider, payment_ref=payment))


def _by_reference(text: str) -> Q:
    """People read out the first eight characters or more of a correlation id."""
    if len(text) < _SHORTEST_REFERENCE:
        return Q(pk__in=())
    return Q(correlation_id__startswith=text)


def _spellings(text: str) -> set[str]:
    lowered = text.lower()
    return {text, lowered, lowered.removeprefix("0x"), f"0x{lowered.removeprefix('0x')}"}


def _pks(rows: "Iterable[object]") -> set[int]:
    return _values(rows, "pk")


def _values(rows: "Iterable[object]", name: str) -> set[int]:
    return set(rows.values_list(name, flat=True))  # type: ignore[attr-defined]
