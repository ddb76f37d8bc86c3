"""A registry of health checks that each room fills, and the one way to run them (O4).

A check that raises or does not come back in time is red: what cannot run proves nothing.
"""

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass

import structlog
from django.conf import settings
from django.db import connections

log = structlog.get_logger(__name__)
_REMEMBERED_SECONDS = 1.0


@dataclass(frozen=True)
class Result:
    """What a check found. `detail` is for staff and monitors: a few plain words, never a secret."""

    ok: bool
    detail: str = ""


# A check of several parts names each; they are shown as "<name> <part>".
Found = Result | Mapping[str, Result]
Check = Callable[[], Found]

_checks: dict[str, Check] = {}
_running: dict[str, "Future[Found]"] = {}
_lock = threading.Lock()
_last: tuple[float, Mapping[str, Result]] | None = None
_threads = ThreadPoolExecutor(max_workers=16, thread_name_prefix="health")


def register_check(name: str, check: Check) -> None:
    """Adds a check, or replaces the one of that name. Called from AppConfig.ready."""
    _checks[name] = check


def run_checks() -> Mapping[str, Result]:
    """All checks by name, run side by side within settings.HEALTH_CHECK_SECONDS; asked often, from memory."""
    global _last
    with _lock:
        if _last is not None and time.monotonic() - _last[0] < _REMEMBERED_SECONDS:
            return _last[1]
        deadline = time.monotonic() + settings.HEALTH_CHECK_SECONDS
        started = {name: _start(name, check) for name, check in _checks.items()}
        results: dict[str, Result] = {}
        for name, future in started.items():
            results |= _by_name(name, _found_by(name, future, deadline))
        _last = (time.monotonic(), results)
        return results


def forget_results() -> None:
    """Makes the next run ask again."""
    global _last
    _last = None


def _start(name: str, check: Check) -> "Future[Found]":
    # A check that still hangs from the last time is not started a second time: threads would pile up.
    running = _running.get(name)
    if running is None or running.done():
        running = _running[name] = _threads.submit(_run_on_own_connection, check)
    return running


def _by_name(name: str, found: Found) -> Mapping[str, Result]:
    return {name: found} if isinstance(found, Result) else {f"{name} {part}": result for part, result in found.items()}


def _run_on_own_connection(check: Check) -> Found:
    try:
        return check()
    finally:
        connections.close_all()


def _found_by(name: str, future: "Future[Found]", deadline: float) -> Found:
    try:
        return future.result(timeout=max(0.0, deadline - time.monotonic()))
    except FutureTimeout:
        return Result(False, "no answer in time")
    except Exception as error:
        log.warning("health check failed", check=name, exc_info=error)
        return Result(False, type(error).__name__)
