"""Gives money that waits in suspense to the request it belongs to (P12): an operation, shown before it is done."""

import hashlib
import json
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from django.db import transaction

from lockbay.events.kinds import Kind
from lockbay.events.recording import NewEvent, record
from payments.actions.credit_deposit import credit_deposits_within
from payments.actions.replay_event import ReportedEntry
from payments.errors import AssignRefused
from payments.folded import Credit
from payments.models import Deposit, Intent
from payments.rates.errors import RateUnavailable
from payments.rates.quotes import quote_of
from payments.states import DepositState
from payments.valuation import WorthTooMuch, value_of
from wallets.models import Entry, Operation
from wallets.money import Money

if TYPE_CHECKING:
    from lockbay.people.models import User


@dataclass(frozen=True)
class AssignReport:
    """What assigning does, or would do: the value, by which rate, and every entry. `digest` is for the button."""

    deposit_id: int
    intent: Intent
    received: Money
    value: Money
    rate: str
    is_late: bool
    entries: tuple[ReportedEntry, ...]
    digest: str


def assign_deposit(
    *, actor: "User | None", deposit_id: int, intent_key: str, dry_run: bool, reason: str = "", digest: str = ""
) -> AssignReport:
    """Moves a deposit from suspense to the purpose of the request `intent_key` (its public id), at the rates' rules:
    the request's own rate for its coin in time, a fresh one otherwise. A dry run is rolled back.

    Raises: AssignRefused; what the purpose's handler or the ledger refuses.
    """
    if not dry_run and not reason.strip():
        raise AssignRefused("reason_missing")
    with transaction.atomic(durable=True):
        intent, deposit = _locked(intent_key, deposit_id)
        value = _valued(deposit, intent)
        deposit.save(update_fields=["intent", "credits", "is_late", "value_minor", "value_rate"])
        posted, events = credit_deposits_within([Credit(deposit, intent, value, verdict=None, is_suspended=True)])
        report = _report_of(deposit, intent, value, posted)
        if dry_run:
            transaction.set_rollback(True)
        elif digest != report.digest:
            raise AssignRefused("preview_changed")
        else:
            record([*events, _assigned(actor, report, reason)])
    return report


def _locked(intent_key: str, deposit_id: int) -> tuple[Intent, Deposit]:
    intent = Intent.objects.filter(public_id=intent_key.strip()).select_for_update(no_key=True).first()
    if intent is None:
        raise AssignRefused("unknown_request")
    deposit = Deposit.objects.filter(pk=deposit_id).select_for_update(no_key=True).first()
    if deposit is None:
        raise AssignRefused("not_found")
    if deposit.intent_id is not None or deposit.state != DepositState.CONFIRMED:
        raise AssignRefused("assigned_already")
    return intent, deposit


def _valued(deposit: Deposit, intent: Intent) -> Money:
    is_late = deposit.first_seen_at > intent.expires_at
    try:
        is_frozen = deposit.asset == intent.pay_asset and not is_late
        rate = Decimal(intent.rate) if is_frozen else quote_of(deposit.asset, intent.price_asset).rate
        value = value_of(deposit.money, rate, intent.price_asset)
    except RateUnavailable as error:
        raise AssignRefused("rate_unavailable") from error
    except WorthTooMuch as error:
        raise AssignRefused("amount_out_of_range") from error
    if not value:
        raise AssignRefused("worth_nothing")
    deposit.intent, deposit.credits, deposit.is_late = intent, deposit.credits + 1, is_late
    deposit.value_minor, deposit.value_rate = value.minor, str(rate)
    return value


def _report_of(deposit: Deposit, intent: Intent, value: Money, posted: list[Operation]) -> AssignReport:
    rows = Entry.objects.filter(operation__in=posted).select_related("operation", "account").order_by("pk")
    entries = tuple(ReportedEntry(row.operation.key, row.account.code, row.money) for row in rows)
    covered = [deposit.pk, intent.public_id, [[entry.account, str(entry.money)] for entry in entries]]
    digest = hashlib.sha256(json.dumps(covered).encode()).hexdigest()[:12]
    return AssignReport(
        deposit_id=deposit.pk,
        intent=intent,
        received=deposit.money,
        value=value,
        rate=deposit.value_rate,
        is_late=deposit.is_late,
        entries=entries,
        digest=digest,
    )


def _assigned(actor: "User | None", report: AssignReport, reason: str) -> NewEvent:
    return NewEvent(
        kind=Kind.DEPOSIT_ASSIGNED,
        subject_type="deposit",
        subject_id=report.deposit_id,
        actor_id=None if actor is None else actor.pk,
        data={
            "user_id": report.intent.payer_id,
            "intent": report.intent.public_id,
            "received": str(report.received),
            "value": str(report.value),
            "rate": report.rate,
            "reason": reason.strip()[:500],
        },
    )
