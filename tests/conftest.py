"""What every test has: rules that no test may break, and nothing else. The people are in cast.py."""

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
