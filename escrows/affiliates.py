"""What affiliates earn (E19): a part of the platform's fee of each completed trade of those they brought.

The fee stays in the hold until release; the release is one operation that cuts it. Who is a party of the trade earns
nothing from it as a referrer: nobody lowers his own fee by inviting himself or a friend. A referrer of both parties
earns once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.conf import settings
from django.db.models import Count, Sum

from escrows.affiliate_models import FirstStart
from escrows.fees import Pricing
from escrows.models import Escrow
from wallets.accounts import AFFILIATE, user_account
from wallets.models import Entry
from wallets.money import Money
from wallets.queries import balance_of

RELEASE = "escrow_release"


@dataclass(frozen=True)
class Share:
    """`user_id` gets `money` of the fee into his affiliate account."""

    user_id: int
    money: Money


@dataclass(frozen=True)
class AffiliateStanding:
    """What a referrer sees: people who came by the link, trades that earned, all earned so far, what is there now."""

    people: int
    trades: int
    earned: Money
    balance: Money


def shares_of(escrow: Escrow, pricing: Pricing, now: datetime) -> tuple[Share, ...]:
    """Who gets which part of the fee when the trade is released at `now`; cents are rounded down, the house's."""
    part = Money(int(pricing.fee.minor * settings.AFFILIATE_PERCENT / Decimal(100)), pricing.fee.asset)
    if not part:
        return ()
    parties = {escrow.buyer_id, escrow.seller_id}
    brought = FirstStart.objects.filter(
        user_id__in=[pk for pk in parties if pk], referrer__isnull=False, at__gt=now - settings.AFFILIATE_PERIOD
    )
    referrers = sorted({row.referrer_id for row in brought if row.referrer_id} - parties)
    return tuple(Share(user_id, part) for user_id in referrers)


def standing_of(user_id: int, asset: str = "USD") -> AffiliateStanding:
    """A referrer's figures, from the books."""
    account = user_account(user_id, asset, AFFILIATE)
    earned = Entry.objects.filter(account__code=str(account), operation__kind=RELEASE).aggregate(
        trades=Count("id"), total=Sum("amount")
    )
    return AffiliateStanding(
        people=FirstStart.objects.filter(referrer_id=user_id).count(),
        trades=earned["trades"],
        earned=Money(earned["total"] or 0, asset),
        balance=balance_of(account),
    )


def total_of_shares(shares: Sequence[Share], asset: str) -> Money:
    """What all of them take from the fee."""
    return sum((share.money for share in shares), Money(0, asset))
