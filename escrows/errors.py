"""Errors of the agreement. All carry data, no prose; the edges word them.

EscrowError
├── EscrowRefusal                expected; the user is told; nothing changed
│   ├── NotFound                 no such trade, or not yours: the same answer on purpose (E1)
│   ├── NotAllowed               yours, but not for you or not now; `reason` is a code below
│   ├── WrongStatus              the trade is not where this act needs it
│   ├── PreviewChanged           what was shown is no longer what would happen (E5)
│   ├── AmountOutOfRange, HoursOutOfRange, TextTooLong, TextMissing, TooManyToday   limits of E3
│   ├── SelfTrade                both sides would be one account
│   ├── InviteUnknown, InviteUsed
│   ├── NotEnough                the wallet does not cover it
│   └── PaymentUnavailable       no rate or no address can be had now; try again or pay another way
└── SnapshotMalformed            a stored pricing snapshot or its hours cannot be trusted: never guessed (F42)
"""

from datetime import datetime
from enum import StrEnum

from wallets.money import Money


class Reason(StrEnum):
    """Why NotAllowed; the edges have a sentence for each."""

    BUYER_ONLY = "buyer_only"
    SELLER_ONLY = "seller_only"
    STAFF_ONLY = "staff_only"
    NEEDS_REASON = "needs_reason"
    COUNTERPARTY_THERE = "counterparty_there"
    COUNTERPARTY_MISSING = "counterparty_missing"
    TOO_LATE = "too_late"
    NOT_DUE = "not_due"
    DEADLINE_NOT_OVER = "deadline_not_over"
    RELEASE_RUNNING = "release_running"
    NO_RELEASE_RUNNING = "no_release_running"
    MONEY_ON_ITS_WAY = "money_on_its_way"
    NOTHING_SHORT = "nothing_short"
    NOT_ASKED = "not_asked"
    ALREADY_REFUSED = "already_refused"
    PAYMENT_IN_DOUBT = "payment_in_doubt"
    NOT_FROZEN = "not_frozen"


class EscrowError(Exception):
    """Base of everything this room raises."""


class EscrowRefusal(EscrowError):
    """Expected: told to the user by the edge, changes nothing."""


class NotFound(EscrowRefusal):
    """Missing, or not yours."""


class NotAllowed(EscrowRefusal):
    """`reason` is a Reason; `until` says from when it would be allowed, where that is known."""

    def __init__(self, reason: Reason, *, until: datetime | None = None) -> None:
        super().__init__(reason.value)
        self.reason, self.until = reason, until


class WrongStatus(EscrowRefusal):
    """The trade is `current`; the act needs, or leads to, `wanted`."""

    def __init__(self, current: str, wanted: str) -> None:
        super().__init__(str(current), str(wanted))
        self.current, self.wanted = str(current), str(wanted)


class PreviewChanged(EscrowRefusal):
    """The digest of the button is not that of the trade as it is now."""


class AmountOutOfRange(EscrowRefusal):
    """The price must be between `least` and `most`, both included."""

    def __init__(self, least: Money, most: Money) -> None:
        super().__init__(str(least), str(most))
        self.least, self.most = least, most


class HoursOutOfRange(EscrowRefusal):
    """Hours must be between `least` and `most`, both included."""

    def __init__(self, least: int, most: int) -> None:
        super().__init__(least, most)
        self.least, self.most = least, most


class TooManyToday(EscrowRefusal):
    """`limit` trades were started in the last 24 hours."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.limit = limit


class TextTooLong(EscrowRefusal):
    """A text has more than `limit` characters."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.limit = limit


class TextMissing(EscrowRefusal):
    """A text that must say something is empty."""


class SelfTrade(EscrowRefusal):
    """The same account cannot be both sides."""


class InviteUnknown(EscrowRefusal):
    """No such invitation, or it was replaced by a newer one."""


class InviteUsed(EscrowRefusal):
    """Somebody else came by this invitation."""


class NotEnough(EscrowRefusal):
    """The wallet lacks `missing`."""

    def __init__(self, missing: Money) -> None:
        super().__init__(str(missing))
        self.missing = missing


class PaymentUnavailable(EscrowRefusal):
    """No rate or no address can be had for this method now. `reference` finds what happened at the desk (P11)."""

    def __init__(self, reference: str = "") -> None:
        super().__init__(reference)
        self.reference = reference


class SnapshotMalformed(EscrowError):
    """The pricing snapshot, or the hours, of trade `public_id` cannot be trusted; `detail` says what."""

    def __init__(self, public_id: str, detail: str) -> None:
        super().__init__(public_id, detail)
        self.public_id, self.detail = public_id, detail
