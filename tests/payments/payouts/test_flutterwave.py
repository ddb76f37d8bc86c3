"""Flutterwave's two generations keep the contract of rails, and their traps stay shut."""

import json
from dataclasses import replace
from typing import Any

import httpx
import pytest

from payments.payouts.base import PayoutMeaning, PayoutOrder, PayoutRail
from payments.providers import provider_of
from tests.payments.payouts.contract import RailContract, Wire
from tests.payments.payouts.stories import an_approved

NOT_SENT, REFUSED, UNKNOWN = PayoutMeaning.NOT_SENT, PayoutMeaning.REFUSED, PayoutMeaning.UNKNOWN

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _our_account(settings: Any) -> None:
    settings.FLUTTERWAVE_SECRET_KEY, settings.FLUTTERWAVE_WEBHOOK_SECRETS = "FLWSECK_TEST-1", ["hash"]
    settings.FLUTTERWAVE_V4_CLIENT_ID, settings.FLUTTERWAVE_V4_CLIENT_SECRET = "client", "secret"
    settings.FLUTTERWAVE_V4_WEBHOOK_SECRETS = ["hash"]


class FlutterwaveContract(RailContract):
    """What both generations have in common."""

    name, rail = "flutterwave", "flutterwave"
    states = {
        "NEW": PayoutMeaning.ACCEPTED,
        "PENDING": PayoutMeaning.ACCEPTED,
        "SUCCESSFUL": PayoutMeaning.PAID,
        "FAILED": PayoutMeaning.REFUSED,
    }
    refusals = [
        (
            (400, {"status": "error", "message": "Insufficient funds in customer wallet"}),
            NOT_SENT,
            "insufficient_funds",
        ),
        (
            (400, {"status": "error", "message": "Please enable IP Whitelisting to access this service"}),
            NOT_SENT,
            "not_allowed",
        ),
        ((403, {"status": "error", "message": "Forbidden"}), NOT_SENT, "not_allowed"),
        ((400, {"status": "error", "message": "account_number is invalid"}), REFUSED, "http_400"),
        ((200, {"status": "error", "message": "account resolve failed"}), REFUSED, "http_200"),
        (
            (400, {"status": "error", "message": "Transfer with this reference already exists"}),
            UNKNOWN,
            "reference_known",
        ),
        ((409, {"status": "error", "message": "Conflict"}), UNKNOWN, "reference_known"),
        ((404, {"status": "error", "message": "No route"}), UNKNOWN, "http_404"),
    ]

    def taken(self, order: PayoutOrder) -> Any:
        data = self._transfer(order, "NEW") | {"full_name": "ADA OBI", "is_approved": 1}
        return 200, {"status": "success", "message": "Transfer Queued Successfully", "data": data}

    def told(self, order: PayoutOrder, state: str) -> Any:
        found = [] if state == "not_found" else [self._transfer(order, state)]
        meta = {"page_info": {"total": len(found), "current_page": 1, "total_pages": 1}}
        return 200, {"status": "success", "message": "Transfers fetched", "meta": meta, "data": found}

    def told_balances(self) -> tuple[Any, list[str]]:
        data = {"currency": "NGN", "available_balance": 120000.5, "ledger_balance": 130000}
        return (200, {"status": "success", "message": "Wallet balance fetched", "data": data}), ["120000.50 NGN"]

    def ordered(self, request: httpx.Request) -> tuple[str, str, str] | None:
        if request.method != "POST" or not request.url.path.endswith("/transfers"):
            return None
        assert request.headers["Authorization"] == "Bearer FLWSECK_TEST-1"
        body = json.loads(request.content, parse_float=str, parse_int=str)
        assert (body["account_bank"], body["currency"], body["debit_currency"]) == ("044", "NGN", "NGN")
        return body["reference"], body["amount"], body["account_number"]

    def _transfer(self, order: PayoutOrder, status: str) -> dict[str, Any]:
        return {
            "id": 510001,
            "account_number": "0690000040",
            "bank_code": "044",
            "created_at": "2026-01-15T10:31:00.000Z",
            "currency": "NGN",
            "debit_currency": "NGN",
            "amount": 15000,
            "fee": 26.875,
            "status": status,
            "reference": order.reference,
            "meta": None,
            "narration": f"LockBay {order.reference}",
            "complete_message": "",
            "requires_approval": 0,
            "is_approved": 1,
            "bank_name": "ACCESS BANK NIGERIA",
        }


class TestV3(FlutterwaveContract):
    """The older one."""

    def test_a_list_that_ignored_the_question_holds_nothing_of_ours(
        self, adapter: PayoutRail, order: PayoutOrder, wire: Wire
    ) -> None:
        others = [self._transfer(order, "SUCCESSFUL") | {"reference": f"WD{n}"} for n in range(3)]
        wire.answers = [(200, {"status": "success", "message": "Transfers fetched", "data": others})]
        assert adapter.ask(order).meaning is PayoutMeaning.NOT_FOUND
        assert dict(wire.requests[0].url.params) == {"reference": order.reference}

    def test_an_id_of_somebody_elses_transfer_leads_to_the_question_by_reference(
        self, adapter: PayoutRail, order: PayoutOrder, wire: Wire
    ) -> None:
        other = {"status": "success", "data": self._transfer(order, "SUCCESSFUL") | {"reference": "WDOTHER"}}
        for by_id in ((200, other), (404, {"status": "error", "message": "not found"})):
            wire.begin([by_id, self.told(order, "PENDING")])
            named = replace(order, provider_reference="../510002")
            assert adapter.ask(named).meaning is PayoutMeaning.ACCEPTED
            assert wire.requests[0].url.raw_path.endswith(b"/transfers/..%2F510002")

    def test_of_two_transfers_of_one_reference_the_one_that_was_paid_counts(
        self, adapter: PayoutRail, order: PayoutOrder, wire: Wire
    ) -> None:
        both = [self._transfer(order, status) for status in ("FAILED", "SUCCESSFUL")]
        wire.answers = [(200, {"status": "success", "message": "Transfers fetched", "data": both})]
        assert adapter.ask(order).meaning is PayoutMeaning.PAID

    def test_a_fee_is_read_and_floored(self, adapter: PayoutRail, order: PayoutOrder, wire: Wire) -> None:
        wire.answers = [self.told(order, "SUCCESSFUL")]
        assert str(adapter.ask(order).fee) == "26.87 NGN"

    def test_no_such_transfer_is_never_a_proof(self, adapter: PayoutRail) -> None:
        assert adapter.not_found_proves_after is None


