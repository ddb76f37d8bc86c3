"""Every test of withdrawals ends with books that prove themselves, unless it breaks them on purpose."""

from collections.abc import Iterator

import pytest


@pytest.fixture
def books_green(db: None) -> Iterator[None]:
    """After the test, `check_ledger --full` finds nothing."""
    from wallets.proof import check_ledger

    yield
    assert check_ledger(full=True).breaches == []
