"""Errors of money in and out.

PaymentsError
├── ProviderError                 trouble with a payment provider
│   ├── Unavailable               no answer, 429 or 5xx: try again later
│   ├── Rejected                  the provider said no: do not repeat
│   └── Unintelligible            an answer or event that cannot be read: alert
│       └── Unreadable            a body that is not what the wire format promises; carries a reason code
├── BadSignature                  the event does not prove who sent it: 401
├── BodyTooLarge, BodyMalformed   the request is refused before it is read further: 413, 400
├── UnknownProvider, UnknownPurpose, UnknownMethod
├── PlanIncomplete                a purpose's plan lacks the operation of a deposit: a bug
├── AssignRefused                 money in suspense cannot be given to that request, or not now
├── ReplayRefused                 a replay without a reason, or of a row that is gone
├── LookRefused                   a claim is not looked at again: no reason, or a person decides about its money
├── DestinationRefusal            a place to pay out to that is not taken; its owner is told why
│   ├── AddressRefused            no address of this chain, or one nobody should send to
│   ├── AccountMalformed          no account number
│   ├── AccountUnknown            the bank knows no such account
│   ├── BankUnknown               no bank of that name
│   ├── BankUnreachable           the look-up does not answer now
│   └── MethodGone                that way of paying out is not offered now
├── TopUpRefusal                  a deposit to the own wallet that is not begun
│   ├── TopUpOutOfRange           too little or too much at once
│   └── TopUpUnavailable          no rate or no address now
└── ClaimRefusal                  a pasted transaction id is not taken; the payer is told why
    ├── HashMalformed             it is no transaction id of this chain
    ├── HashUsed                  it was named before, for another payment
    ├── TooManyClaims             enough wrong ones for one payment
    └── NotClaimable              not this payer's, or a payment that asks for no transaction
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wallets.money import Money


class PaymentsError(Exception):
    """Base of everything this room raises."""


class ProviderError(PaymentsError):
    """Trouble with provider `provider`; `detail` is for staff."""

    def __init__(self, provider: str, detail: str) -> None:
        super().__init__(provider, detail)
        self.provider, self.detail = provider, detail


class Unavailable(ProviderError):
    """No usable answer came: repeat later with the same idempotency key."""


class Rejected(ProviderError):
    """The provider refused: repeating does not help."""


class Unintelligible(ProviderError):
    """The provider said something we cannot read: staff must look."""


class Unreadable(Unintelligible):
    """A body breaks its wire format; `reason` is a stable code, e.g. "not_json"."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__("", f"{reason} {detail}".strip())
        self.reason = reason


class BadSignature(PaymentsError):
    """`reason` is a code; `expected` says which header and scheme the provider's events must carry."""

    def __init__(self, reason: str, expected: str) -> None:
        super().__init__(reason)
        self.reason, self.expected = reason, expected


class BodyTooLarge(PaymentsError):
    """More bytes than `limit`."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.limit = limit


class BodyMalformed(PaymentsError):
    """The request's framing makes no sense."""


class UnknownProvider(PaymentsError):
    """No adapter has this name."""


class UnknownPurpose(PaymentsError):
    """Nobody registered a handler for this purpose."""


class UnknownMethod(PaymentsError):
    """No enabled provider offers this asset on this network."""


class PlanIncomplete(PaymentsError):
    """A handler's plan must hold exactly one operation under the key of each deposit."""


class ReplayRefused(PaymentsError):
    """`reason` is a code: reason_missing, not_found."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class LookRefused(PaymentsError):
    """`reason` is a code: reason_missing, not_found, already_proven, on_the_desk."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class AssignRefused(PaymentsError):
    """`reason` is a code: not_found, unknown_request, assigned_already, rate_unavailable, amount_out_of_range,
    worth_nothing."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class DestinationRefusal(PaymentsError):
    """Base of what a person is told about a place to pay out to."""


class AddressRefused(DestinationRefusal):
    """`reason`: empty, wrong_format, wrong_checksum, nobodys (nobody holds its keys) or ours (LockBay's own)."""

    def __init__(self, chain: str, reason: str) -> None:
        super().__init__(chain, reason)
        self.chain, self.reason = chain, reason


class AccountMalformed(DestinationRefusal):
    """Not `digits` digits."""

    def __init__(self, digits: int) -> None:
        super().__init__(digits)
        self.digits = digits


class AccountUnknown(DestinationRefusal):
    """The bank has no such account."""


class BankUnknown(DestinationRefusal):
    """No bank that the rail pays to is called that."""


class BankUnreachable(DestinationRefusal):
    """The bank's look-up does not answer: nothing is saved unchecked."""


class MethodGone(DestinationRefusal):
    """No rail in use pays out that way."""


class TopUpRefusal(PaymentsError):
    """Base of what a person is told about a deposit to their wallet."""


class TopUpOutOfRange(TopUpRefusal):
    """The amount must be between `least` and `most`, both included."""

    def __init__(self, least: "Money", most: "Money") -> None:
        super().__init__(least, most)
        self.least, self.most = least, most


class TopUpUnavailable(TopUpRefusal):
    """No rate, or no address, at the moment: trying again is safe."""


class ClaimRefusal(PaymentsError):
    """Base of what a payer is told about a pasted transaction id."""


class HashMalformed(ClaimRefusal):
    """This text is no transaction id of `chain`."""

    def __init__(self, chain: str) -> None:
        super().__init__(chain)
        self.chain = chain


class HashUsed(ClaimRefusal):
    """The transaction was named before, for another payment: it pays once."""


class TooManyClaims(ClaimRefusal):
    """More than `most` transactions were named for one payment."""

    def __init__(self, most: int) -> None:
        super().__init__(most)
        self.most = most


class NotClaimable(ClaimRefusal):
    """Not this payer's payment, or one that needs no transaction to be named."""
