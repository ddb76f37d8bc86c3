"""What the rest of the house may ask this room. No locks."""

from payments.errors import UnknownMethod
from payments.methods import PayMethod
from payments.models import Deposit, Intent
from payments.providers import enabled_providers
from payments.states import DepositState

__all__ = ["PayMethod", "confirmed_deposits_of", "intents_of", "method_of", "pay_methods"]


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
