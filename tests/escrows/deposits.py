"""Deposits as the payments room hands them over, for tests of what a trade does with them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count

from django.db import transaction

from escrows.funding import EscrowFunding
from escrows.models import Escrow
from escrows.queries import PURPOSE
from lockbay import clock
from lockbay.events.recording import record
from payments.models import Intent
from payments.purposes import CreditedDeposit, VanishedDeposit
from tests.cast import bea, usd
from wallets.accounts import CLEARING, FX, platform_account
from wallets.ledger import post
from wallets.models import Operation
from wallets.money import Money

_numbers = count(1)


def an_intent(escrow: Escrow) -> Intent:
    """A request for the trade's money in USDT."""
    number = next(_numbers)
    now = clock.now()
    return Intent.objects.create(
        public_id=f"PI{number}",
        request_key=f"intent:{number}",
        provider="sandbox",
        purpose=PURPOSE,
        reference=escrow.public_id,
        payer=bea(),
        price_minor=escrow.pricing["buyer_total"] if isinstance(escrow.pricing, dict) else 1,
        pay_asset="USDT",
        network="TRC20",
        pay_minor=1,
        rate="1",
        rate_source="test",
        rate_at=now,
        expires_at=now + timedelta(hours=1),
        created_at=now,
    )


def a_deposit(
    escrow: Escrow, value: str, *, intent: Intent | None = None, confirmed_at: datetime | None = None
) -> CreditedDeposit:
    """`value` USD, come as USDT at 1:1."""
    number, worth = next(_numbers), usd(value)
    received = Money(worth.minor * 10_000, "USDT")
    moment = confirmed_at or clock.now()
    return CreditedDeposit(
        deposit_id=number,
        intent=intent or an_intent(escrow),
        received=received,
        value=worth,
        is_late=False,
        seen_at=moment,
        confirmed_at=moment,
        credit_key=f"deposit:{number}:credit:1",
        reference=f"tx{number}",
        source_legs=(
            (platform_account(CLEARING, "USDT", "sandbox"), -received),
            (platform_account(FX, "USDT"), received),
            (platform_account(FX, "USD"), -worth),
        ),
    )


def credit(*deposits: CreditedDeposit) -> None:
    """One transaction, in the order of the payments room: lock, plan, apply, post, record."""
    handler = EscrowFunding()
    with transaction.atomic():
        locked = handler.lock([deposit.intent.reference for deposit in deposits])
        plan = handler.plan(locked, deposits)
        plan.apply()
        post(plan.operations)
        record(plan.events)


def again(deposit: CreditedDeposit) -> CreditedDeposit:
    """The same deposit, confirmed once more after it vanished."""
    prefix, _, number = deposit.credit_key.rpartition(":")
    return replace(deposit, is_again=True, credit_key=f"{prefix}:{int(number) + 1}")


def take_back(*deposits: CreditedDeposit) -> None:
    """The deposits vanish: one transaction, in the order of the payments room."""
    handler = EscrowFunding()
    with transaction.atomic():
        locked = handler.lock([deposit.intent.reference for deposit in deposits])
        plan = handler.take_back(locked, vanished(*deposits))
        plan.apply()
        post(plan.operations)
        record(plan.events)


def vanished(*deposits: CreditedDeposit) -> Sequence[VanishedDeposit]:
    """The deposits as the payments room hands them over when they are gone."""
    keys = [deposit.credit_key for deposit in deposits]
    posted = dict(Operation.objects.filter(key__in=keys).values_list("key", "pk"))
    return [
        VanishedDeposit(
            deposit_id=deposit.deposit_id,
            intent=deposit.intent,
            received=deposit.received,
            value=deposit.value,
            is_late=deposit.is_late,
            credit_key=deposit.credit_key,
            key=deposit.credit_key.replace(":credit:", ":uncredit:"),
            reverses_id=posted[deposit.credit_key],
            reference=deposit.reference,
            source_legs=tuple((code, -money) for code, money in deposit.source_legs),
        )
        for deposit in deposits
    ]
