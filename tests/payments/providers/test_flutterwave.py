"""Both generations of Flutterwave keep the contract, and their traps stay shut."""

import base64
import hashlib
import hmac
import json
import time
from datetime import datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest

from payments.errors import Rejected, Unintelligible, Unreadable
from payments.providers.base import Meaning, PaymentProvider
from tests.payments.providers.contract import NOW, ProviderContract

SECRET = "flw_test_hash"
V4_BODY = (
    b'{"webhook_id":"wbk_1","timestamp":1768473000,"type":"transfer.disburse",'
    b'"data":{"id":"trf_1","reference":"CO-TEST-1","status":"SUCCESSFUL"}}'
)
V4_SIGNATURE = "zulhY2OPRiVWHECFrgCIRCXuf0QyAUXNAp+BEBfTKdg="
ONLY_SUCCESS_IS_MONEY = {"none": [], "pending": [], "confirmed": [Meaning.CONFIRMED]}


@pytest.fixture(autouse=True)
def _our_account(settings: Any) -> None:
    settings.FLUTTERWAVE_SECRET_KEY, settings.FLUTTERWAVE_WEBHOOK_SECRETS = "FLWSECK_TEST-1", [SECRET]
    settings.FLUTTERWAVE_V4_CLIENT_ID, settings.FLUTTERWAVE_V4_CLIENT_SECRET = "client", "client-secret"
    settings.FLUTTERWAVE_V4_WEBHOOK_SECRETS = [SECRET]
    settings.BANK_CUSTOMER_EMAIL = "pay@lockbay.example"


