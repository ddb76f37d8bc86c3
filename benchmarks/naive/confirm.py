"""Confirms one trade from one report: the same rows as ours, written one by one through the ORM."""

import json
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from escrows.models import Escrow
from lockbay.events.models import Event
from lockbay.events.recording import hash_of
from notifications.models import PendingFanout
from payments.models import Deposit, InboxEvent, Intent
from wallets.models import Account, Entry, Operation
from wallets.money import parse_money


@transaction.atomic
def confirm(inbox_id: int) -> Escrow:
    """Reads the stored report and writes everything that follows from it."""
    report = InboxEvent.objects.select_for_update().get(pk=inbox_id)
    body = json.loads(bytes(report.body))
    intent = Intent.objects.get(provider=report.provider, provider_payment_id=body["payment_id"])
    escrow = Escrow.objects.select_for_update().get(public_id=intent.reference)
    now = timezone.now()
    deposit = Deposit.objects.create(
        intent=intent,
        provider=report.provider,
        provider_payment_id=body["payment_id"],
        chain="tron",
        txid=body["txid"],
        recipient=intent.address,
        asset=body["currency"],
        minor=parse_money(body["amount_received"], body["currency"]).minor,
        raw_amount=body["amount_received"],
        state="confirmed",
        credits=1,
        value_minor=intent.price_minor,
        value_rate=intent.rate,
        first_seen_at=report.received_at,
        confirmed_at=now,
    )
    operation = book(deposit, escrow)
    escrow.status = "payment_confirmed"
    escrow.version += 1
    escrow.payment_confirmed_at = now
    escrow.deposit_reference = deposit.txid
    escrow.delivery_deadline = now + timedelta(hours=escrow.delivery_hours)
    escrow.accept_by = now + settings.ACCEPT_WINDOW
    escrow.expires_at = None
    escrow.save()
    tell(escrow, deposit)
    report.status, report.effect, report.attempts = "applied", "credited", report.attempts + 1
    report.last_outcome, report.operations, report.applied_at = "applied", [operation.key], now
    report.save()
    return escrow


def book(deposit: Deposit, escrow: Escrow) -> Operation:
    """The posting: one operation, four entries, the new balance of the hold."""
    clearing = Account.objects.get(code=f"platform:clearing/{deposit.provider}:{deposit.asset}")
    coins = Account.objects.get(code=f"platform:fx:{deposit.asset}")
    dollars = Account.objects.get(code="platform:fx:USD")
    hold = Account.objects.create(
        code=f"escrow:{escrow.public_id}:hold:USD", kind="hold", asset="USD", reference=escrow.public_id, balance=0
    )
    operation = Operation.objects.create(
        kind="escrow_fund",
        key=f"deposit:{deposit.pk}:credit:1",
        reference=f"ESC_{escrow.public_id}",
        memo=escrow.public_id,
        posted_at=deposit.confirmed_at,
    )
    hold.balance += deposit.value_minor
    hold.save()
    # Together, because the books refuse an operation that is not balanced at the end of a statement.
    Entry.objects.bulk_create(
        [
            Entry(operation=operation, account=clearing, asset=deposit.asset, amount=-deposit.minor),
            Entry(operation=operation, account=coins, asset=deposit.asset, amount=deposit.minor),
            Entry(operation=operation, account=dollars, asset="USD", amount=-deposit.value_minor),
            Entry(
                operation=operation,
                account=hold,
                asset="USD",
                amount=deposit.value_minor,
                balance_after=hold.balance,
            ),
        ]
    )
    return operation


def tell(escrow: Escrow, deposit: Deposit) -> Event:
    """The event in the trade's chain, and the note that somebody is to be told."""
    last = Event.objects.filter(subject_type="escrow", subject_id=escrow.pk).latest("seq")
    event = Event(
        kind="escrow.payment_confirmed",
        subject_type="escrow",
        subject_id=escrow.pk,
        seq=last.seq + 1,
        data={"public_id": escrow.public_id, "deposit_reference": deposit.txid},
        at=timezone.now(),
        previous_hash=last.hash,
    )
    event.hash = hash_of(event)
    event.save()
    PendingFanout.objects.create(event=event)
    return event
