"""Money on its way in, for tests: open intents, what the play-money provider would send, and a purpose that only
takes notes."""

import hashlib
import hmac
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import connection, transaction
from django.test import Client

from lockbay import clock
from lockbay.people.models import User
from payments.actions.receive_event import receive_event
from payments.actions.start_intent import request_intent_within
from payments.methods import PayMethod
from payments.models import InboxEvent, Intent
from payments.providers import provider_of
from payments.purposes import CreditedDeposit, Plan, VanishedDeposit
from payments.rates.quotes import Quote
from payments.states import IntentStatus
from payments.wallet_purpose import operation_to_wallet, operations_from_wallets
from wallets.money import parse_money

_numbers = count(1)
SENT = object()


def payer(name: str = "bea") -> User:
    """Somebody who pays."""
    return User.objects.get_or_create(username=name, defaults={"first_name": name.title()})[0]


def an_intent(
    *,
    price: str = "20.00",
    asset: str = "USDT",
    network: str = "TRC20",
    rate: str = "1",
    purpose: str = "wallet",
    reference: str = "",
    provider: str = "sandbox",
    minutes: int = 60,
    who: User | None = None,
    is_open: bool = True,
) -> Intent:
    """An intent that has its address, unless `is_open` is False; `minutes` may be negative: the window is over."""
    number = next(_numbers)
    with transaction.atomic():
        intent = request_intent_within(
            payer=who or payer(),
            purpose=purpose,
            reference=reference or f"R{number}",
            price=parse_money(price, "USD"),
            method=PayMethod(provider, asset, network),
            quote=Quote(asset, "USD", Decimal(rate), "test", clock.real_now(), "main"),
            expires_at=clock.database_now() + timedelta(minutes=minutes),
            request_key=f"test:{number}",
        )
        if is_open:
            Intent.objects.filter(pk=intent.pk).update(
                status=IntentStatus.OPEN, provider_payment_id=f"pay_{number}", address=f"SANDBOXTaddress{number}"
            )
    intent.refresh_from_db()
    return intent


def a_txid(seed: object) -> str:
    """A Tron or Bitcoin transaction id."""
    return hashlib.sha256(str(seed).encode()).hexdigest()


def body_of(intent: Intent, status: str = "confirmed", **changes: Any) -> dict[str, Any]:
    """What the sandbox provider says of a payment; `changes` replaces fields, SENT drops them."""
    body: dict[str, Any] = {
        "id": f"evt_{next(_numbers)}",
        "type": f"payment.{status}",
        "payment_id": intent.provider_payment_id,
        "reference": intent.public_id,
        "address": intent.address,
        "currency": intent.pay_asset,
        "network": intent.network,
        "amount_received": intent.pay_amount.plain(),
        "txid": a_txid(intent.pk),
        "received_at": "2026-01-15T10:30:00Z",
    }
    body.update(changes)
    return {name: value for name, value in body.items() if value is not SENT}


def raw_of(intent: Intent, status: str = "confirmed", **changes: Any) -> bytes:
    """The same as bytes."""
    return json.dumps(body_of(intent, status, **changes), separators=(",", ":")).encode()


def signature_of(raw: bytes, *, at: int | None = None, secret: str | None = None) -> str:
    """The sandbox's signature header."""
    moment = int(time.time()) if at is None else at
    key = (settings.SANDBOX_WEBHOOK_SECRET if secret is None else secret).encode()
    return f"t={moment},v1={hmac.new(key, f'{moment}.'.encode() + raw, hashlib.sha256).hexdigest()}"


def post(raw: bytes, *, signature: str | None = None, provider: str = "sandbox", client: Client | None = None) -> Any:
    """Sends a webhook to the real view."""
    header = {} if signature == "" else {"X-Sandbox-Signature": signature or signature_of(raw)}
    return (client or Client()).post(f"/hooks/{provider}", data=raw, content_type="application/json", headers=header)


def stored(raw: bytes) -> InboxEvent:
    """An event in the inbox that nobody has applied yet."""
    inbox_id = receive_event(provider=provider_of("sandbox"), raw=raw, headers={})
    assert inbox_id is not None, "the event was there already"
    return InboxEvent.objects.get(pk=inbox_id)


@dataclass
class NotingPurpose:
    """Credits the payer's wallet like a top-up, and notes how it was called; `fails_on` are references that raise."""

    fails_on: set[str] = field(default_factory=set)
    error: type[BaseException] = RuntimeError
    locked: list[list[str]] = field(default_factory=list)
    planned: list[CreditedDeposit] = field(default_factory=list)
    applied: int = 0

    def lock(self, references: Sequence[str]) -> Any:
        self.locked.append(list(references))
        return None

    def plan(self, locked: Any, deposits: Sequence[CreditedDeposit]) -> Plan:
        self.planned.extend(deposits)
        for deposit in deposits:
            if deposit.intent.reference in self.fails_on:
                raise self.error(f"no plan for {deposit.intent.reference}")

        def apply() -> None:
            self.applied += len(deposits)

        return Plan(operations=[operation_to_wallet(deposit) for deposit in deposits], apply=apply)

    def take_back(self, locked: Any, vanished: Sequence[VanishedDeposit]) -> Plan:
        return Plan(operations=operations_from_wallets(vanished))


def fingerprint() -> dict[str, tuple[int, str]]:
    """Rows and a checksum of every table, but for sessions: equal when nothing was written."""
    found, tables = {}, set(connection.introspection.table_names())
    for model in apps.get_models():
        if model._meta.app_label in {"sessions", "contenttypes", "auth"} or model._meta.db_table not in tables:
            continue
        rows = [repr([_plain(value) for value in row]) for row in model._default_manager.order_by("pk").values_list()]
        found[model._meta.label] = (len(rows), hashlib.sha256("\n".join(rows).encode()).hexdigest())
    return found


def _plain(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview) else value
