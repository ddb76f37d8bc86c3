"""Asks several sources at the same time, each in a thread of its own, and waits for so long and no longer.

Breakers are rows: they are read before and written after the network, never during it.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar

import structlog

from lockbay import clock, http
from payments import breaker
from payments.errors import ProviderError
from payments.rates.currencies import Pair
from payments.rates.judging import Claim
from payments.rates.sources import enabled_sources

log = structlog.get_logger(__name__)

Key = TypeVar("Key", bound=Hashable)
T = TypeVar("T")


def ask_at_once(calls: Mapping[Key, Callable[[], T]], *, seconds: float) -> dict[Key, T | str]:
    """What each call returned, or what went wrong in words for staff: no source keeps another from being heard.

    No database is touched. Raises: NetworkInsideTransaction.
    """
    http.refuse_inside_transaction()
    if not calls:
        return {}
    pool = ThreadPoolExecutor(max_workers=len(calls), thread_name_prefix="rates")
    futures = {key: pool.submit(call) for key, call in calls.items()}
    wait(futures.values(), timeout=seconds)
    pool.shutdown(wait=False, cancel_futures=True)
    found: dict[Key, T | str] = {}
    for key, future in futures.items():
        result = _result_of(future)
        found[key] = result
    return found


def ask_sources(pairs: Sequence[Pair], *, seconds: float) -> tuple[dict[Pair, list[Claim]], list[str]]:
    """(claims by pair, best-ranked source first; what went wrong)."""
    sources = enabled_sources()
    open_ = [source for source in sources if breaker.may_ask(source.name)]
    errors = [f"{source.name}: breaker open" for source in sources if source not in open_]
    batches = {(source.name, n): (source, batch) for source in open_ for n, batch in enumerate(source.batches(pairs))}
    calls = {key: (lambda source=source, batch=batch: source.fetch(batch)) for key, (source, batch) in batches.items()}
    found = ask_at_once(calls, seconds=seconds)
    claims: dict[Pair, list[Claim]] = {}
    failed: dict[str, str] = {}
    now = clock.real_now()
    for (name, _n), answers in found.items():
        if isinstance(answers, str):
            failed[name] = answers
            continue
        for pair, answer in answers.items():
            claims.setdefault(pair, []).append(Claim(name, answer.rate, min(now, answer.updated_at or now)))
    for name in dict.fromkeys(name for name, _n in found):
        settle_breaker(name, failed.get(name))
    return claims, [*errors, *(f"{name}: {reason}" for name, reason in failed.items())]


def settle_breaker(source: str, failure: str | None) -> None:
    """Writes beside the source how it went; `failure` None: well."""
    if failure is None:
        breaker.record_success(source)
        return
    log.warning("rate source failed", source=source, reason=failure)
    breaker.record_failure(source)


def _result_of(future: "Future[T]") -> T | str:
    if not future.done() or future.cancelled():
        return "too slow"
    try:
        return future.result()
    except ProviderError as error:
        return f"{type(error).__name__} {error.detail}"
    except Exception as error:
        log.exception("rate source broke its reader")
        return f"broken {type(error).__name__}"
