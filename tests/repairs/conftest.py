"""Every test of repairs ends with books that prove themselves."""

from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _books_green(transactional_db: None) -> Iterator[None]:
    from wallets.proof import check_ledger

    yield
    assert check_ledger(full=True).breaches == []
