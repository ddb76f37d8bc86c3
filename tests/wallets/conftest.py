"""The books stand alone here: there are no escrows and no payments, so the rules that those rooms add have nothing to
say."""

import pytest

from wallets import proof


@pytest.fixture(autouse=True)
def _only_the_books_own_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof, "_rules", {})
