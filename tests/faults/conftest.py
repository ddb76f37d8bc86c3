"""One provider and one process that forks senders for all tests of payouts: starting them takes seconds."""

from collections.abc import Iterator

import pytest

from tests.faults.payout_senders import Senders, senders_at
from tests.payments.payouts.loopback import LoopbackProvider, running_provider
from tests.telegrambot.conftest import house, phones

__all__ = ["house", "phones"]  # the bot's own fixtures


@pytest.fixture(scope="session")
def _provider_of_the_run() -> Iterator[LoopbackProvider]:
    with running_provider() as provider:
        yield provider


@pytest.fixture(scope="session")
def senders(_provider_of_the_run: LoopbackProvider, django_db_setup: None) -> Iterator[Senders]:
    """Senders of payouts as processes of their own."""
    with senders_at(_provider_of_the_run) as senders:
        yield senders


@pytest.fixture
def provider(_provider_of_the_run: LoopbackProvider, settings: object) -> LoopbackProvider:
    """The provider of play money on a real port; nothing was asked of it yet."""
    _provider_of_the_run.forget()
    settings.SANDBOX_URL = _provider_of_the_run.url  # type: ignore[attr-defined]
    return _provider_of_the_run
