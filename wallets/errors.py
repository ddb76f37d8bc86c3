"""Errors of the books.

WalletError
├── Refusal                       expected; the user is told; carries data, no prose
│   ├── InsufficientFunds         a floor would be broken
│   ├── MalformedAmount           text that is not an amount of the asset
│   ├── QuoteUnavailable          no fresh rate or network fee now: try again in a minute
│   └── NothingArrives            the fees would take the whole amount
├── IdempotencyConflict           the same key with other legs: a bug or an attack, never a retry
├── UnbalancedOperation           legs that do not sum to zero per asset
├── MixedAssets, UnknownAsset     amounts that cannot meet
└── PostedOutsideTransaction      the ledger is written only inside atomic()
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wallets.money import Money


class WalletError(Exception):
    """Base of everything the books raise."""


class Refusal(WalletError):
    """Expected: told to the user by the edge, changes nothing."""


class InsufficientFunds(Refusal):
    """Account `code` holds `available` minor units of `asset`, `wanted` were asked of it."""

    def __init__(self, *, code: str, asset: str, available: int, wanted: int) -> None:
        super().__init__(code, asset, available, wanted)
        self.code, self.asset, self.available, self.wanted = code, asset, available, wanted


class MalformedAmount(Refusal):
    """`text` is not an amount of `asset`; `reason` is one of the codes in wallets.money."""

    def __init__(self, text: str, asset: str, reason: str) -> None:
        super().__init__(text[:40], asset, reason)
        self.text, self.asset, self.reason = text[:40], asset, reason


class QuoteUnavailable(Refusal):
    """`what` is "rate" or "network_fee": it is not known now, and nobody guesses."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class NothingArrives(Refusal):
    """`fees` (of the house and of the network) would take the whole `amount`."""

    def __init__(self, amount: "Money", fees: "Money") -> None:
        super().__init__(amount, fees)
        self.amount, self.fees = amount, fees


class IdempotencyConflict(WalletError):
    """`key` was posted before with other legs."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


class UnbalancedOperation(WalletError):
    """The legs of `key` do not sum to zero in `asset`, or there are fewer than two."""

    def __init__(self, key: str, asset: str, total: int) -> None:
        super().__init__(key, asset, total)
        self.key, self.asset, self.total = key, asset, total


class MixedAssets(WalletError):
    """Two amounts of different assets met."""

    def __init__(self, left: str, right: str) -> None:
        super().__init__(left, right)


class UnknownAsset(WalletError):
    """No such asset in the table."""


class PostedOutsideTransaction(WalletError):
    """ledger.post() was called outside transaction.atomic()."""
