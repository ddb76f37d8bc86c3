"""Rates are known before a process takes its first event (R3): in web, worker and bot alike."""

import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from django.conf import settings
from django.db import connections

from lockbay import clock
from payments.rates import quotes, tiers
from payments.rates.currencies import NAMES, pair_of_name
from payments.rates.need import pairs_by_need
from payments.rates.refresh import fetch_and_store

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class PrewarmResult:
    """`cached` of `names` names resolve after `seconds`; `errors` says what went wrong on the way."""

    names: int
    cached: int
    seconds: float
    errors: tuple[str, ...]
    finished_at: datetime

    @property
    def is_complete(self) -> bool:
        return self.cached == self.names and not self.errors


_last: PrewarmResult | None = None


def prewarm(process: str) -> PrewarmResult:
    """Fetches what is not fresh, for at most settings.RATE_PREWARM_SECONDS, and loads everything into this process.

    Whatever goes wrong is logged and shown by /ready; it never stops a start. Several processes start together: those
    that find fresh rates in the table do not ask the sources again.
    """
    global _last
    started = time.monotonic()
    errors: list[str] = []
    known: dict[tuple[str, str], quotes.Quote] = {}
    try:
        known = quotes.load_stored()
        stale = [pair for pair in pairs_by_need() if pair not in known or known[pair].tier != tiers.RAPID]
        if stale:
            errors = fetch_and_store(stale, seconds=settings.RATE_PREWARM_SECONDS).errors
            known = quotes.load_stored()
    except Exception as error:
        errors = [*errors, type(error).__name__]
        log.exception("prewarm failed", process=process)
    cached = sum(pair_of_name(name) in known for name in NAMES)
    _last = PrewarmResult(len(NAMES), cached, time.monotonic() - started, tuple(errors), clock.real_now())
    log.info(
        "STARTUP_PREWARM_COMPLETE: %d/%d rates cached in %.2fs (Errors: %d)",
        *(cached, len(NAMES), _last.seconds, len(errors)),
        code="STARTUP_PREWARM_COMPLETE",
        process=process,
        cached=cached,
        names=len(NAMES),
        seconds=round(_last.seconds, 3),
        errors=errors,
    )
    return _last


def last_prewarm() -> PrewarmResult | None:
    """What this process' prewarm achieved; None before it ran."""
    return _last


def prewarm_when_worker_starts() -> None:
    """Called once at start: every process of the worker knows the rates before it takes its first task."""
    from django_q.signals import post_spawn

    post_spawn.connect(_prewarm_worker, dispatch_uid="payments.prewarm_worker")


def _prewarm_worker(**_kwargs: Any) -> None:
    prewarm("worker")


def start_prewarm_in_web() -> None:
    """Called by wsgi.py in each web process before it serves anything."""
    prewarm("web")
    connections.close_all()
