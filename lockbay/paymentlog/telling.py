"""The story of what was found: one line a fact, in the order in which they happened."""

import operator
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from typing import Any

from django.db.models import Q

from lockbay.events.models import Event
from lockbay.paymentlog.finding import Found
from notifications.models import Delivery
from payments.models import ChainClaim, Deposit, InboxEvent, Intent, Verification
from telegrambot.models import StoredUpdate
from wallets.models import Operation

# What happened at the same moment is told in this order.
KINDS = ("update", "request", "claim", "attempt", "result", "inbox", "deposit", "operation", "event", "delivery", "try")


@dataclass(frozen=True)
class Line:
    """One fact. `kind` is one of KINDS and decides how the page words `row`."""

    at: datetime
    kind: str
    row: Any
    is_bad: bool = False


def tell(found: Found) -> list[Line]:
    """Every line about what was found."""
    lines = [*_requests(found), *_verifications(found), *_inbox(found), *_money(found), *_messages(found)]
    return sorted(lines, key=lambda line: (line.at, KINDS.index(line.kind), line.row.pk))


def _requests(found: Found) -> Iterator[Line]:
    for update in StoredUpdate.objects.filter(pk__in=found.updates):
        yield Line(update.received_at, "update", update, bool(update.error))
    for intent in Intent.objects.filter(pk__in=found.intents).select_related("payer"):
        yield Line(intent.created_at, "request", intent, bool(intent.failure))
    for claim in ChainClaim.objects.filter(pk__in=found.claims).select_related("claimed_by"):
        yield Line(claim.claimed_at, "claim", claim)


def _verifications(found: Found) -> Iterator[Line]:
    for row in Verification.objects.filter(intent__in=found.intents):
        yield Line(row.started_at, "attempt", row, row.finished_at is None)
        if row.finished_at is not None:
            yield Line(row.finished_at, "result", row, any(not passed for _, passed, _ in row.results))


def _inbox(found: Found) -> Iterator[Line]:
    for row in InboxEvent.objects.filter(pk__in=found.inbox).defer("body"):
        yield Line(row.received_at, "inbox", row, bool(row.error))


def _money(found: Found) -> Iterator[Line]:
    for deposit in Deposit.objects.filter(pk__in=found.deposits):
        yield Line(deposit.first_seen_at, "deposit", deposit)
    operations = [Q(key__startswith=f"deposit:{pk}:") for pk in found.deposits]
    if operations:
        named = Operation.objects.filter(reduce(operator.or_, operations))
        for operation in named.prefetch_related("entries__account"):
            yield Line(operation.posted_at, "operation", operation)


def _messages(found: Found) -> Iterator[Line]:
    events = list(_events(found).select_related("actor"))
    for event in events:
        yield Line(event.at, "event", event)
    sent = Delivery.objects.filter(event__in=events).select_related("event", "recipient").prefetch_related("tries")
    for delivery in sent:
        yield Line(delivery.created_at, "delivery", delivery, delivery.state == "failed")
        for attempt in delivery.tries.all():
            yield Line(attempt.started_at, "try", attempt, bool(attempt.error))


def _events(found: Found) -> Any:
    """Facts about deposits, inbox rows and claims, those of the trade that came of them, and what was named itself."""
    about = Q(pk__in=found.events)
    subjects = {"deposit": found.deposits, "inbox": found.inbox, "claim": found.claims}
    for name, pks in subjects.items():
        about |= Q(subject_type=name, subject_id__in=pks)
    ids = {*InboxEvent.objects.filter(pk__in=found.inbox).values_list("correlation_id", flat=True)}
    ids |= {*Intent.objects.filter(pk__in=found.intents).values_list("correlation_id", flat=True)}
    return Event.objects.filter(about | Q(correlation_id__in=ids - {""}))
