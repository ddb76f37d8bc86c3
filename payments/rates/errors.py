"""Errors of the rates.

RateUnavailable      no price that may value money (R2): the event waits and is tried again
RateRefused          an answer that may not become a price: zero, negative, NaN, stale, an absurd jump (R5)
SourceTrouble        a source did not answer well
├── Unavailable      no answer, or "later": a repeat may help
├── Rejected         it refuses us: a key or a plan is wrong
└── Unintelligible   an answer that cannot be read
"""


class RateUnavailable(Exception):
    """`reason`: unknown_pair, missing, or too_old."""

    def __init__(self, base: str, quote: str, reason: str) -> None:
        super().__init__(base, quote, reason)
        self.base, self.quote, self.reason = base, quote, reason


class RateRefused(Exception):
    """`reason`: not_positive, stale, out_of_range, jump, or disagreement."""

    def __init__(self, base: str, quote: str, reason: str) -> None:
        super().__init__(base, quote, reason)
        self.base, self.quote, self.reason = base, quote, reason


class SourceTrouble(Exception):
    """A source of rates did not answer well."""


class Unavailable(SourceTrouble):
    """No answer, or one that says "later"."""


class Rejected(SourceTrouble):
    """The source refuses us."""


class Unintelligible(SourceTrouble):
    """The answer cannot be read."""
