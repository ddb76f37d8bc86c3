"""Every test of money in starts on an unmoved clock and with nothing remembered."""

from collections.abc import Iterator

import pytest
import stamina

from lockbay import clock, http
from payments import purposes
from payments.rates import quotes
from tests.payments.money_in import NotingPurpose
from wallets import account_rows


@pytest.fixture(autouse=True)
def _fresh_memory() -> Iterator[None]:
    stamina.set_testing(True, attempts=3, cap=True)
    _forget()
    yield
    _forget()
    stamina.set_testing(False)
    http.use_transport(None)


def _forget() -> None:
    clock.forget_offset()
    account_rows.forget_accounts()
    quotes.forget_all()


@pytest.fixture
def noting() -> Iterator[NotingPurpose]:
    """A purpose called "noting"."""
    purpose = NotingPurpose()
    purposes.register("noting", purpose)
    yield purpose
    purposes._handlers.pop("noting")


@pytest.fixture
def books_green(transactional_db: None) -> Iterator[None]:
    """After the test, `check_ledger --full` finds nothing."""
    from wallets.proof import check_ledger

    yield
    assert check_ledger(full=True).breaches == []
