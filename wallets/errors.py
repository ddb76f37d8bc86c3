"""Errors of the books.

WalletError
├── Refusal                       expected; the user is told; carries data, no prose
│   ├── InsufficientFunds         a floor would be broken
│   ├── DebtOpen                  the user owes us: nothing is paid out before it is settled (P7)
│   ├── MalformedAmount           text that is not an amount of the asset
│   ├── QuoteUnavailable          no fresh rate or network fee now: try again in a minute
│   ├── NothingArrives            the fees would take the whole amount
│   ├── WithdrawalNotFound, DestinationNotFound   missing, or not yours: the same answer on purpose
│   ├── WrongWithdrawalStatus     the withdrawal is not where this act needs it
│   ├── WithdrawalOutOfRange, TooManyWithdrawals   limits of W1
│   ├── DestinationCoolingOff     it is too new to be paid (W7)
│   ├── DestinationInUse          an open withdrawal goes there
│   ├── DecisionRefused           staff may not decide this, or not like this; `reason` is a WhyNot
│   ├── RevisionChanged           what was looked at is no longer what would be paid (W2)
│   ├── QuoteExpired              the payout that was looked at is too old to approve: look again
│   ├── VelocityReached           so much left within the hour that only an owner may approve more (W7)
│   └── PayoutsStopped            payouts of that asset are stopped (W7, B8)
├── RepairRefused                 staff cannot mend it like this; `code` says why, or which repair is the right one (A3)
│   └── RepairChanged             what was shown is no longer what would happen: look again
├── NotProcessing                 somebody was about to pay what is not to be paid: a bug, never a retry (W3)
├── IdempotencyConflict           the same key with other legs: a bug or an attack, never a retry
├── UnbalancedOperation           legs that do not sum to zero per asset
├── MixedAssets, UnknownAsset     amounts that cannot meet
└── PostedOutsideTransaction      the ledger is written only inside atomic()
"""

from datetime import datetime
from enum import StrEnum
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


class DebtOpen(Refusal):
    """`user_id` owes `debt` for money that was taken back after it had been spent."""

    def __init__(self, *, user_id: int, debt: "Money") -> None:
        super().__init__(user_id, debt)
        self.user_id, self.debt = user_id, debt


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


class WhyNot(StrEnum):
    """Why a decision about a withdrawal is refused; the edges have a sentence for each."""

    STAFF_ONLY = "staff_only"
    OWN_MONEY = "own_money"
    NEEDS_REASON = "needs_reason"
    NEEDS_REFERENCE = "needs_reference"
    ALREADY_DECIDED = "already_decided"


class WithdrawalNotFound(Refusal):
    """Missing, or not yours."""


class DestinationNotFound(Refusal):
    """Missing, removed, or not yours."""


class WrongWithdrawalStatus(Refusal):
    """The withdrawal is `current`; the act needs, or leads to, `wanted`."""

    def __init__(self, current: str, wanted: str) -> None:
        super().__init__(str(current), str(wanted))
        self.current, self.wanted = str(current), str(wanted)


class WithdrawalOutOfRange(Refusal):
    """The amount must be between `least` and `most`, both included."""

    def __init__(self, least: "Money", most: "Money") -> None:
        super().__init__(least, most)
        self.least, self.most = least, most


class TooManyWithdrawals(Refusal):
    """No more than `most` in 24 hours."""

    def __init__(self, most: int) -> None:
        super().__init__(most)
        self.most = most


class DestinationCoolingOff(Refusal):
    """It can be paid from `until` on."""

    def __init__(self, until: datetime) -> None:
        super().__init__(until)
        self.until = until


class DestinationInUse(Refusal):
    """The open withdrawal `public_id` goes there."""

    def __init__(self, public_id: str) -> None:
        super().__init__(public_id)
        self.public_id = public_id


class DecisionRefused(Refusal):
    """`reason` is a WhyNot."""

    def __init__(self, reason: WhyNot) -> None:
        super().__init__(reason.value)
        self.reason = reason


class RevisionChanged(Refusal):
    """Revision `looked_at` was decided about; the withdrawal is at `current`."""

    def __init__(self, looked_at: int, current: int) -> None:
        super().__init__(looked_at, current)
        self.looked_at, self.current = looked_at, current


class QuoteExpired(Refusal):
    """What was shown is no longer good: it must be looked at again before it is approved."""


class VelocityReached(Refusal):
    """With this one, `wanted` of payouts in `asset` would have been approved within the hour; `most` need no owner."""

    def __init__(self, asset: str, wanted: "Money", most: "Money") -> None:
        super().__init__(asset, wanted, most)
        self.asset, self.wanted, self.most = asset, wanted, most


class PayoutsStopped(Refusal):
    """Payouts of `asset` are stopped."""

    def __init__(self, asset: str) -> None:
        super().__init__(asset)
        self.asset = asset


class RepairRefused(WalletError):
    """`code` is one that the desk has a sentence for; `facts` go into it."""

    def __init__(self, code: str, **facts: object) -> None:
        super().__init__(code, facts)
        self.code, self.facts = code, facts


class RepairChanged(RepairRefused):
    """The digest of the button is not that of what would happen now."""

    def __init__(self) -> None:
        super().__init__("changed")


class NotProcessing(WalletError):
    """Withdrawal `public_id` is `current`: nobody may be asked to pay it."""

    def __init__(self, public_id: str, current: str) -> None:
        super().__init__(public_id, str(current))
        self.public_id, self.current = public_id, str(current)


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
