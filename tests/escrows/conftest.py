"""Every test of trades starts on an unmoved clock and with no remembered accounts, and leaves the books proven."""

from collections.abc import Iterator

import pytest

from lockbay import clock
from wallets import ledger


@pytest.fixture(autouse=True)
def _fresh_memory() -> Iterator[None]:
    clock.forget_offset()
    ledger.forget_accounts()
    yield
    clock.forget_offset()
    ledger.forget_accounts()


@pytest.fixture
def books_green(transactional_db: None) -> Iterator[None]:
    """After the test, `check_ledger --full` finds nothing."""
    from wallets.proof import check_ledger

    yield
    assert check_ledger(full=True).breaches == []
