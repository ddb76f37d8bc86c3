"""Fetches rates live, judges and stores them (R2, R4, R5). Never inside a transaction, never in a request."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import structlog
from django.conf import settings
from django.db import transaction

from lockbay import clock, http
from payments.models import RateHistory, StoredRate
from payments.rates import counting, quotes
from payments.rates.asking import ask_sources
from payments.rates.currencies import Pair
from payments.rates.errors import RateRefused
from payments.rates.history import history_rows
from payments.rates.judging import Claim, Judged, judge
from payments.rates.need import currency_of, pairs_by_need, waited_for

log = structlog.get_logger(__name__)

# The refresh of all pairs may just have fetched what the faster one is about to fetch.
_YOUNG = timedelta(seconds=45)


@dataclass
class Fetched:
    """What came of one round: accepted prices and, by pair or source, why others are missing."""

    accepted: dict[Pair, Judged] = field(default_factory=dict)
    refused: dict[Pair, str] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)


def refresh_rates() -> None:
    """The body of the job: asks for every pair, those that somebody waits for first."""
    _refresh(pairs_by_need())


def refresh_waited_rates() -> None:
    """The body of the faster job: asks only for what somebody waits for, unless it is young."""
    waited = waited_for()
    if not waited:
        return
    known = quotes.load_stored()
    old = [pair for pair in waited if pair not in known or quotes.age_of(known[pair]) > _YOUNG]
    if old:
        _refresh(old)


def fetch_and_store(pairs: Sequence[Pair], *, seconds: float) -> Fetched:
    """Asks all sources at once, for at most `seconds`, and stores what passes the judgement and what was judged."""
    http.refuse_inside_transaction()
    claims, errors = ask_sources(pairs, seconds=seconds)
    fetched = Fetched(errors=errors)
    previous = _stored(pairs)
    _judge_all(pairs, claims, previous, fetched)
    history = history_rows(
        pairs, claims=claims, accepted=fetched.accepted, refused=fetched.refused, now=clock.real_now()
    )
    _store(fetched.accepted, history)
    return fetched


def _refresh(pairs: Sequence[Pair]) -> None:
    """A round of the worker. For a pair without any usable quote this is tier 5, and is counted as that (R2, R6)."""
    before = quotes.load_stored()
    fetched = fetch_and_store(pairs, seconds=settings.RATE_FETCH_SECONDS * 2)
    after = quotes.load_stored()
    for pair in pairs:
        if pair not in before:
            counting.count_emergency(currency_of(pair), succeeded=pair in after)
    log.info("rates refreshed", accepted=len(fetched.accepted), errors=fetched.errors)


def _judge_all(
    pairs: Sequence[Pair], claims: Mapping[Pair, Sequence[Claim]], previous: Mapping[Pair, Claim], fetched: Fetched
) -> None:
    now = clock.real_now()
    for pair in pairs:
        try:
            fetched.accepted[pair] = judge(pair, claims.get(pair, []), previous=previous.get(pair), now=now)
        except RateRefused as refusal:
            fetched.refused[pair] = refusal.reason
    for reason, names in _by_word(fetched.refused).items():
        fetched.errors.append(f"{reason}: {', '.join(names)}")
        log.warning("rates refused", reason=reason, pairs=names)
    notes = {pair: judged.note for pair, judged in fetched.accepted.items() if judged.note}
    for note, names in _by_word(notes).items():
        if note != "one_source" or len(settings.RATE_SOURCES) > 1:
            log.warning("rates of the best source alone", reason=note, pairs=names)


def _by_word(words: Mapping[Pair, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for (base, quote), word in words.items():
        found.setdefault(word, []).append(f"{base}-{quote}")
    return found


def _stored(pairs: Sequence[Pair]) -> dict[Pair, Claim]:
    rows = StoredRate.objects.all()
    stored = {(row.base, row.quote): Claim(row.source, quotes.price_of_text(row.rate), row.fetched_at) for row in rows}
    return {
        pair: claim for pair, claim in stored.items() if pair in pairs and claim.rate.is_finite() and claim.rate > 0
    }


def _store(accepted: Mapping[Pair, Judged], history: Sequence[RateHistory]) -> None:
    """Writes what is newer than what stands there; a stored moment is never replaced by an older one."""
    with transaction.atomic():
        locked = StoredRate.objects.select_for_update(no_key=True).order_by("pk")
        standing = {(base, quote): at for base, quote, at in locked.values_list("base", "quote", "fetched_at")}
        rows = [
            StoredRate(
                base=pair[0],
                quote=pair[1],
                rate=format(judged.rate, "f"),
                source=judged.source,
                fetched_at=judged.fetched_at,
            )
            for pair, judged in accepted.items()
            if pair not in standing or standing[pair] < judged.fetched_at
        ]
        StoredRate.objects.bulk_create(
            rows, update_conflicts=True, unique_fields=["base", "quote"], update_fields=["rate", "source", "fetched_at"]
        )
        RateHistory.objects.bulk_create(history)
