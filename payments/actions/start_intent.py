"""Asking for money, in three steps: commit the request → call the provider → commit the answer.

A crash between the steps leaves a row in status `requested`; asking again with the same idempotency key is harmless,
and
the job `ask_quiet_intents` does it.
"""

import secrets
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog
from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.urls import reverse

from lockbay import clock
from lockbay.observability.correlation import current_correlation_id, new_correlation_id
from lockbay.setsql import insert_new
from payments import verifying
from payments.errors import Rejected, Unintelligible
from payments.methods import PayMethod
from payments.models import Intent, Verification
from payments.networks import NETWORKS
from payments.providers import provider_of
from payments.providers.base import NewPayment, NewPaymentRequest, PaymentProvider
from payments.states import IntentStatus
from payments.valuation import cost_of
from wallets.money import Money

if TYPE_CHECKING:
    from lockbay.people.models import User
    from payments.rates.quotes import Quote

log = structlog.stdlib.get_logger(__name__)
ASK_AFTER = timedelta(minutes=10)  # an open intent from which nothing was heard


def request_intent_within(
    *,
    payer: "User",
    purpose: str,
    reference: str,
    price: Money,
    method: PayMethod,
    quote: "Quote",
    expires_at: datetime,
    request_key: str,
) -> Intent:
    """Step one, inside the caller's transaction: an intent in status requested, priced at `quote` and rounded up to
    the coin's
    digits. The same `request_key` returns the first intent.

    Raises: UnknownProvider, UnknownMethod.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("An intent is requested together with what it is for.")
    provider = provider_of(method.provider)
    provider.ticker_of(method)
    now = clock.database_now()
    row = {
        "public_id": f"PI{secrets.token_hex(8).upper()}",
        "request_key": request_key,
        "provider": method.provider,
        "purpose": purpose,
        "reference": reference,
        "payer": payer.pk,
        "price_minor": price.minor,
        "price_asset": price.asset,
        "pay_asset": method.asset,
        "network": NETWORKS[method.network].code,
        "pay_minor": provider.amount_to_ask(method, cost_of(price, quote.rate, method.asset)).minor,
        "rate": format(quote.rate, "f"),
        "rate_source": quote.source,
        "rate_at": quote.fetched_at,
        "status": IntentStatus.REQUESTED.value,
        "address": "",
        "destination_tag": "",
        "pay_url": "",
        "provider_answer": {},
        "failure": "",
        "correlation_id": current_correlation_id() or new_correlation_id(),
        "expires_at": expires_at,
        "ask_due_at": now + timedelta(minutes=1),  # heals a crash between the steps
        "created_at": now,
    }
    insert_new(Intent, [row], unique="request_key", returning=["id"])
    return Intent.objects.get(request_key=request_key)


def ask_for_address(intent_id: int) -> Intent:
    """Steps two and three, outside any transaction: calls the provider and commits its answer. Safe to repeat.

    Raises: Unavailable (the intent stays requested), Rejected and Unintelligible (it is failed; another may be
    started).
    """
    intent = Intent.objects.get(pk=intent_id)
    if intent.status != IntentStatus.REQUESTED:
        return intent
    provider = provider_of(intent.provider)
    try:
        payment = _asked_for_address(provider, intent)
    except (Rejected, Unintelligible) as error:
        _fail(intent_id, error.detail)
        log.exception("INTENT_REFUSED", intent=intent.public_id, provider=intent.provider)
        raise
    _open(intent, payment)
    return Intent.objects.get(pk=intent_id)


def _asked_for_address(provider: PaymentProvider, intent: Intent) -> NewPayment:
    request = _request_of(intent)
    if provider.takes_claims:  # no call: the address is ours
        return provider.open_payment(request)
    with verifying.noted(intent, Verification.Question.ADDRESS) as result:
        payment = provider.open_payment(request)
        result.outcome, result.checks = "given", [["address_given", True, payment.address or payment.pay_url]]
    return payment


def _request_of(intent: Intent) -> NewPaymentRequest:
    hook = reverse("payments:webhook", kwargs={"provider": intent.provider})
    return NewPaymentRequest(
        idempotency_key=intent.public_id,
        reference=intent.public_id,
        method=PayMethod(intent.provider, intent.pay_asset, intent.network),
        amount=intent.pay_amount,
        price=intent.price,
        webhook_url=f"{settings.PUBLIC_URL}{hook}",
    )


def _open(intent: Intent, payment: NewPayment) -> None:
    """Whoever answers first wins; a second answer to the same question changes nothing."""
    if len(payment.payment_id) > 100 or len(payment.address) > 128 or len(payment.pay_url) > 500:
        _fail(intent.pk, "answer too long")
        raise Unintelligible(intent.provider, "answer too long")
    try:
        with transaction.atomic(durable=True):
            Intent.objects.filter(pk=intent.pk, status=IntentStatus.REQUESTED).update(
                status=IntentStatus.OPEN,
                provider_payment_id=payment.payment_id,
                address=payment.address,
                destination_tag=payment.destination_tag,
                pay_url=payment.pay_url,
                provider_answer=payment.raw,
                ask_due_at=clock.now() + ASK_AFTER,
            )
    except IntegrityError as error:
        _fail(intent.pk, "payment id given twice")
        raise Unintelligible(intent.provider, "payment id given twice") from error


def _fail(intent_id: int, reason: str) -> None:
    with transaction.atomic(durable=True):
        Intent.objects.filter(pk=intent_id, status=IntentStatus.REQUESTED).update(
            status=IntentStatus.FAILED, failure=reason[:200], ask_due_at=None
        )
