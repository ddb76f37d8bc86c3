"""Network fees: live prices from the chains, stored with their moment, plus a margin (W1, T7). Nobody guesses.

The job fetches; everybody else reads what is stored. What is too old is not known, and the question is refused.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, Decimal

from django.conf import settings

from lockbay import clock
from payments.banks import desks_that_tell_fees
from payments.chains import READERS, reader_of_chain
from payments.chains.fees import Resource
from payments.errors import PaymentsError
from payments.models import StoredFee
from payments.networks import NETWORKS
from payments.rates.errors import RateUnavailable
from payments.rates.quotes import quote_of
from wallets.assets import digits_of
from wallets.money import Money

HOME_ASSET = "USD"
BANK = "bank"
SET_BY_STAFF = "staff"
CELLFRAME = "cellframe"


class FeeUnknown(PaymentsError):
    """No fee that is fresh enough; `reason`: missing, too_old or rate."""

    def __init__(self, chain: str, reason: str) -> None:
        super().__init__(chain, reason)
        self.chain, self.reason = chain, reason


@dataclass(frozen=True, slots=True)
class NetworkFee:
    """What a transfer of `kind` on `chain` costs: `cost` as it was told, `charged` with the margin, both in `asset`,
    and `money` what that is worth, rounded up to the cent. `is_live` False: staff set it, nobody told it."""

    chain: str
    kind: str
    asset: str
    resources: tuple[Resource, ...]
    cost: Decimal
    margin_percent: Decimal
    charged: Decimal
    money: Money
    source: str
    fetched_at: datetime

    @property
    def is_live(self) -> bool:
        return self.source != SET_BY_STAFF


def network_fee(*, network: str, asset: str, rail: str = "") -> NetworkFee:
    """The fee of sending `asset` by `network` ("BANK": by `rail`). Raises: FeeUnknown."""
    chain = NETWORKS[network].chain
    if chain == BANK:
        return _bank_fee(rail)
    return _chain_fee(chain, "coin" if asset == reader_of_chain(chain).native_asset else "token")


def fees_of_chain(chain: str) -> list[NetworkFee]:
    """Every fee known of a chain. Raises: FeeUnknown when there is none."""
    return [_chain_fee(chain, kind) for kind in kinds_of(chain)]


def kinds_of(chain: str) -> tuple[str, ...]:
    """The kinds of transfer that a chain has."""
    is_coin_only = chain in {"bitcoin", "litecoin", "dogecoin", "bitcoincash"}
    return ("coin",) if is_coin_only else ("coin", "token")


def chain_named(text: str) -> str:
    """The chain that somebody means by its name, its coin or one of its networks; "" for none."""
    wanted = text.strip().lower().replace(" ", "").replace("-", "")
    for chain in READERS:
        reader = reader_of_chain(chain)
        if wanted in {chain, reader.native_asset.lower(), *(network.lower() for network in reader.networks)}:
            return chain
    return ""


def _chain_fee(chain: str, kind: str) -> NetworkFee:
    if chain == CELLFRAME:
        return _staff_fee(chain, kind, reader_of_chain(chain).native_asset, settings.CELLFRAME_FEE_CELL)
    return _stored(chain, kind)


def _bank_fee(rail: str) -> NetworkFee:
    if rail in {desk.rail for desk in desks_that_tell_fees()}:
        return _stored(BANK, rail)
    return _staff_fee(BANK, rail, "NGN", settings.BANK_FEE_NGN)


def _staff_fee(chain: str, kind: str, asset: str, cost: Decimal) -> NetworkFee:
    if cost <= 0 and chain != BANK:
        raise FeeUnknown(chain, "missing")
    return _fee(chain, kind, asset, (), cost, SET_BY_STAFF, clock.real_now())


def _stored(chain: str, kind: str) -> NetworkFee:
    row = StoredFee.objects.filter(chain=chain, kind=kind).first()
    if row is None:
        raise FeeUnknown(chain, "missing")
    if _is_too_old(row.fetched_at):
        raise FeeUnknown(chain, "too_old")
    return _fee(chain, kind, row.asset, _read_resources(row.resources), Decimal(row.cost), row.source, row.fetched_at)


def _fee(
    chain: str,
    kind: str,
    asset: str,
    resources: tuple[Resource, ...],
    cost: Decimal,
    source: str,
    fetched_at: datetime,
) -> NetworkFee:
    margin = Decimal(0) if chain == BANK else settings.NETWORK_FEE_MARGIN_PERCENT
    charged = cost * (100 + margin) / Decimal(100)
    return NetworkFee(
        chain=chain,
        kind=kind,
        asset=asset,
        resources=resources,
        cost=cost,
        margin_percent=margin,
        charged=charged,
        money=_worth(chain, charged, asset),
        source=source,
        fetched_at=fetched_at,
    )


def _worth(chain: str, amount: Decimal, asset: str) -> Money:
    """What a cost is worth now, rounded up: a cent too much is said, a loss is not."""
    try:
        quote = quote_of(asset, HOME_ASSET)
    except RateUnavailable as error:
        raise FeeUnknown(chain, "rate") from error
    minor = (amount * quote.rate).scaleb(digits_of(HOME_ASSET)).to_integral_value(rounding=ROUND_CEILING)
    return Money(int(minor), HOME_ASSET)


def _is_too_old(fetched_at: datetime) -> bool:
    age: timedelta = abs(clock.real_now() - fetched_at)
    return age > settings.NETWORK_FEE_LIMIT


def _read_resources(rows: Iterable[list[object]]) -> tuple[Resource, ...]:
    return tuple(Resource(str(name), int(str(units)), Decimal(str(price))) for name, units, price in rows)
