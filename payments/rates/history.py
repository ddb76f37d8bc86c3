"""What was judged about each pair, accepted and refused, with the words of every source: for staff, for 30 days."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from lockbay import clock
from payments.models import RateHistory
from payments.rates.currencies import Pair
from payments.rates.judging import Claim, Judged

KEPT_FOR = timedelta(days=30)
_LONGEST_TEXT = 40  # a source may say a number of any length


def history_rows(
    pairs: Sequence[Pair],
    *,
    claims: Mapping[Pair, Sequence[Claim]],
    accepted: Mapping[Pair, Judged],
    refused: Mapping[Pair, str],
    now: datetime,
) -> list[RateHistory]:
    """One row a pair; `refused` says why. Not stored yet."""
    return [
        _accepted_row(pair, accepted[pair], claims.get(pair, ()), now)
        if pair in accepted
        else RateHistory(
            base=pair[0],
            quote=pair[1],
            is_accepted=False,
            note=refused[pair],
            claims=_words_of(claims.get(pair, ())),
            judged_at=now,
        )
        for pair in pairs
    ]


def forget_old_history() -> int:
    """Deletes what is older than KEPT_FOR; returns how many rows."""
    deleted, _by_model = RateHistory.objects.filter(judged_at__lt=clock.real_now() - KEPT_FOR).delete()
    return deleted


def _accepted_row(pair: Pair, judged: Judged, claims: Sequence[Claim], now: datetime) -> RateHistory:
    return RateHistory(
        base=pair[0],
        quote=pair[1],
        is_accepted=True,
        note=judged.note,
        rate=format(judged.rate, "f"),
        source=judged.source,
        claims=_words_of(claims),
        fetched_at=judged.fetched_at,
        judged_at=now,
    )


def _words_of(claims: Sequence[Claim]) -> list[list[str]]:
    return [[claim.source, str(claim.rate)[:_LONGEST_TEXT], claim.said_at.isoformat()] for claim in claims]
