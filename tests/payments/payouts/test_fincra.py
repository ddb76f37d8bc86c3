"""Fincra keeps the contract of rails; what its documents call ambiguous stays unknown."""

import json
from typing import Any

import httpx
import pytest

from payments.payouts.base import PayoutMeaning, PayoutOrder, PayoutRail
from tests.payments.payouts.contract import RailContract

NOT_SENT, REFUSED, UNKNOWN = PayoutMeaning.NOT_SENT, PayoutMeaning.REFUSED, PayoutMeaning.UNKNOWN

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _our_account(settings: Any) -> None:
    settings.FINCRA_SECRET_KEY, settings.FINCRA_BUSINESS_ID = "sk_test_1", "64033e4d9fc454765ab40e00"
    settings.FINCRA_WEBHOOK_SECRETS = ["secret"]


def no(kind: str, message: str) -> dict[str, Any]:
    return {"success": False, "error": message, "errorType": kind}


class TestFincraPayouts(RailContract):
    name, rail = "fincra", "fincra"
    states = {
        "processing": PayoutMeaning.ACCEPTED,
        "successful": PayoutMeaning.PAID,
        "failed": PayoutMeaning.REFUSED,
    }
    refusals = [
        ((422, no("NO_ENOUGH_MONEY_IN_WALLET", "You don't have enough money")), NOT_SENT, "insufficient_funds"),
        ((200, no("TOO_MANY_REQUESTS", "The volume of requests")), NOT_SENT, "rate_limit"),
        ((403, no("FORBIDDEN", "not for you")), NOT_SENT, "not_allowed"),
        ((422, no("UNPROCESSABLE_ENTITY", "Payment destination not supported")), REFUSED, "unprocessable"),
        ((409, no("DUPLICATE_CUSTOMER_REFERENCE", "Duplicate Customer Reference Passed")), UNKNOWN, "reference_known"),
        ((404, no("RESOURCE_NOT_FOUND", "Payout not found")), UNKNOWN, "not_found"),
        ((400, no("SOMETHING_NEW", "who knows")), UNKNOWN, "http_400"),
    ]

    def taken(self, order: PayoutOrder) -> Any:
        data = {"id": 14483, "reference": "dihqQLR5gobb", "customerReference": order.reference, "status": "processing"}
        return 200, {"success": True, "message": "Payout processed successfully", "data": data}

    def told(self, order: PayoutOrder, state: str) -> Any:
        if state == "not_found":
            return 404, no("RESOURCE_NOT_FOUND", "Payout not found")
        data = {
            "id": 14483,
            "amountCharged": 15050.0,
            "amountReceived": 15000,
            "fee": 50,
            "sourceCurrency": "NGN",
            "destinationCurrency": "NGN",
            "status": state,
            "reference": "dihqQLR5gobb",
            "customerReference": order.reference,
            "reason": "",
        }
        return 200, {"success": True, "message": "Payout fetched", "data": data}

    def told_balances(self) -> tuple[Any, list[str]]:
        data = [{"currency": "NGN", "availableBalance": 99.99}, {"currency": {"code": "USD"}, "availableBalance": 5}]
        return (200, {"success": True, "data": data}), ["99.99 NGN"]

    def ordered(self, request: httpx.Request) -> tuple[str, str, str] | None:
        if request.method != "POST":
            return None
        assert request.headers["api-key"] == "sk_test_1"
        body = json.loads(request.content)
        assert body["beneficiary"]["firstName"], body["beneficiary"]["lastName"] == ("ADA", "OBI")
        return body["customerReference"], body["amount"], body["beneficiary"]["accountNumber"]

    def test_not_found_is_ambiguous_by_their_own_word(self, adapter: PayoutRail) -> None:
        assert adapter.not_found_proves_after is None
