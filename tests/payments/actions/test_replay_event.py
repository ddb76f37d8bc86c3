"""Replaying an inbox event: a dry run shows exactly what a real one then does (P4)."""

from typing import Any

import pytest

from lockbay.events.kinds import Kind
from lockbay.events.models import Event
from payments.actions.apply_event import drain
from payments.actions.replay_event import replay_event
from payments.errors import ReplayRefused
from payments.models import Deposit, InboxEvent
from payments.states import InboxStatus
from tests.payments.money_in import NotingPurpose, an_intent, fingerprint, payer, raw_of, stored
from wallets.models import Entry, Operation
from wallets.money import Money
from wallets.queries import balances_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("books_green")]


def a_parked_event(noting: NotingPurpose, settings: Any) -> InboxEvent:
    settings.INBOX_MAX_ATTEMPTS = 1
    noting.fails_on = {"bad"}
    row = stored(raw_of(an_intent(purpose="noting", reference="bad")))
    drain()
    noting.fails_on = set()
    row.refresh_from_db()
    assert row.status == InboxStatus.PARKED
    return row


def test_a_dry_run_changes_nothing_and_tells_what_the_real_one_does(noting: NotingPurpose, settings: Any) -> None:
    row = a_parked_event(noting, settings)
    before = list(InboxEvent.objects.values()), Event.objects.count()

    dry = replay_event(actor=payer("olu"), inbox_id=row.pk, dry_run=True)
    assert (list(InboxEvent.objects.values()), Event.objects.count()) == before
    assert not Deposit.objects.exists()
    assert not Operation.objects.exists()
    assert not Entry.objects.exists()

    real = replay_event(actor=payer("olu"), inbox_id=row.pk, dry_run=False, reason="the handler is repaired")
    assert (dry.status_before, dry.status, dry.is_dry_run) == ("parked", "applied", True)
    assert (real.status, real.is_dry_run) == ("applied", False)
    assert [(entry.account, entry.money) for entry in dry.entries] == [
        (entry.account, entry.money) for entry in real.entries
    ]
    assert [message.kind for message in dry.messages] == [message.kind for message in real.messages]
    assert balances_of(payer().pk)["available", "USD"] == Money(2000, "USD")


def test_a_replay_is_recorded_with_its_actor_and_reason(noting: NotingPurpose, settings: Any) -> None:
    row = a_parked_event(noting, settings)
    replay_event(actor=payer("olu"), inbox_id=row.pk, dry_run=False, reason=" repaired ")
    event = Event.objects.get(kind=Kind.INBOX_REPLAYED)
    assert event.actor == payer("olu")
    assert event.data == {"reason": "repaired", "before": "parked", "after": "applied"}


def test_an_applied_event_stays_applied_and_credits_nothing_again() -> None:
    row = stored(raw_of(an_intent()))
    drain()
    report = replay_event(actor=None, inbox_id=row.pk, dry_run=False, reason="to see")
    row.refresh_from_db()
    assert (row.status, report.outcome, report.entries) == (InboxStatus.APPLIED, "duplicate", ())
    assert balances_of(payer().pk)["available", "USD"] == Money(2000, "USD")


def test_a_dry_run_of_an_event_that_would_fail_says_why(noting: NotingPurpose, settings: Any) -> None:
    row = a_parked_event(noting, settings)
    noting.fails_on = {"bad"}
    report = replay_event(actor=None, inbox_id=row.pk, dry_run=True)
    assert (report.status, report.outcome) == ("parked", "failed")
    assert "no plan for bad" in report.reason


def test_refuses_without_a_reason_and_without_a_row() -> None:
    row = stored(raw_of(an_intent()))
    with pytest.raises(ReplayRefused, match="reason_missing"):
        replay_event(actor=None, inbox_id=row.pk, dry_run=False, reason="  ")
    with pytest.raises(ReplayRefused, match="not_found"):
        replay_event(actor=None, inbox_id=row.pk + 1, dry_run=True)


def test_a_replay_that_changes_nothing_leaves_no_trace() -> None:
    row = stored(raw_of(an_intent()))
    drain()
    olu = payer("olu")
    before = fingerprint()
    report = replay_event(actor=olu, inbox_id=row.pk, dry_run=False, reason="to see")
    assert not report.is_change
    assert fingerprint() == before
