"""What the rest of the house may ask this room. No locks."""

from datetime import datetime

from django.db.models import Exists, OuterRef

from payments.errors import UnknownMethod
from payments.methods import PayMethod
from payments.models import ChainClaim, Deposit, InboxEvent, Intent
from payments.providers import enabled_providers
from payments.states import ClaimState, DepositState, InboxStatus, Proof

__all__ = ["PayMethod", "confirmed_deposits_of", "intents_of", "is_payment_awaited", "method_of", "pay_methods"]


def pay_methods() -> list[PayMethod]:
    """Every way to pay that an enabled provider offers, in the order of the setting."""
    return [method for provider in enabled_providers() for method in provider.methods()]


def method_of(code: str) -> PayMethod:
    """The enabled method with this code, e.g. "sandbox:USDT:TRC20". Raises: UnknownMethod."""
    method = PayMethod.parse(code)
    if method not in pay_methods():
        raise UnknownMethod(code[:60])
    return method


def intents_of(purpose: str, reference: str) -> list[Intent]:
    """The intents for one thing, newest first."""
    return list(Intent.objects.filter(purpose=purpose, reference=reference).order_by("-pk"))


def confirmed_deposits_of(intent_id: int) -> list[Deposit]:
    """What has been credited for an intent, in order of arrival."""
    return list(Deposit.objects.filter(intent_id=intent_id, state=DepositState.CONFIRMED).order_by("pk"))


def is_payment_awaited(purpose: str, reference: str, *, heard_by: datetime) -> bool:
    """True when something heard of by then may still become money for this thing: a payment without enough
    confirmations, a pasted hash that our nodes have not settled, an event that waits in the inbox, or one that only an
    answer of its provider can prove."""
    intents = Intent.objects.filter(purpose=purpose, reference=reference)
    named = intents.filter(provider_payment_id__isnull=False).values("provider_payment_id")
    return (
        Deposit.objects.filter(intent__in=intents, state=DepositState.PENDING, first_seen_at__lte=heard_by).exists()
        or ChainClaim.objects.filter(intent__in=intents, state=ClaimState.WAITING, claimed_at__lte=heard_by).exists()
        or InboxEvent.objects.filter(
            payment_ref__in=named, status=InboxStatus.PENDING, received_at__lte=heard_by
        ).exists()
        or intents.filter(~_ANSWERED, hinted_at__lte=heard_by).exists()
    )


_ANSWERED = Exists(
    InboxEvent.objects.filter(
        provider=OuterRef("provider"),
        payment_ref=OuterRef("provider_payment_id"),
        proof=Proof.ASKED,
        received_at__gte=OuterRef("hinted_at"),
    )
)
