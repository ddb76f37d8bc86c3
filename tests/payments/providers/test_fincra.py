"""Fincra keeps the contract, and its traps stay shut. The vector is computed from the documented scheme."""

import hashlib
import hmac
import json
import time
from datetime import datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest

from payments.errors import Unintelligible, Unreadable
from payments.providers.base import Meaning, PaymentProvider
from tests.payments.providers.contract import NOW, ProviderContract

SECRET = "fincra_test_secret"
VECTOR_BODY = (
    b'{"event":"payout.successful","data":{"id":14380,"reference":"R1","customerReference":"CO-TEST-1",'
    b'"status":"successful"}}'
)
VECTOR = (
    "25ea58b04fc191c81601ea374a7adc2d20dcd3e5b02c641ff968944b31e014d4"
    "b9c409a5d3375accba20d65e4fe8fcb6f933bd921ce6d98910beeade6d7dd40b"
)


@pytest.fixture(autouse=True)
def _our_account(settings: Any) -> None:
    settings.FINCRA_SECRET_KEY, settings.FINCRA_PUBLIC_KEY = "sk_test_1", "pk_test_1"
    settings.FINCRA_BUSINESS_ID, settings.FINCRA_WEBHOOK_SECRETS = "64033e4d9fc454765ab40e00", [SECRET]
    settings.BANK_CUSTOMER_EMAIL = "pay@lockbay.example"


