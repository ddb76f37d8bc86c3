"""Errors of the rates. Trouble with a source is payments.errors.ProviderError: Unavailable, Rejected, Unintelligible.

PaymentsError
├── RateUnavailable      no price that may value money (R2): the event waits and is tried again
└── RateRefused          an answer that may not become a price: zero, negative, NaN, stale, an absurd jump (R5)
"""

from payments.errors import PaymentsError


class RateUnavailable(PaymentsError):
    """`reason`: unknown_pair, missing or too_old."""

    def __init__(self, base: str, quote: str, reason: str) -> None:
        super().__init__(base, quote, reason)
        self.base, self.quote, self.reason = base, quote, reason


class RateRefused(PaymentsError):
    """`reason`: no_answer, not_positive, stale, out_of_range, jump or disagreement."""

    def __init__(self, base: str, quote: str, reason: str) -> None:
        super().__init__(base, quote, reason)
        self.base, self.quote, self.reason = base, quote, reason