class TestFlutterwaveV3(ProviderContract):
    name = "flutterwave"
    crediting_kinds = []
    is_stamped = signs_body = False
    answer_meanings = ONLY_SUCCESS_IS_MONEY
    hints = {"charge_completed__bank_transfer": "PI7Q2M", "charge_completed__failed": "PI7Q2M"}

    def signed_headers(self, raw: bytes, *, at: datetime = NOW, secret: str | None = None) -> dict[str, str]:
        return {"verif-hash": secret or SECRET}

    def opened(self) -> dict[str, Any]:
        return {"status": "success", "message": "Hosted Link", "data": {"link": "https://checkout.example/pay/1"}}

    def answered(self, status: str) -> dict[str, Any]:
        if status == "none":
            return {"status": "error", "message": "No transaction was found for this id", "data": None}
        names = {"pending": "pending", "confirmed": "successful"}
        data = {"id": 285959875, "tx_ref": "pay_1", "amount": 150775.5, "charged_amount": 152875.5, "currency": "NGN"}
        return {"status": "success", "message": "fetched", "data": data | {"status": names[status]}}

    def key_of(self, request: httpx.Request) -> str | None:
        return json.loads(request.content)["tx_ref"] if request.method == "POST" else None

    def test_both_secrets_verify_during_a_rotation(self, provider: PaymentProvider, settings: Any) -> None:
        settings.FLUTTERWAVE_WEBHOOK_SECRETS = ["new", SECRET]
        for secret in ("new", SECRET):
            self._verify(provider, b"{}", {"verif-hash": secret})

    def test_without_a_secret_nothing_verifies(self, provider: PaymentProvider, settings: Any) -> None:
        settings.FLUTTERWAVE_WEBHOOK_SECRETS = []
        self._refuses(provider, b"{}", {"verif-hash": ""})
        self._refuses(provider, b"{}", {"verif-hash": SECRET})

    def test_the_secret_is_not_kept_with_the_event(self, provider: PaymentProvider) -> None:
        assert "verif-hash" not in provider.kept_headers

    @pytest.mark.parametrize("name", ["transfer_completed__successful", "transfer_completed__failed"])
    def test_a_payout_is_not_a_payment(self, provider: PaymentProvider, fixture: Any, name: str) -> None:
        (report,) = provider.read_event(fixture(name))
        assert (report.meaning, report.reference, report.received) == (Meaning.PAYOUT, "CO-51", 0)
        assert report.payment_id == "510001"

    def test_success_and_failure_of_one_payment_are_two_events(self, provider: PaymentProvider, fixture: Any) -> None:
        body = json.loads(fixture("charge_completed__bank_transfer"))
        failed = body | {"data": body["data"] | {"status": "failed"}}
        ids = {provider.identify(json.dumps(one).encode()).event_id for one in (body, failed)}
        assert len(ids) == 2

    def test_the_customer_pays_on_a_page_the_exact_amount_by_bank(self, provider: PaymentProvider, wire: Any) -> None:
        wire.answers = self.opening()
        payment = provider.open_payment(self._request(provider))
        assert (payment.payment_id, payment.pay_url) == ("PI1", "https://checkout.example/pay/1")
        assert b'"amount": 105.31}' in wire.requests[0].content
        assert json.loads(wire.requests[0].content)["payment_options"] == "banktransfer"

    @pytest.mark.parametrize(
        "link", ["http://checkout.example/1", "javascript:alert(1)", "", None, "https://" + "x" * 500]
    )
    def test_a_link_that_is_no_safe_page_is_unintelligible(
        self, provider: PaymentProvider, wire: Any, link: str | None
    ) -> None:
        wire.answers = [(200, {"status": "success", "data": {"link": link}})]
        with pytest.raises(Unintelligible):
            provider.open_payment(self._request(provider))

    def test_an_error_inside_http_200_is_not_a_page(self, provider: PaymentProvider, wire: Any) -> None:
        wire.answers = [(200, {"status": "error", "message": "no", "data": {"link": "https://checkout.example/1"}})]
        with pytest.raises(Unintelligible, match="error_answered"):
            provider.open_payment(self._request(provider))

    def test_what_nobody_has_paid_yet_is_no_trouble(self, provider: PaymentProvider, wire: Any) -> None:
        wire.answers = [(400, self.answered("none"))]
        assert provider.read_answer(provider.ask("pay_1"), "pay_1") == ()
        wire.answers = [(400, {"status": "error", "message": "Invalid authorization key"})]
        with pytest.raises(Rejected):
            provider.ask("pay_1")

    def test_the_amount_is_without_the_fee_and_exact(self, provider: PaymentProvider) -> None:
        (report,) = provider.read_answer(json.dumps(self.answered("confirmed")).encode(), "pay_1")
        assert (report.received, report.asset, report.network) == (Decimal("150775.5"), "NGN", "BANK")
        assert report.txid == "285959875"

    @pytest.mark.parametrize(
        ("wrong", "reason"),
        [
            ({"status": "strange"}, "unknown_status"),
            ({"currency": "USD"}, "unknown_coin"),
            ({"amount": "1,000"}, "bad_amount"),
            ({"amount": None}, "bad_amount"),
            ({"id": None}, "bad_field"),
        ],
    )
    def test_an_answer_in_which_something_is_wrong_parks(
        self, provider: PaymentProvider, wrong: dict[str, Any], reason: str
    ) -> None:
        answer = self.answered("confirmed")
        answer["data"] |= wrong
        with pytest.raises(Unreadable, match=reason):
            provider.read_answer(json.dumps(answer).encode(), "pay_1")

    def test_an_error_inside_http_200_is_not_an_answer(self, provider: PaymentProvider) -> None:
        answer = self.answered("confirmed") | {"status": "error", "message": "no"}
        with pytest.raises(Unreadable, match="error_answered"):
            provider.read_answer(json.dumps(answer).encode(), "pay_1")