class TestFincra(ProviderContract):
    name = "fincra"
    crediting_kinds = []
    is_stamped = False
    answer_meanings = {"none": [], "pending": [], "confirmed": [Meaning.CONFIRMED]}
    hints = dict.fromkeys(
        [
            "charge_successful__bank_transfer",
            "charge_successful__underpaid",
            "charge_successful__our_reference_outside",
            "charge_failed",
        ],
        "PI7Q2M",
    )

    def signed_headers(self, raw: bytes, *, at: datetime = NOW, secret: str | None = None) -> dict[str, str]:
        return {"signature": hmac.new((secret or SECRET).encode(), raw, hashlib.sha512).hexdigest()}

    def opened(self) -> dict[str, Any]:
        return {"status": True, "message": "Payment created", "data": {"link": "https://checkout.example/pay/1"}}

    def answered(self, status: str) -> dict[str, Any]:
        names = {"none": "initiated", "pending": "processing", "confirmed": "success"}
        data = {"id": 601227, "merchantReference": "pay_1", "reference": "fcr-p-1", "amount": 150775.5}
        return {"success": True, "data": data | {"currency": "NGN", "status": names[status], "type": "bank_transfer"}}

    def key_of(self, request: httpx.Request) -> str | None:
        return json.loads(request.content)["reference"] if request.method == "POST" else None

    # --- signature

    def test_the_vector_verifies_with_both_secrets_of_a_rotation(
        self, provider: PaymentProvider, settings: Any
    ) -> None:
        settings.FINCRA_WEBHOOK_SECRETS = ["new", SECRET]
        self._verify(provider, VECTOR_BODY, {"Signature": VECTOR})

    def test_the_header_of_public_examples_is_not_the_one_that_is_sent(self, provider: PaymentProvider) -> None:
        self._refuses(provider, VECTOR_BODY, {"x-fincra-signature": VECTOR})

    def test_without_a_secret_nothing_verifies(self, provider: PaymentProvider, settings: Any) -> None:
        settings.FINCRA_WEBHOOK_SECRETS = []
        self._refuses(provider, VECTOR_BODY, {"signature": VECTOR})

    def test_the_same_json_with_white_space_between_its_tokens_verifies(self, provider: PaymentProvider) -> None:
        signed = rb'{"event":"x y","data":{"a":"q\" : ","rate":699.9999999999999,"n":[1, 2]}}'.replace(
            b"[1, 2]", b"[1,2]"
        )
        sent = signed.replace(b'":', b'" :\n ').replace(b",", b" ,\t").replace(b'q\\" :\n ', b'q\\" : ')
        assert sent != signed
        self._verify(provider, sent, self.signed_headers(signed))

    def test_white_space_inside_a_string_is_signed(self, provider: PaymentProvider) -> None:
        self._refuses(provider, b'{"a":"x  y"}', self.signed_headers(b'{"a":"x y"}'))

    @pytest.mark.parametrize("garbage", [b'"' + b'\\"' * 120_000, b'"\\' * 120_000, b" " * 240_000, b'"' * 239_999])
    def test_garbage_is_refused_quickly(self, provider: PaymentProvider, garbage: bytes) -> None:
        started = time.monotonic()
        self._refuses(provider, garbage, {"signature": "00"})
        assert time.monotonic() - started < 10

    # --- events

    @pytest.mark.parametrize(
        "name",
        [
            "collection_successful",
            "collection_failed",
            "conversion_successful",
            "conversion_failed",
            "virtualaccount_approved",
        ],
    )
    def test_what_is_no_charge_is_information(self, provider: PaymentProvider, fixture: Any, name: str) -> None:
        assert provider.read_event(fixture(name))[0].meaning is Meaning.INFORMATION

    @pytest.mark.parametrize("name", ["payout_successful", "payout_failed"])
    def test_a_payout_is_not_a_payment(self, provider: PaymentProvider, fixture: Any, name: str) -> None:
        (report,) = provider.read_event(fixture(name))
        assert (report.meaning, report.reference, report.received) == (Meaning.PAYOUT, "CO-51", 0)

    # --- opening and asking

    def test_the_customer_pays_on_a_page_the_exact_amount_by_bank(self, provider: PaymentProvider, wire: Any) -> None:
        wire.answers = self.opening()
        payment = provider.open_payment(self._request(provider))
        assert (payment.payment_id, payment.pay_url) == ("PI1", "https://checkout.example/pay/1")
        assert b'"amount": 105.31}' in wire.requests[0].content
        assert json.loads(wire.requests[0].content)["paymentMethods"] == ["bank_transfer"]
        assert (wire.requests[0].headers["api-key"], wire.requests[0].headers["x-pub-key"]) == (
            "sk_test_1",
            "pk_test_1",
        )

    def test_an_error_inside_http_200_is_no_page_and_no_answer(self, provider: PaymentProvider, wire: Any) -> None:
        wire.answers = [(200, self.opened() | {"status": False, "success": False, "error": "no"})]
        with pytest.raises(Unintelligible, match="error_answered"):
            provider.open_payment(self._request(provider))
        with pytest.raises(Unreadable, match="error_answered"):
            provider.read_answer(b'{"success":false,"error":"no","data":{}}', "pay_1")

    def test_what_came_counts_not_what_was_asked_for(self, provider: PaymentProvider) -> None:
        assert self._read(provider)[0].received == Decimal("150775.5")
        short = {"amountReceived": 100000, "amountExpected": 150775.5, "varianceType": "underpayment"}
        (report,) = self._read(provider, **short)
        assert (report.received, report.asset, report.network) == (Decimal(100000), "NGN", "BANK")
        assert report.txid == "601227"

    def test_a_difference_without_the_amount_that_came_parks(self, provider: PaymentProvider) -> None:
        with pytest.raises(Unreadable, match="bad_amount"):
            self._read(provider, varianceType="underpayment")

    @pytest.mark.parametrize("wrong", [{"status": "strange"}, {"currency": "GHS"}, {"id": None}, {"amount": "NaN"}])
    def test_an_answer_in_which_something_is_wrong_parks(
        self, provider: PaymentProvider, wrong: dict[str, Any]
    ) -> None:
        with pytest.raises(Unreadable):
            self._read(provider, **wrong)

    def test_our_reference_is_found_in_the_metadata_too(self, provider: PaymentProvider) -> None:
        assert self._read(provider, merchantReference=None, metadata={"reference": "pay_1"})
        with pytest.raises(Unreadable, match="other_payment"):
            self._read(provider, merchantReference=["pay_1"], metadata={"reference": "pay_2"})

    def _read(self, provider: PaymentProvider, **changes: Any) -> Any:
        answer = self.answered("confirmed")
        return provider.read_answer(json.dumps(answer | {"data": answer["data"] | changes}).encode(), "pay_1")
