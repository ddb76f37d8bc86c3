"""The guard at the call to a provider, for every rail there is: whoever calls, what is not processing is not paid
(W3)."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from lockbay import clock, http
from payments.payouts import ADAPTERS, payout_adapter
from payments.payouts.attempts import claim_attempt
from payments.payouts.base import PayoutRail
from payments.payouts.guard import LeaseLost
from tests.payments.payouts.stories import an_approved
from wallets.errors import NotProcessing
from wallets.models import Withdrawal
from wallets.withdrawal_states import CLOSED, WithdrawalStatus

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("books_green")]
V4 = "_v4"


@pytest.fixture
def called() -> Iterator[list[httpx.Request]]:
    """Whatever reaches a provider."""
    requests: list[httpx.Request] = []

    def note(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(500)

    http.use_transport(httpx.MockTransport(note))
    yield requests
    http.use_transport(None)


@pytest.mark.parametrize("name", sorted(ADAPTERS))
def test_a_call_for_what_is_not_processing_raises_whichever_rail(
    name: str, called: list[httpx.Request], settings: Any
) -> None:
    settings.FLUTTERWAVE_PAYOUT_VERSION = "v4" if name.endswith(V4) else "v3"
    withdrawal = an_approved(name.removesuffix(V4))
    claim = claim_attempt(withdrawal.pk)
    assert claim.adapter is payout_adapter(name)
    for status in set(WithdrawalStatus) - {WithdrawalStatus.PROCESSING}:
        _turn(withdrawal, status)
        with pytest.raises(NotProcessing):
            claim.adapter.send(claim.order)
    _turn(withdrawal, WithdrawalStatus.PROCESSING)
    withdrawal.payout_attempts.all().delete()
    with pytest.raises(LeaseLost):  # processing, and nobody has claimed it
        claim.adapter.send(claim.order)
    assert called == []


@pytest.mark.parametrize("name", sorted(ADAPTERS))
def test_no_rail_has_a_way_of_its_own_past_the_guard(name: str) -> None:
    assert type(payout_adapter(name)).send is PayoutRail.send


def _turn(withdrawal: Withdrawal, status: WithdrawalStatus) -> None:
    closed_at = clock.now() if status in CLOSED else None
    Withdrawal.objects.filter(pk=withdrawal.pk).update(status=status, closed_at=closed_at)
