"""Around every call to a payment provider: counted and timed, and left alone for a while when it fails (P5)."""

from collections.abc import Iterator
from contextlib import contextmanager

from lockbay.http import refuse_inside_transaction
from payments import breaker
from payments.errors import Rejected, Unavailable
from payments.metrics import PROVIDER_CALLS, PROVIDER_SECONDS


@contextmanager
def behind_breaker(provider: str) -> Iterator[None]:
    """One call with all its tries. No usable answer counts against the provider; a refusal is an answer.

    Raises: Unavailable at once while the breaker is open; NetworkInsideTransaction.
    """
    refuse_inside_transaction()
    name = breaker.breaker_of_provider(provider)
    if not breaker.may_ask(name):
        PROVIDER_CALLS.labels(provider, "breaker_open").inc()
        raise Unavailable(provider, "breaker open")
    try:
        yield
    except Unavailable:
        breaker.record_failure(name)
        raise
    except Rejected:
        breaker.record_success(name)
        raise
    breaker.record_success(name)


@contextmanager
def counted(provider: str) -> Iterator[None]:
    """One try: its time, and how it ended."""
    outcome = "ok"
    try:
        with PROVIDER_SECONDS.labels(provider).time():
            yield
    except Unavailable:
        outcome = "unavailable"
        raise
    except Rejected:
        outcome = "rejected"
        raise
    finally:
        PROVIDER_CALLS.labels(provider, outcome).inc()
