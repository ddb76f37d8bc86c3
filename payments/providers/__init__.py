"""The table of adapters. A provider is offered when settings.PAYMENT_PROVIDERS names it; its webhooks are understood as
long as it is known, because money to an old address still belongs to its intent (E10)."""

from functools import cache

from django.conf import settings
from django.utils.module_loading import import_string

from payments.errors import UnknownProvider
from payments.providers.base import PaymentProvider

ADAPTERS: dict[str, str] = {
    "blockbee": "payments.providers.blockbee.BlockBee",
    "btcpay": "payments.providers.btcpay.BtcPay",
    "dynopay": "payments.providers.dynopay.DynoPay",
    "fincra": "payments.providers.fincra.Fincra",
    "flutterwave": "payments.providers.flutterwave.FlutterwaveV3",
    "flutterwave_v4": "payments.providers.flutterwave.FlutterwaveV4",
    "nowpayments": "payments.providers.nowpayments.NowPayments",
    "onchain": "payments.providers.onchain.OnChain",
    "sandbox": "payments.providers.sandbox.Sandbox",
}


def provider_of(name: str) -> PaymentProvider:
    """The adapter called `name`. Raises: UnknownProvider."""
    if name not in ADAPTERS:
        raise UnknownProvider(name[:40])
    return _adapter(name)


def enabled_providers() -> list[PaymentProvider]:
    """The adapters that new payments may use, in the order of the setting. Raises: UnknownProvider naming a misspelt
    one."""
    return [provider_of(name) for name in settings.PAYMENT_PROVIDERS]


@cache
def _adapter(name: str) -> PaymentProvider:
    adapter: PaymentProvider = import_string(ADAPTERS[name])()
    return adapter
