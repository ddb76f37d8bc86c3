"""Fetches rates live, judges and stores them (R2, R4, R5). Never inside a transaction, never in a request."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction

from lockbay import clock, http
from payments.errors import ProviderError
from payments.models import Intent, StoredRate
from payments.rates import breaker, counting, quotes, tiers
from payments.rates.currencies import PAIRS, Pair, stored_pair_of
from payments.rates.errors import RateRefused, RateUnavailable
from payments.rates.judging import Claim, Judged, judge
from payments.rates.sources import enabled_sources
from payments.rates.sources.base import Answer, Source

log = structlog.get_logger(__name__)


@dataclass
class Fetched:
    """What came of one round: accepted prices and, by pair or source, why others are missing."""

    accepted: dict[Pair, Judged] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)


def refresh_rates() -> None:
    """The body of the job: asks for every pair, those that open intents wait for first."""
    before = quotes.load_stored()
    fetched = fetch_and_store(pairs_by_need(), seconds=settings.RATE_FETCH_SECONDS * 2)
    after = quotes.load_stored()
    for pair in PAIRS:
        if pair not in before:
            counting.count_emergency(_currency(pair), succeeded=pair in after)
    log.info("rates refreshed", accepted=len(fetched.accepted), errors=fetched.errors)


def quote_or_fetch(base: str, quote: str = "USD", *, max_age: timedelta | None = None) -> quotes.Quote:
    """quote_of(), and when no stored quote will do, a live fetch (tier 5): for the worker, outside any transaction.

    Raises: RateUnavailable; NetworkInsideTransaction inside atomic().
    """
    http.refuse_inside_transaction()
    try:
        return quotes.quote_of(base, quote, max_age=max_age)
    except RateUnavailable as missing:
        if missing.reason == "unknown_pair":
            raise
    pair = stored_pair_of(base, quote)
    fetched = fetch_and_store([pair], seconds=settings.RATE_FETCH_SECONDS)
    counting.count_emergency(base, succeeded=pair in fetched.accepted)
    quotes.load_stored()
    return replace(quotes.quote_of(base, quote, max_age=max_age), tier=tiers.EMERGENCY)


def fetch_and_store(pairs: Sequence[Pair], *, seconds: float) -> Fetched:
    """Asks all sources at once, for at most `seconds`, and stores what passes the judgement."""
    http.refuse_inside_transaction()
    claims, errors = ask_sources(pairs, seconds=seconds)
    fetched = Fetched(errors=errors)
    now = clock.real_now()
    previous = _stored(pairs)
    refused: dict[str, list[str]] = {}
    for pair in pairs:
        try:
            judged = judge(pair, claims.get(pair, []), previous=previous.get(pair), now=now)
        except RateRefused as refusal:
            refused.setdefault(refusal.reason, []).append(f"{pair[0]}-{pair[1]}")
            continue
        if judged.is_disputed:
            log.warning("rate sources disagree", base=pair[0], quote=pair[1], taken=judged.source)
        fetched.accepted[pair] = judged
    for reason, names in refused.items():
        fetched.errors.append(f"{reason}: {', '.join(names)}")
        log.warning("rates refused", reason=reason, pairs=names)
    _store(fetched.accepted, previous)
    return fetched


def ask_sources(pairs: Sequence[Pair], *, seconds: float) -> tuple[dict[Pair, list[Claim]], list[str]]:
    """(claims by pair, best-ranked source first; what went wrong). Every request runs in a thread of its own."""
    sources = enabled_sources()
    open_ = [source for source in sources if breaker.may_ask(source.name)]
    errors = [f"{source.name}: breaker open" for source in sources if source not in open_]
    calls = [(source, batch) for source in open_ for batch in source.batches(pairs)]
    if not calls:
        return {}, errors
    pool = ThreadPoolExecutor(max_workers=len(calls), thread_name_prefix="rates")
    futures = [pool.submit(source.fetch, batch) for source, batch in calls]
    wait(futures, timeout=seconds)
    pool.shutdown(wait=False, cancel_futures=True)
    claims: dict[Pair, list[Claim]] = {}
    failed: dict[str, str] = {}
    now = clock.real_now()
    for (source, _batch), future in zip(calls, futures, strict=True):
        _collect(source, future, now, claims, failed)
    for source in open_:
        _settle_breaker(source.name, failed.get(source.name))
    return claims, [*errors, *(f"{name}: {reason}" for name, reason in failed.items())]


def pairs_by_need() -> list[Pair]:
    """All pairs, those of intents that still wait for money first (R4)."""
    waiting = set(Intent.objects.filter(expires_at__gt=clock.now()).values_list("pay_asset", flat=True).distinct())
    return sorted(PAIRS, key=lambda pair: _currency(pair) not in waiting)


def _collect(
    source: Source,
    future: "Future[dict[Pair, Answer]]",
    now: datetime,
    claims: dict[Pair, list[Claim]],
    failed: dict[str, str],
) -> None:
    if not future.done() or future.cancelled():
        failed[source.name] = "too slow"
        return
    error = future.exception()
    if isinstance(error, ProviderError):
        failed[source.name] = f"{type(error).__name__} {error.detail}"
    elif error is not None:
        raise error
    else:
        for pair, answer in future.result().items():
            said_at = min(now, answer.updated_at or now)
            claims.setdefault(pair, []).append(Claim(source.name, answer.rate, said_at))


def _settle_breaker(source: str, failure: str | None) -> None:
    if failure is None:
        breaker.record_success(source)
        return
    log.warning("rate source failed", source=source, reason=failure)
    breaker.record_failure(source)


def _stored(pairs: Sequence[Pair]) -> dict[Pair, Claim]:
    rows = StoredRate.objects.all()
    stored = {(row.base, row.quote): Claim(row.source, quotes.price_of_text(row.rate), row.fetched_at) for row in rows}
    return {
        pair: claim for pair, claim in stored.items() if pair in pairs and claim.rate.is_finite() and claim.rate > 0
    }


def _store(accepted: dict[Pair, Judged], previous: dict[Pair, Claim]) -> None:
    """Writes what is newer than what stands there; a stored moment is never replaced by an older one."""
    rows = [
        StoredRate(
            base=pair[0],
            quote=pair[1],
            rate=format(judged.rate, "f"),
            source=judged.source,
            fetched_at=judged.fetched_at,
        )
        for pair, judged in accepted.items()
        if pair not in previous or previous[pair].said_at < judged.fetched_at
    ]
    with transaction.atomic():
        StoredRate.objects.bulk_create(
            rows, update_conflicts=True, unique_fields=["base", "quote"], update_fields=["rate", "source", "fetched_at"]
        )


def _currency(pair: Pair) -> str:
    return pair[1] if pair[0] == "USD" else pair[0]
