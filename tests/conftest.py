"""What every test has: rules that no test may break, and nothing else. The people are in cast.py."""

import math
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from lockbay.http import refuse_inside_transaction

_LOCAL = {"127.0.0.1", "::1", "localhost", "0.0.0.0", ""}  # noqa: S104  compared with, never bound


@pytest.fixture(autouse=True)
def _no_internet(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that reaches for another machine fails, by name, and so does one that uses the network inside atomic()."""
    connect = socket.socket.connect

    def connect_locally(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in _LOCAL:
            raise AssertionError(f"a test tried to reach {address[0]}")
        refuse_inside_transaction()
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect_locally)


@pytest.fixture(scope="session", autouse=True)
def _statements_are_counted_without_the_clock() -> Iterator[None]:
    """How far the sandbox's clock was moved is read again every half second: before statements are counted, and not
    while they are, or the count would depend on how fast this machine is."""
    from django.test.utils import CaptureQueriesContext

    from lockbay import clock

    enter, leave, usual = CaptureQueriesContext.__enter__, CaptureQueriesContext.__exit__, clock._READ_EVERY_SECONDS

    def enter_and_hold(self: CaptureQueriesContext) -> CaptureQueriesContext:
        clock.offset()
        clock._READ_EVERY_SECONDS = math.inf
        return enter(self)

    def leave_and_release(self: CaptureQueriesContext, *exception: Any) -> None:
        clock._READ_EVERY_SECONDS = usual
        leave(self, *exception)

    with pytest.MonkeyPatch.context() as patches:
        patches.setattr(CaptureQueriesContext, "__enter__", enter_and_hold)
        patches.setattr(CaptureQueriesContext, "__exit__", leave_and_release)
        yield


@pytest.fixture(autouse=True)
def _fresh_process_memory() -> None:
    """What a process remembers between transactions is forgotten between tests, as after a restart."""
    from lockbay import clock
    from wallets import account_rows

    account_rows.forget_accounts()
    clock.forget_offset()


@pytest.fixture(autouse=True)
def _nothing_is_remembered_between_tests() -> Iterator[None]:
    """What a process keeps in memory must not leak from one test's database into the next."""
    yield
    from lockbay import clock, http
    from payments.rates import quotes

    http.use_transport(None)
    clock.forget_offset()
    quotes.forget_all()