class TestFlutterwaveV4(ProviderContract):
    name = "flutterwave_v4"
    crediting_kinds = []
    is_stamped = False
    answer_meanings = ONLY_SUCCESS_IS_MONEY
    hints = {"charge_completed__succeeded": "chg_nONgeAGY97", "charge_completed__failed": "chg_nONgeAGY97"}

    @pytest.fixture
    def provider(self) -> PaymentProvider:
        from payments.providers.flutterwave import FlutterwaveV4

        adapter = FlutterwaveV4()
        adapter._token = ("token-1", time.monotonic_ns() + 60_000_000_000)
        return adapter

    def signed_headers(self, raw: bytes, *, at: datetime = NOW, secret: str | None = None) -> dict[str, str]:
        proof = hmac.new((secret or SECRET).encode(), raw, hashlib.sha256).digest()
        return {"flutterwave-signature": base64.b64encode(proof).decode()}

    def opened(self) -> dict[str, Any]:
        action = {"type": "redirect_url", "redirect_url": {"url": "https://redirects.example/1"}}
        data = {"id": "chg_1", "reference": "PI1", "status": "pending", "next_action": action}
        return {"status": "success", "message": "Charge created", "data": data}

    def answered(self, status: str) -> dict[str, Any]:
        names = {"none": "pending", "pending": "pending", "confirmed": "succeeded"}
        data = {"id": "pay_1", "reference": "PI1", "amount": 150775.5, "currency": "NGN", "status": names[status]}
        return {"status": "success", "message": "fetched", "data": data}

    def key_of(self, request: httpx.Request) -> str | None:
        return request.headers["X-Idempotency-Key"] if request.method == "POST" else None

    def test_the_vector_verifies_with_both_secrets_of_a_rotation(
        self, provider: PaymentProvider, settings: Any
    ) -> None:
        settings.FLUTTERWAVE_V4_WEBHOOK_SECRETS = ["new", SECRET]
        self._verify(provider, V4_BODY, {"flutterwave-signature": V4_SIGNATURE})

    def test_without_a_secret_nothing_verifies(self, provider: PaymentProvider, settings: Any) -> None:
        settings.FLUTTERWAVE_V4_WEBHOOK_SECRETS = []
        self._refuses(provider, V4_BODY, {"flutterwave-signature": V4_SIGNATURE})

    def test_the_secret_itself_is_no_signature_here(self, provider: PaymentProvider) -> None:
        self._refuses(provider, V4_BODY, {"flutterwave-signature": SECRET})
        self._refuses(provider, V4_BODY, {"verif-hash": SECRET})

    @pytest.mark.parametrize("name", ["transfer_disburse", "transfer_reversal"])
    def test_a_payout_is_not_a_payment(self, provider: PaymentProvider, fixture: Any, name: str) -> None:
        (report,) = provider.read_event(fixture(name))
        assert (report.meaning, report.reference, report.received) == (Meaning.PAYOUT, "CO-51", 0)

    def test_the_customer_pays_on_a_page(self, provider: PaymentProvider, wire: Any) -> None:
        wire.answers = self.opening()
        payment = provider.open_payment(self._request(provider))
        assert (payment.payment_id, payment.pay_url) == ("chg_1", "https://redirects.example/1")
        assert b'"amount": 105.31}' in wire.requests[0].content

    def test_a_charge_for_another_reference_is_unintelligible(self, provider: PaymentProvider, wire: Any) -> None:
        answer = self.opened()
        answer["data"]["reference"] = "PI2"
        wire.answers = [(200, answer)]
        with pytest.raises(Unintelligible, match="other_payment"):
            provider.open_payment(self._request(provider))

    def test_a_token_is_asked_for_once_and_used_until_it_ends(self, provider: Any, wire: Any) -> None:
        provider._token = ("", 0)
        wire.answers = [(200, {"access_token": "token-2", "expires_in": 600}), (200, self.answered("none"))]
        provider.ask("pay_1")
        provider.ask("pay_1")
        assert [request.headers.get("Authorization") for request in wire.requests] == [None, *["Bearer token-2"] * 2]
        assert b"client_secret=client-secret" in wire.requests[0].content

    @pytest.mark.parametrize("answer", [{}, {"access_token": "", "expires_in": 1}, {"access_token": "t"}])
    def test_an_answer_without_a_token_is_unintelligible(self, provider: Any, wire: Any, answer: Any) -> None:
        provider._token = ("", 0)
        wire.answers = [(200, answer)]
        with pytest.raises(Unintelligible, match="no token"):
            provider.ask("pay_1")

    def test_a_token_withdrawn_early_is_asked_for_again(self, provider: Any, wire: Any) -> None:
        wire.answers = [(401, {})]
        with pytest.raises(Rejected):
            provider.ask("pay_1")
        wire.answers = [(200, {"access_token": "token-3", "expires_in": 600}), (200, self.answered("confirmed"))]
        assert provider.read_answer(provider.ask("pay_1"), "pay_1")
        assert wire.requests[-1].headers["Authorization"] == "Bearer token-3"
