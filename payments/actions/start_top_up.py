"""Somebody asks how to put money into their own wallet: a frozen rate, a window of time, an address."""

from datetime import datetime
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction

from lockbay import clock
from payments.actions.start_intent import ask_for_address, request_intent_within
from payments.errors import ProviderError, TopUpOutOfRange, TopUpUnavailable, UnknownMethod, UnknownProvider
from payments.methods import PayMethod
from payments.models import Intent
from payments.rates.errors import RateUnavailable
from payments.rates.quotes import quote_of
from payments.states import IntentStatus
from payments.wallet_purpose import PURPOSE
from wallets.errors import IdempotencyConflict
from wallets.money import Money, exact_money

if TYPE_CHECKING:
    from lockbay.people.models import User

HOME_ASSET = "USD"


def start_top_up(*, actor: "User", amount: Money, method: PayMethod, request_key: str) -> Intent:
    """Freezes the rate, then asks the provider for an address, outside the transaction.

    A repeated `request_key`, or the same amount by the same method while its window is open, gets the first request.
    Raises: TopUpOutOfRange, TopUpUnavailable (no rate, or no address now: calling again is safe).
    """
    require_top_up_in_range(amount)
    with transaction.atomic(durable=True):
        now = clock.database_now()
        intent = _same_request(actor, request_key) or _open_request(actor, amount, method, now)
        intent = intent or _request(actor, amount, method, request_key, now)
    try:
        intent = ask_for_address(intent.pk)
    except ProviderError as error:
        raise TopUpUnavailable from error
    if intent.status != IntentStatus.OPEN:
        raise TopUpUnavailable
    return intent


def top_up_limits() -> tuple[Money, Money]:
    """Least and most of one request; whatever arrives is credited whole."""
    return exact_money(settings.TOP_UP_MIN_USD, HOME_ASSET), exact_money(settings.TOP_UP_MAX_USD, HOME_ASSET)


def require_top_up_in_range(amount: Money) -> None:
    """Raises: TopUpOutOfRange."""
    least, most = top_up_limits()
    if amount.asset != HOME_ASSET or amount < least or most < amount:
        raise TopUpOutOfRange(least, most)


def reference_of(actor: "User") -> str:
    """What intents of this purpose refer to."""
    return f"user-{actor.pk}"


def _same_request(actor: "User", request_key: str) -> Intent | None:
    known = Intent.objects.filter(request_key=request_key).first()
    if known is not None and (known.purpose, known.payer_id) != (PURPOSE, actor.pk):
        raise IdempotencyConflict(request_key)
    return known


def _open_request(actor: "User", amount: Money, method: PayMethod, now: datetime) -> Intent | None:
    alike = Intent.objects.filter(purpose=PURPOSE, payer=actor, price_minor=amount.minor, price_asset=amount.asset)
    by_method = alike.filter(provider=method.provider, pay_asset=method.asset, network=method.network)
    unpaid = by_method.filter(expires_at__gt=now, deposits__isnull=True).exclude(status=IntentStatus.FAILED)
    return unpaid.order_by("-pk").first()


def _request(actor: "User", amount: Money, method: PayMethod, request_key: str, now: datetime) -> Intent:
    try:
        return request_intent_within(
            payer=actor,
            purpose=PURPOSE,
            reference=reference_of(actor),
            price=amount,
            method=method,
            quote=quote_of(method.asset, amount.asset),
            expires_at=now + settings.PAYMENT_WINDOW,
            request_key=request_key,
        )
    except (RateUnavailable, UnknownMethod, UnknownProvider) as error:
        raise TopUpUnavailable from error
