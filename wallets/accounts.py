"""Names of accounts. An account is found by its code, which says whose it is, what for and in which asset (B3).

user:12:available:USD   user:12:held:USD   user:12:credit:USD   user:12:affiliate:USD
escrow:ES092925ZDWS:hold:USD   withdrawal:WD092925ZDWS:hold:USD
platform:fees:USD   platform:clearing/dynopay:USDT   platform:suspense:USD …
"""

from dataclasses import dataclass

from wallets.assets import digits_of

AVAILABLE, HELD, CREDIT, AFFILIATE = "available", "held", "credit", "affiliate"
HOLD, PAYOUT = "hold", "payout"  # of an agreement, of a withdrawal on its way
FEES, CLEARING, SUSPENSE, TOLERANCE, LOSSES, FX = "fees", "clearing", "suspense", "tolerance", "losses", "fx"

USER_KINDS = frozenset({AVAILABLE, HELD, CREDIT, AFFILIATE})
PLATFORM_KINDS = frozenset({FEES, CLEARING, SUSPENSE, TOLERANCE, LOSSES, FX})
FLOORED_KINDS = USER_KINDS | {HOLD, PAYOUT}


@dataclass(frozen=True, slots=True)
class AccountCode:
    """What makes an account the one it is. `str()` is its stored, unique code."""

    kind: str
    asset: str
    owner_id: int | None = None
    reference: str = ""

    def __post_init__(self) -> None:
        digits_of(self.asset)

    def __str__(self) -> str:
        if self.owner_id is not None:
            return f"user:{self.owner_id}:{self.kind}:{self.asset}"
        if self.kind == HOLD:
            return f"escrow:{self.reference}:{HOLD}:{self.asset}"
        if self.kind == PAYOUT:
            return f"withdrawal:{self.reference}:{HOLD}:{self.asset}"
        suffix = f"/{self.reference}" if self.reference else ""
        return f"platform:{self.kind}{suffix}:{self.asset}"


def user_account(user_id: int, asset: str, kind: str = AVAILABLE) -> AccountCode:
    """A user's account; `kind` is available, held, credit or affiliate."""
    if kind not in USER_KINDS:
        raise ValueError(kind)
    return AccountCode(kind=kind, asset=asset, owner_id=user_id)


def hold_account(reference: str, asset: str) -> AccountCode:
    """The account that keeps the money of one agreement."""
    return AccountCode(kind=HOLD, asset=asset, reference=reference)


def withdrawal_hold(reference: str, asset: str) -> AccountCode:
    """The account that keeps the money of one approved withdrawal until it is paid out or returned."""
    return AccountCode(kind=PAYOUT, asset=asset, reference=reference)


def platform_account(kind: str, asset: str, reference: str = "") -> AccountCode:
    """An account of the house; clearing takes the provider's name as `reference`."""
    if kind not in PLATFORM_KINDS:
        raise ValueError(kind)
    return AccountCode(kind=kind, asset=asset, reference=reference)
