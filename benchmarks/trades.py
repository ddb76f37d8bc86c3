"""Trades that wait for their money, and the signed reports that the play-money provider would send about them."""

import hashlib
import hmac
import itertools
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from django.conf import settings
from django.db import transaction

from escrows.fees import FeePolicy, price_escrow
from escrows.identifiers import ALPHABET
from escrows.models import Escrow
from escrows.recounting import escrow_event
from escrows.states import Status
from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.models import Event
from lockbay.events.recording import record
from lockbay.people.models import User
from payments.actions.receive_event import receive_event
from payments.models import Intent
from payments.providers import provider_of
from payments.states import IntentStatus
from payments.valuation import cost_of
from wallets.money import Money

PRICE = Money(2_000, "USD")
POLICY = FeePolicy(percent=Decimal(5), minimum=Money(0, "USD"), minimum_up_to=Money(0, "USD"))
PRICING = price_escrow(PRICE, "buyer", POLICY)
TOTAL = PRICING.buyer_total
PAY = cost_of(TOTAL, Decimal(1), "USDT")
_numbers = itertools.count()


@dataclass(frozen=True)
class Trade:
    """An escrow in payment_pending, its open intent, its first event, and the signed confirmation."""

    escrow: Escrow
    intent: Intent
    created: Event
    body: bytes
    signature: str

    @property
    def txid(self) -> str:
        return json.loads(self.body)["txid"]


def open_trades(number: int) -> list[Trade]:
    """`number` trades between two new people, each with an intent of its own."""
    first = next(_numbers)
    buyer, seller = User.objects.bulk_create(
        [User(username=f"buyer{first}", first_name="Bea"), User(username=f"seller{first}", first_name="Sol")]
    )
    with transaction.atomic(durable=True):
        escrows = Escrow.objects.bulk_create([_escrow(buyer, seller) for _ in range(number)])
        intents = Intent.objects.bulk_create([_intent(escrow, buyer) for escrow in escrows])
        created = record([escrow_event(Kind.ESCROW_CREATED, escrow, buyer) for escrow in escrows])
    return [
        Trade(escrow, intent, event, *_signed_report(intent))
        for escrow, intent, event in zip(escrows, intents, created, strict=True)
    ]


def store_reports(trades: list[Trade]) -> list[int]:
    """Verifies the reports and stores them in the inbox as the webhook does; returns the inbox ids."""
    provider = provider_of("sandbox")
    ids = []
    with transaction.atomic(durable=True):
        for trade in trades:
            headers = {"X-Sandbox-Signature": trade.signature}
            provider.verify(trade.body, headers, now=clock.real_now())
            inbox_id = receive_event(provider=provider, raw=trade.body, headers=headers)
            assert inbox_id is not None, "two reports are the same"
            ids.append(inbox_id)
    return ids


def require_confirmed(trades: list[Trade]) -> None:
    """A benchmark that left trades unpaid measured nothing. Raises: AssertionError."""
    missing = len(trades) - count_confirmed(trades)
    assert not missing, f"{missing} of {len(trades)} trades are not confirmed"


def count_confirmed(trades: list[Trade]) -> int:
    """How many of the trades are paid."""
    ids = [trade.escrow.pk for trade in trades]
    return Escrow.objects.filter(pk__in=ids, status=Status.PAYMENT_CONFIRMED).count()


def _escrow(buyer: User, seller: User) -> Escrow:
    now = clock.now()
    number = next(_numbers)
    return Escrow(
        public_id=f"ES{now:%m%d%y}{_four_letters(number)}",
        request_key=f"bench:{number}",
        status=Status.PAYMENT_PENDING,
        started_by="buyer",
        buyer=buyer,
        seller=seller,
        price_minor=PRICE.minor,
        description="A hand-made lamp",
        delivery_hours=48,
        inspection_hours=24,
        fee_payer="buyer",
        pricing=PRICING.snapshot(),
        expires_at=now + timedelta(hours=1),
        created_at=now,
    )


def _intent(escrow: Escrow, payer: User) -> Intent:
    now = clock.now()
    number = next(_numbers)
    return Intent(
        public_id=f"PI{number:016X}",
        request_key=f"bench:{number}",
        provider="sandbox",
        purpose="escrow",
        reference=escrow.public_id,
        payer=payer,
        price_minor=TOTAL.minor,
        pay_asset=PAY.asset,
        network="TRC20",
        pay_minor=PAY.minor,
        rate="1",
        rate_source="bench",
        rate_at=now,
        status=IntentStatus.OPEN,
        address=f"SANDBOXTbench{number}",
        provider_payment_id=f"pay_bench_{number}",
        expires_at=now + timedelta(hours=1),
        ask_due_at=now + timedelta(minutes=10),
        created_at=now,
    )


def _signed_report(intent: Intent) -> tuple[bytes, str]:
    body = {
        "id": f"evt_{intent.public_id}",
        "type": "payment.confirmed",
        "payment_id": intent.provider_payment_id,
        "reference": intent.public_id,
        "address": intent.address,
        "currency": intent.pay_asset,
        "network": intent.network,
        "amount_received": intent.pay_amount.plain(),
        "txid": hashlib.sha256(intent.public_id.encode()).hexdigest(),
        "received_at": "2026-01-15T10:30:00Z",
    }
    raw = json.dumps(body, separators=(",", ":")).encode()
    moment = int(time.time())
    signed = f"{moment}.".encode() + raw
    digest = hmac.new(settings.SANDBOX_WEBHOOK_SECRET.encode(), signed, hashlib.sha256).hexdigest()
    return raw, f"t={moment},v1={digest}"


def _four_letters(number: int) -> str:
    """The number in the alphabet of public ids; different for the first million."""
    return "".join(_digits(number))


def _digits(number: int) -> Iterator[str]:
    for place in (3, 2, 1, 0):
        yield ALPHABET[number // len(ALPHABET) ** place % len(ALPHABET)]