class TestV4(FlutterwaveContract):
    name = "flutterwave_v4"
    states = {
        "NEW": PayoutMeaning.ACCEPTED,
        "PENDING": PayoutMeaning.ACCEPTED,
        "SUCCESSFUL": PayoutMeaning.PAID,
        "FAILED": PayoutMeaning.REFUSED,
        "REVERSED": PayoutMeaning.REVERSED,
    }
    refusals = [
        (
            (400, {"status": "failed", "error": {"code": "10400", "message": "Insufficient balance"}}),
            NOT_SENT,
            "insufficient_funds",
        ),
        ((400, {"status": "failed", "error": {"code": "10400", "message": "Invalid account"}}), REFUSED, "http_400"),
        (
            (409, {"status": "failed", "error": {"code": "10409", "message": "Duplicate reference"}}),
            UNKNOWN,
            "reference_known",
        ),
    ]

    @pytest.fixture(autouse=True)
    def _generation(self, settings: Any) -> None:
        settings.FLUTTERWAVE_PAYOUT_VERSION = "v4"
        provider_of("flutterwave_v4").forget_token()

    def preparations(self) -> list[Any]:
        provider_of("flutterwave_v4").forget_token()
        return [(200, {"access_token": "short-lived", "expires_in": 600})]

    def taken(self, order: PayoutOrder) -> Any:
        return 201, {"status": "success", "message": "Transfer created", "data": self._transfer(order, "NEW")}

    def told_balances(self) -> tuple[Any, list[str]]:
        data = [
            {"currency": "NGN", "available_balance": 7.5, "total_balance": 8},
            {"currency": "USD", "available_balance": 1},
        ]
        return (200, {"status": "success", "message": "ok", "data": data}), ["7.50 NGN"]

    def ordered(self, request: httpx.Request) -> tuple[str, str, str] | None:
        if request.method != "POST" or not request.url.path.endswith("/direct-transfers"):
            return None
        assert request.headers["Authorization"] == "Bearer short-lived"
        body = json.loads(request.content, parse_float=str)
        assert request.headers["X-Idempotency-Key"] == body["reference"]
        instruction = body["payment_instruction"]
        assert instruction["amount"]["applies_to"] == "destination_currency"
        return body["reference"], instruction["amount"]["value"], instruction["recipient"]["bank"]["account_number"]

    def _transfer(self, order: PayoutOrder, status: str) -> dict[str, Any]:
        return {
            "id": "trf_1",
            "source_currency": "NGN",
            "destination_currency": "NGN",
            "amount": 15000,
            "reference": order.reference,
            "status": status,
            "fee": {"currency": "NGN", "value": 26.875},
            "provider_response": {"type": "", "code": "", "message": ""},
            "reversal": None,
        }

    def test_a_reversal_beside_a_success_is_a_reversal(
        self, adapter: PayoutRail, order: PayoutOrder, wire: Wire
    ) -> None:
        status, body = self.told(order, "SUCCESSFUL")
        reversal = {"reversal_datetime": "2026-01-16T10:31:00Z", "initial_status": "SUCCESSFUL"}
        body["data"][0]["reversal"] = reversal
        wire.answers = [*self.preparations(), (status, body)]
        assert adapter.ask(order).meaning is PayoutMeaning.REVERSED

    def test_a_token_withdrawn_early_is_asked_for_anew(
        self, adapter: PayoutRail, order: PayoutOrder, wire: Wire
    ) -> None:
        wire.answers = [*self.preparations(), (401, {"status": "failed"})]
        assert adapter.send(order).code == "not_allowed"
        wire.answers = [(200, {"access_token": "short-lived", "expires_in": 600}), self.told(order, "PENDING")]
        assert adapter.ask(order).meaning is PayoutMeaning.ACCEPTED

    def test_what_the_other_generation_sent_is_asked_about_there(self, settings: Any, wire: Wire) -> None:
        from payments.actions.ask_payout import ask_payout
        from payments.actions.send_payout import send_payout

        withdrawal = an_approved("flutterwave")
        wire.answers = [*self.preparations(), httpx.ReadTimeout("slow")]
        send_payout(actor=None, withdrawal_id=withdrawal.pk)
        settings.FLUTTERWAVE_PAYOUT_VERSION = "v3"
        wire.requests.clear()
        wire.answers = [(200, {"status": "success", "data": []})]
        ask_payout(actor=None, attempt_id=withdrawal.payout_attempts.get().pk)
        assert {request.url.host for request in wire.requests} == {"f4bexperience.flutterwave.com"}
