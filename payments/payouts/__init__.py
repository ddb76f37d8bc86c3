"""The table of rails. A withdrawal names its rail; which adapter serves it is a setting, and an attempt remembers which
one it used, so that it is asked about at the same place for ever."""

from functools import cache

from django.conf import settings
from django.utils.module_loading import import_string

from payments.payouts.base import PayoutRail, UnknownRail

ADAPTERS: dict[str, str] = {
    "fincra": "payments.payouts.fincra.FincraPayouts",
    "flutterwave": "payments.payouts.flutterwave.FlutterwavePayouts",
    "flutterwave_v4": "payments.payouts.flutterwave.FlutterwaveV4Payouts",
    "kraken": "payments.payouts.kraken.KrakenPayouts",
    "manual": "payments.payouts.manual.ManualPayouts",
    "sandbox": "payments.payouts.sandbox.SandboxPayouts",
}


def payout_adapter(name: str) -> PayoutRail:
    """The adapter called `name`. Raises: UnknownRail."""
    if name not in ADAPTERS:
        raise UnknownRail(name[:40])
    return _adapter(name)


def adapter_of_rail(rail: str) -> PayoutRail:
    """The adapter that serves new payouts of `rail`: Flutterwave has two generations, one by setting (never guessed).

    Raises: UnknownRail.
    """
    is_v4 = rail == "flutterwave" and settings.FLUTTERWAVE_PAYOUT_VERSION == "v4"
    return payout_adapter("flutterwave_v4" if is_v4 else rail)


@cache
def _adapter(name: str) -> PayoutRail:
    adapter: PayoutRail = import_string(ADAPTERS[name])()
    return adapter
