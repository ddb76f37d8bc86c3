"""What rails hold for us: looked at by schedule, kept with its time, and told to staff when it runs low."""

import structlog
from django.conf import settings
from django.db import transaction

from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.recording import NewEvent, record
from payments.errors import ProviderError
from payments.models import RailBalance
from payments.payouts import adapter_of_rail, payout_adapter
from payments.payouts.base import UnknownRail
from wallets.money import Money, parse_money

log = structlog.stdlib.get_logger(__name__)


def look_at_balance(rail: str) -> bool:
    """Asks one rail, outside any transaction, and stores what it says; False when it does not answer."""
    try:
        adapter = adapter_of_rail(rail)
        balances = adapter.balances()
    except (ProviderError, UnknownRail) as error:
        log.warning("RAIL_BALANCE_UNKNOWN", rail=rail, detail=str(error)[:200])
        return False
    for money in balances:
        _store(adapter.name, money)
    return True


def low_limits() -> dict[tuple[str, str], Money]:
    """Below this staff are told, by adapter and asset. Raises: MalformedAmount, UnknownAsset, UnknownRail."""
    named = [(*name.partition(":")[::2], text) for name, text in settings.PAYOUT_LOW_BALANCES.items()]
    return {(payout_adapter(adapter).name, asset): parse_money(text, asset) for adapter, asset, text in named}


def _store(adapter: str, money: Money) -> None:
    now, limit = clock.real_now(), low_limits().get((adapter, money.asset))
    is_low = limit is not None and money < limit
    with transaction.atomic(durable=True):
        row = RailBalance.objects.select_for_update(no_key=True).filter(adapter=adapter, asset=money.asset).first()
        row = row or RailBalance(adapter=adapter, asset=money.asset)
        is_new = is_low and row.low_since is None
        row.minor, row.seen_at = money.minor, now
        row.low_since = (row.low_since or now) if is_low else None
        row.save()
        if is_new:
            data = {"rail": adapter, "asset": money.asset, "balance": str(money), "limit": str(limit)}
            record([NewEvent(kind=Kind.PAYOUT_BALANCE_LOW, subject_type="rail", subject_id=row.pk, data=data)])
