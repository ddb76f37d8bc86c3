"""From what the sources answered to one price, or to a refusal (R5). Pure: no clock, no settings, no database."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Context, Decimal

from payments.rates.currencies import Pair
from payments.rates.errors import RateRefused

AGREE_WITHIN = Decimal("0.02")
MOST_JUMP = Decimal("0.25")
OLDEST_ANSWER = timedelta(hours=2)
_DIGITS = Context(prec=18)  # the text of a rate fits its column
_SMALLEST, _LARGEST = Decimal("1e-12"), Decimal("1e15")


@dataclass(frozen=True)
class Claim:
    """What `source` says a pair costs, and since when (`said_at`, real time)."""

    source: str
    rate: Decimal
    said_at: datetime


@dataclass(frozen=True)
class Judged:
    """The accepted price. `note` is empty for a median, else why the best-ranked source was taken alone.

    `disputed`: others said something else; `one_source`: there was no other.
    """

    rate: Decimal
    source: str
    fetched_at: datetime
    note: str = ""


def judge(pair: Pair, claims: Sequence[Claim], *, previous: Claim | None, now: datetime) -> Judged:
    """One price out of `claims` (best-ranked source first), held against the last accepted one.

    Two or more fresh claims that agree within 2 % give their median; else the best-ranked counts. A step of more than
    25 % from the previous price is refused while that one may still price money; once it is too old, two sources that
    agree may make the step. Raises: RateRefused.
    """
    fresh = _require_fresh(pair, claims, now)
    note = "disputed" if len(fresh) > 1 else "one_source"
    agreed = _largest_agreement(fresh)
    is_fresh = previous is not None and abs(now - previous.said_at) <= OLDEST_ANSWER
    if previous is not None and (is_fresh or len(agreed) < 2):
        fresh = [claim for claim in fresh if _step(previous.rate, claim.rate) <= MOST_JUMP]
        if not fresh:
            raise RateRefused(*pair, "jump")
        agreed = _largest_agreement(fresh)
    if len(agreed) >= 2:
        return _median(agreed)
    best = fresh[0]
    if previous is None and any(_step(best.rate, claim.rate) > MOST_JUMP for claim in fresh):
        raise RateRefused(*pair, "disagreement")  # one of them is absurd, and nothing tells which
    return Judged(_DIGITS.plus(best.rate), best.source, best.said_at, note)


def _require_fresh(pair: Pair, claims: Sequence[Claim], now: datetime) -> list[Claim]:
    """The claims that may be a price at all. Raises: RateRefused with the reason of the best-ranked source."""
    reasons = [(claim, _fault(claim, now)) for claim in claims]
    fresh = [claim for claim, reason in reasons if reason is None]
    if not fresh:
        raise RateRefused(*pair, reasons[0][1] or "" if reasons else "no_answer")
    return fresh


def _fault(claim: Claim, now: datetime) -> str | None:
    if not claim.rate.is_finite() or claim.rate <= 0:
        return "not_positive"
    if not _SMALLEST <= claim.rate <= _LARGEST:
        return "out_of_range"
    return "stale" if abs(now - claim.said_at) > OLDEST_ANSWER else None


def _largest_agreement(claims: Sequence[Claim]) -> list[Claim]:
    """The most claims that lie within 2 % of each other; of equals the one with the better-ranked source."""
    ordered = sorted(claims, key=lambda claim: claim.rate)
    groups = [
        [other for other in ordered[i:] if _step(low.rate, other.rate) <= AGREE_WITHIN] for i, low in enumerate(ordered)
    ]
    rank = {id(claim): n for n, claim in enumerate(claims)}
    return max(groups, key=lambda group: (len(group), -min(rank[id(claim)] for claim in group)), default=[])


def _median(claims: Sequence[Claim]) -> Judged:
    rates = [claim.rate for claim in claims]
    middle = len(rates) // 2
    rate = rates[middle] if len(rates) % 2 else _DIGITS.divide(rates[middle - 1] + rates[middle], 2)
    sources = "+".join(sorted(claim.source for claim in claims))
    return Judged(_DIGITS.plus(rate), sources[:40], min(claim.said_at for claim in claims))


def _step(old: Decimal, new: Decimal) -> Decimal:
    return _DIGITS.divide(abs(new - old), old)
