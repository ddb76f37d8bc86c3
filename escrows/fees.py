"""What a trade costs and who pays it (E4): pure functions, and the frozen snapshot they leave on the escrow.

Every screen and every posting reads the snapshot with Pricing.of(escrow); nothing recomputes a fee later.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from escrows.errors import SnapshotMalformed
from escrows.models import Escrow, FeePayer
from wallets.money import Money, half_up

_AMOUNTS = ("price", "fee", "buyer_fee", "seller_fee", "buyer_total", "seller_net")
HOURS_LEAST, HOURS_MOST = 1, 168


@dataclass(frozen=True)
class FeePolicy:
    """`percent` of the price less the level's discount; at least `minimum` up to and including `minimum_up_to`."""

    percent: Decimal
    minimum: Money
    minimum_up_to: Money
    discount_percent: int = 0

    @property
    def version(self) -> str:
        """Names the policy: two policies with one version give the same fees."""
        minimum = f"{self.minimum.plain()}<={self.minimum_up_to.plain()}"
        return f"1:{self.percent.normalize():f}%:{minimum}:-{self.discount_percent}%"


@dataclass(frozen=True)
class Pricing:
    """Who pays and gets what. buyer_total − seller_net == fee, always."""

    price: Money
    fee: Money
    buyer_fee: Money
    seller_fee: Money
    policy_version: str

    @property
    def buyer_total(self) -> Money:
        """What the buyer pays in, and the hold keeps."""
        return self.price + self.buyer_fee

    @property
    def seller_net(self) -> Money:
        """What the seller gets on release."""
        return self.price - self.seller_fee

    def snapshot(self) -> dict[str, Any]:
        """The JSON form: minor units, the asset, the policy's version."""
        amounts = {name: getattr(self, name).minor for name in _AMOUNTS}
        return {"asset": self.price.asset, "policy_version": self.policy_version, **amounts}

    @staticmethod
    def of(escrow: Escrow) -> "Pricing":
        """The escrow's frozen pricing. Raises: SnapshotMalformed when it is missing, mistyped or does not add up."""
        return _read(escrow)


def price_escrow(price: Money, fee_payer: str, policy: FeePolicy) -> Pricing:
    """The fee, half-up to the cent, and its parts; a split's odd cent is the seller's. It never exceeds the price."""
    rate = policy.percent * (100 - policy.discount_percent) / Decimal(10_000)
    minor = half_up(price.minor * rate)
    if price <= policy.minimum_up_to:
        minor = max(minor, policy.minimum.minor)
    minor = min(minor, price.minor)
    buyer_part = {FeePayer.BUYER: minor, FeePayer.SELLER: 0, FeePayer.SPLIT: minor // 2}[FeePayer(fee_payer)]
    return Pricing(
        price=price,
        fee=Money(minor, price.asset),
        buyer_fee=Money(buyer_part, price.asset),
        seller_fee=Money(minor - buyer_part, price.asset),
        policy_version=policy.version,
    )


def delivery_hours_of(escrow: Escrow) -> int:
    """The agreed hours. Raises: SnapshotMalformed when they are outside what can be agreed."""
    if type(escrow.delivery_hours) is not int or not HOURS_LEAST <= escrow.delivery_hours <= HOURS_MOST:
        raise SnapshotMalformed(escrow.public_id, f"delivery_hours {escrow.delivery_hours!r}")
    return escrow.delivery_hours


def _read(escrow: Escrow) -> Pricing:
    pricing = pricing_of(escrow.public_id, escrow.asset, escrow.pricing)
    if pricing.price.minor != escrow.price_minor:
        raise SnapshotMalformed(escrow.public_id, "amounts do not add up")
    return pricing


def pricing_of(public_id: str, asset: str, stored: Any) -> Pricing:
    """A stored snapshot, read. Raises: SnapshotMalformed, naming `public_id`, when it cannot be trusted."""
    if not isinstance(stored, dict):
        raise SnapshotMalformed(public_id, f"a {type(stored).__name__}")
    for name in _AMOUNTS:
        if type(stored.get(name)) is not int or stored[name] < 0:
            raise SnapshotMalformed(public_id, f"{name} {stored.get(name)!r}")
    version = stored.get("policy_version")
    if stored.get("asset") != asset or not isinstance(version, str) or not version:
        raise SnapshotMalformed(public_id, f"asset {stored.get('asset')!r}, policy {version!r}")
    price, fee, buyer_fee, seller_fee = (Money(stored[name], asset) for name in _AMOUNTS[:4])
    pricing = Pricing(price=price, fee=fee, buyer_fee=buyer_fee, seller_fee=seller_fee, policy_version=version)
    adds_up = (
        buyer_fee + seller_fee == fee
        and pricing.buyer_total.minor == stored["buyer_total"]
        and pricing.seller_net.minor == stored["seller_net"]
        and pricing.seller_net.minor >= 0
    )
    if not adds_up:
        raise SnapshotMalformed(public_id, "amounts do not add up")
    return pricing
