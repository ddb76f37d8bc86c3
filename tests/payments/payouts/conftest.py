"""The wire to the play-money provider; and after each test that posts, the books add up."""

from collections.abc import Iterator

import httpx
import pytest

from lockbay import http
from tests.payments.payouts.stories import PlayMoney


@pytest.fixture
def provider() -> Iterator[PlayMoney]:
    """The sandbox rail's provider."""
    provider = PlayMoney()
    http.use_transport(httpx.MockTransport(provider.answer))
    yield provider
    http.use_transport(None)
