"""Which rates somebody waits for: open intents, and money that came and is not valued yet (R4)."""

from lockbay import clock
from payments.models import Deposit, Intent
from payments.rates.currencies import PAIRS, Pair
from payments.states import DepositState, IntentStatus


def waited_for() -> list[Pair]:
    """The pairs that an open intent or an unvalued deposit will be priced by."""
    open_ = Intent.objects.filter(expires_at__gt=clock.now()).exclude(status=IntentStatus.FAILED)
    unvalued = Deposit.objects.filter(state=DepositState.PENDING, intent__isnull=False)
    currencies = {*open_.values_list("pay_asset", flat=True), *unvalued.values_list("intent__pay_asset", flat=True)}
    return [pair for pair in PAIRS if currency_of(pair) in currencies]


def pairs_by_need() -> list[Pair]:
    """All pairs, those that somebody waits for first."""
    first = waited_for()
    return [*first, *(pair for pair in PAIRS if pair not in first)]


def currency_of(pair: Pair) -> str:
    """The coin or fiat currency that a pair prices."""
    return pair[1] if pair[0] == "USD" else pair[0]
