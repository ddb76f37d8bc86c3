"""Refusals in words: one table from the class of a refusal to its template, complete by test.

Anything that is not in it is a bug: it is logged, the update is tried again and in the end parked with an apology.
"""

from collections.abc import Iterator

from escrows import errors as escrow_errors
from notifications import errors as notification_errors
from payments import errors as payment_errors
from telegrambot.rendering import render_template
from wallets import errors as wallet_errors


class DraftGone(Exception):
    """The button belongs to a draft that is not the active one any more, or to another step of it."""


class NotUnderstood(Exception):
    """A text that the current step cannot take; `expected` names what it takes (a phrase of the template)."""

    def __init__(self, expected: str) -> None:
        super().__init__(expected)
        self.expected = expected


# What is told to the person. The bases below are never raised themselves.
REFUSALS: dict[type[Exception], str] = {
    DraftGone: "draft_gone",
    NotUnderstood: "not_understood",
    escrow_errors.NotFound: "not_found",
    escrow_errors.NotAllowed: "not_allowed",
    escrow_errors.WrongStatus: "wrong_status",
    escrow_errors.PreviewChanged: "preview_changed",
    escrow_errors.AmountOutOfRange: "amount_out_of_range",
    escrow_errors.HoursOutOfRange: "hours_out_of_range",
    escrow_errors.TooManyToday: "too_many_today",
    escrow_errors.TextTooLong: "text_too_long",
    escrow_errors.TextMissing: "text_missing",
    escrow_errors.SelfTrade: "self_trade",
    escrow_errors.InviteUnknown: "invite_unknown",
    escrow_errors.InviteUsed: "invite_used",
    escrow_errors.NotEnough: "not_enough",
    escrow_errors.PaymentUnavailable: "payment_unavailable",
    payment_errors.HashMalformed: "hash_malformed",
    payment_errors.HashUsed: "hash_used",
    payment_errors.TooManyClaims: "too_many_hashes",
    payment_errors.NotClaimable: "not_claimable",
    payment_errors.AddressRefused: "address_refused",
    payment_errors.AccountMalformed: "account_malformed",
    payment_errors.AccountUnknown: "account_unknown",
    payment_errors.BankUnknown: "bank_unknown",
    payment_errors.BankUnreachable: "bank_unreachable",
    payment_errors.MethodGone: "method_gone",
    payment_errors.TopUpOutOfRange: "sum_out_of_range",
    payment_errors.TopUpUnavailable: "payment_unavailable",
    wallet_errors.InsufficientFunds: "insufficient_funds",
    wallet_errors.MalformedAmount: "malformed_amount",
    wallet_errors.DebtOpen: "debt_open",
    wallet_errors.QuoteUnavailable: "quote_unavailable",
    wallet_errors.NothingArrives: "nothing_arrives",
    wallet_errors.WithdrawalNotFound: "withdrawal_not_found",
    wallet_errors.DestinationNotFound: "place_not_found",
    wallet_errors.WrongWithdrawalStatus: "wrong_withdrawal_status",
    wallet_errors.WithdrawalOutOfRange: "sum_out_of_range",
    wallet_errors.TooManyWithdrawals: "too_many_withdrawals",
    wallet_errors.DestinationCoolingOff: "place_cooling_off",
    wallet_errors.DestinationInUse: "place_in_use",
    # Staff alone can meet these: nobody sees them in the bot.
    wallet_errors.DecisionRefused: "too_late",
    wallet_errors.QuoteExpired: "too_late",
    wallet_errors.RevisionChanged: "too_late",
    wallet_errors.VelocityReached: "too_late",
    wallet_errors.PayoutsStopped: "payouts_stopped",
    notification_errors.AddressMalformed: "address_malformed",
    notification_errors.ChannelNotOffered: "channel_not_offered",
    notification_errors.TooManyCodes: "too_many_codes",
    notification_errors.AddressTaken: "address_taken",
    notification_errors.TooSoonForAnotherCode: "too_soon_for_another_code",
    notification_errors.WouldBeSilent: "would_be_silent",
    notification_errors.CodeExpired: "code_expired",
    notification_errors.CodeWrong: "code_wrong",
    notification_errors.NotResendable: "too_late",
    notification_errors.ReasonMissing: "too_late",
    notification_errors.IncidentNotTheirs: "not_allowed",
}
REFUSAL_BASES = (
    escrow_errors.EscrowRefusal,
    payment_errors.ClaimRefusal,
    payment_errors.DestinationRefusal,
    payment_errors.TopUpRefusal,
    wallet_errors.Refusal,
    notification_errors.NotificationRefusal,
)
TOLD = (DraftGone, NotUnderstood, *REFUSAL_BASES)


def all_refusals() -> Iterator[type[Exception]]:
    """Every class of refusal that the rooms below declare, without the bases."""
    waiting: list[type[Exception]] = list(REFUSAL_BASES)
    while waiting:
        for child in waiting.pop().__subclasses__():
            yield child
            waiting.append(child)


def template_of(refusal: Exception) -> str:
    """The template that words it. Raises: LookupError for a class that nobody entered."""
    for known in type(refusal).__mro__:
        if known in REFUSALS:
            return f"telegram/refusals/{REFUSALS[known]}.html"
    raise LookupError(type(refusal).__name__)


def word_refusal(refusal: Exception) -> str:
    """The refusal as HTML in the active language."""
    return render_template(template_of(refusal), {"refusal": refusal})
