"""The buyer asks how to pay from outside: a frozen price, a window of time, an address (E6)."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction

from escrows.access import lock_escrow
from escrows.errors import PaymentUnavailable
from escrows.models import Escrow
from escrows.moving import StatusChange, amend, move
from escrows.policy import require_can_pay
from escrows.queries import PURPOSE
from escrows.recounting import escrow_event
from escrows.shortfall import due_of, open_short_of
from escrows.states import HOLDS_MONEY, Status
from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.recording import record
from lockbay.observability.correlation import current_correlation_id
from lockbay.people.models import User
from payments.actions.start_intent import ask_for_address, request_intent_within
from payments.errors import ProviderError, UnknownMethod, UnknownProvider
from payments.methods import PayMethod
from payments.models import Intent
from payments.rates.errors import RateUnavailable
from payments.rates.quotes import Quote, quote_of
from payments.states import IntentStatus
from wallets.errors import IdempotencyConflict
from wallets.money import Money


def start_payment(*, actor: User, escrow_id: int, method: PayMethod, request_key: str) -> Intent:
    """Freezes rate and expiry, then asks the provider for an address, outside the transaction.

    A repeated `request_key`, or the same method while its window is open, gets the first request.
    Raises: NotFound, NotAllowed, WrongStatus, PaymentUnavailable (no rate, or no address now: calling again is safe).
    """
    with transaction.atomic(durable=True):
        escrow = lock_escrow(actor, escrow_id)
        intent = _same_request(escrow, actor, request_key) or _request(escrow, actor, method, request_key)
    try:
        intent = ask_for_address(intent.pk)
    except ProviderError as error:
        raise PaymentUnavailable(intent.correlation_id) from error
    if intent.status != IntentStatus.OPEN:
        raise PaymentUnavailable(intent.correlation_id)
    return intent


def _same_request(escrow: Escrow, actor: User, request_key: str) -> Intent | None:
    known = Intent.objects.filter(request_key=request_key).first()
    if known is None:
        return None
    if (known.purpose, known.reference, known.payer_id) != (PURPOSE, escrow.public_id, actor.pk):
        raise IdempotencyConflict(request_key)
    return known


def _request(escrow: Escrow, actor: User, method: PayMethod, request_key: str) -> Intent:
    now = clock.database_now()
    require_can_pay(escrow, actor, now)
    total = due_of(escrow)
    again = _open_request(escrow, actor, method, total, now)
    if again is not None:
        return again
    expires_at = now + settings.PAYMENT_WINDOW
    try:
        quote = quote_of(method.asset, escrow.asset)
        intent = request_intent_within(
            payer=actor,
            purpose=PURPOSE,
            reference=escrow.public_id,
            price=total,
            method=method,
            quote=quote,
            expires_at=expires_at,
            request_key=request_key,
        )
    except (RateUnavailable, UnknownMethod, UnknownProvider) as error:
        raise PaymentUnavailable(current_correlation_id()) from error
    _wait_for_payment(escrow, {**escrow.pricing, "quote": _frozen(quote, method)}, expires_at)
    facts = {"method": method.code, "price": total, "pay": intent.pay_amount, "expires_at": expires_at}
    record([escrow_event(Kind.ESCROW_PAYMENT_STARTED, escrow, actor, **facts)])
    return intent


def _open_request(escrow: Escrow, actor: User, method: PayMethod, total: Money, now: datetime) -> Intent | None:
    """The newest request of the same kind whose window is open: pressing "pay" again shows the same address."""
    alike = Intent.objects.filter(purpose=PURPOSE, reference=escrow.public_id, payer=actor, price_minor=total.minor)
    by_method = alike.filter(provider=method.provider, pay_asset=method.asset, network=method.network)
    still_open = by_method.filter(expires_at__gt=now).exclude(status=IntentStatus.FAILED)
    return still_open.order_by("-pk").first()


def _wait_for_payment(escrow: Escrow, pricing: dict[str, Any], expires_at: datetime) -> None:
    if escrow.frozen_at is not None:  # it does not expire over money that is missing (P7)
        amend(escrow, {"pricing": pricing}, allowed=HOLDS_MONEY)
        return
    short = open_short_of(escrow)
    # Money that waits for the buyer's decision keeps the trade open for as long (E8).
    fields = {"expires_at": expires_at if short is None else max(expires_at, short.choose_by), "pricing": pricing}
    if escrow.status == Status.CREATED:
        move([StatusChange(escrow, Status.PAYMENT_PENDING, fields)])
    else:
        amend(escrow, fields, allowed={Status.PAYMENT_PENDING})


def _frozen(quote: Quote, method: PayMethod) -> dict[str, Any]:
    """What the snapshot keeps of a rate (E4): text, so that no database rounds it."""
    return {
        "method": method.code,
        "rate": str(quote.rate),
        "source": quote.source,
        "fetched_at": quote.fetched_at.isoformat(),
        "tier": quote.tier,
    }
