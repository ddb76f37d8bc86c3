"""DynoPay keeps the contract, and its traps stay shut. Vectors: computed from the documented schemes."""

import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.utils.datastructures import CaseInsensitiveMapping

from payments.providers.base import Meaning, PaymentProvider
from tests.payments.providers.contract import NOW, ProviderContract

SECRET = "whsec_lockbay_test_secret"
VECTOR_AT = datetime.fromtimestamp(1768473000, UTC)
VECTOR_BODY = (
    b'{"event":"payment.confirmed","payment_type":"direct_api","payment_id":"7b1f0f52-3f0c-4f7e-9d35-0a5f8f2d6c11",'
    b'"amount":0.0421,"currency":"ETH","base_amount":105.25,"base_currency":"USD","meta_data":{"refId":"ESC-TEST-1"},'
    b'"webhook_id":"2f0d5c1a-6a1e-4b1c-8f5b-8d2e7c1b9a10","sent_at":"2026-01-15T10:30:00.000Z",'
    b'"created_at":"2026-01-15T10:29:40.000Z"}'
)
VECTOR_V2 = "a4f64fe34c7804a081b4ce030a8617eaccfdb56733d6ca993a03336e614aea04"
VECTOR_LEGACY = "bb09a2e9bdbbaac4c1a9bf134e7849b1175f2db5adc2a98985dffa524dfc3ba3"


@pytest.fixture(autouse=True)
def _our_secret(settings: Any) -> None:
    settings.DYNOPAY_WEBHOOK_SECRETS = [SECRET]


class TestDynoPay(ProviderContract):
    name = "dynopay"
    credited = {
        "payment_confirmed__documented": "105.31",
        "payment_confirmed__amount_text_meta_text": "105.310000",
        "payment_confirmed__amount_received_wins": "99.5",
        "payment_confirmed__paid_fields_meta_null": "0.0000421",
    }

    def signed_headers(self, raw: bytes, *, at: datetime = NOW, secret: str | None = None) -> dict[str, str]:
        moment = int(at.timestamp())
        proof = hmac.new((secret or SECRET).encode(), f"{moment}.".encode() + raw, hashlib.sha256).hexdigest()
        return {"X-Dynopay-Signature-V2": f"t={moment},v1={proof}"}

    def opened(self) -> dict[str, Any]:
        data = {"transaction_id": "pay_1", "address": "TEkxi", "amount": 105.31, "currency": "USDT-TRC20"}
        return {"success": True, "message": "Payment Created!", "data": data}

    def answered(self, status: str) -> dict[str, Any]:
        names = {"none": "pending", "pending": "confirming", "confirmed": "successful"}
        data: dict[str, Any] = {
            "transaction_id": "pay_1",
            "status": names[status],
            "currency": "USDT-TRC20",
            "amount": 105.31,
        }
        if status != "none":
            data |= {"amount_received": 105.31, "transaction_hash": "ab" * 32}
        return {"success": True, "data": data}

    def test_the_vector_of_signature_v2_verifies(self, provider: PaymentProvider) -> None:
        self._verify_at(provider, {"X-Dynopay-Signature-V2": f"t=1768473000,v1={VECTOR_V2}"})

    def test_any_of_several_signatures_during_a_rotation_verifies(self, provider: PaymentProvider) -> None:
        self._verify_at(provider, {"X-Dynopay-Signature-V2": f"t=1768473000,v1={'0' * 64},v1={VECTOR_V2}"})

    def test_both_secrets_verify_during_a_rotation(self, provider: PaymentProvider, settings: Any) -> None:
        settings.DYNOPAY_WEBHOOK_SECRETS = ["whsec_new", SECRET]
        self._verify_at(provider, {"X-Dynopay-Signature-V2": f"t=1768473000,v1={VECTOR_V2}"})

    def test_the_vector_of_the_legacy_signature_verifies(self, provider: PaymentProvider) -> None:
        self._verify_at(provider, {"X-DynoPay-Signature": VECTOR_LEGACY, "X-DynoPay-Timestamp": "1768473000"})

    def test_a_legacy_signature_does_not_rescue_a_wrong_v2(self, provider: PaymentProvider) -> None:
        headers = {
            "X-DynoPay-Signature": VECTOR_LEGACY,
            "X-DynoPay-Timestamp": "1768473000",
            "X-Dynopay-Signature-V2": f"t=1768473000,v1={'0' * 64}",
        }
        with pytest.raises(Exception, match="signature_wrong"):
            self._verify_at(provider, headers)

    @pytest.mark.parametrize("body", [b"not json", b"[]", b'{"a":NaN}', b'{"a":"\\ud800"}', b"[" * 100_000])
    def test_a_legacy_signature_over_garbage_is_refused_cleanly(self, provider: PaymentProvider, body: bytes) -> None:
        headers = {"X-DynoPay-Signature": VECTOR_LEGACY, "X-DynoPay-Timestamp": "1768473000"}
        self._refuses(provider, body, headers)

    def test_the_legacy_form_replaces_a_timestamp_in_place(self, provider: PaymentProvider) -> None:
        body = b'{"event":"x","timestamp":"2026-01-15T10:29:39.000Z","amount":100,"tiny":1e-7,"text":"\xc3\xa9/"}'
        form = '{"event":"x","timestamp":1768473000,"amount":100,"tiny":1e-7,"text":"é/"}'.encode()
        proof = hmac.new(SECRET.encode(), form, hashlib.sha256).hexdigest()
        headers = {"X-DynoPay-Signature": proof, "X-DynoPay-Timestamp": "1768473000"}
        provider.verify(body, CaseInsensitiveMapping(headers), now=VECTOR_AT)

    def test_without_a_secret_of_ours_nothing_verifies(self, provider: PaymentProvider, settings: Any) -> None:
        settings.DYNOPAY_WEBHOOK_SECRETS = []
        with pytest.raises(Exception, match="no_secret_configured"):
            self._verify_at(provider, {"X-Dynopay-Signature-V2": f"t=1768473000,v1={VECTOR_V2}"})

    def test_identity_is_webhook_id_payment_and_event_of_the_signed_body(self, provider: PaymentProvider) -> None:
        event = provider.identify(VECTOR_BODY)
        assert event.event_id == (
            "2f0d5c1a-6a1e-4b1c-8f5b-8d2e7c1b9a10:7b1f0f52-3f0c-4f7e-9d35-0a5f8f2d6c11:payment.confirmed"
        )

    @pytest.mark.parametrize(
        ("kind", "meaning"),
        [
            ("payment.pending", Meaning.PENDING),
            ("payment.settled", Meaning.HINT),
            ("payment.underpaid", Meaning.HINT),
            ("payment.overpaid", Meaning.HINT),
            ("payment.created", Meaning.INFORMATION),
            ("payment.expired", Meaning.INFORMATION),
            ("payment.settlement_failed", Meaning.INFORMATION),
            ("webhook.test", Meaning.INFORMATION),
        ],
    )
    def test_each_kind_means_what_it_should(
        self, provider: PaymentProvider, fixture: Any, kind: str, meaning: Meaning
    ) -> None:
        body = json.loads(fixture("payment_confirmed__documented")) | {"event": kind}
        (report,) = provider.read_event(json.dumps(body).encode())
        assert report.meaning is meaning

    @pytest.mark.parametrize("flag", [{"is_test": True}, {"simulated": True}, {"mode": "test"}])
    def test_a_simulated_payment_is_never_money(
        self, provider: PaymentProvider, fixture: Any, flag: dict[str, Any]
    ) -> None:
        body = json.loads(fixture("payment_confirmed__documented")) | flag
        (report,) = provider.read_event(json.dumps(body).encode())
        assert report.meaning is Meaning.INFORMATION

    def test_the_reference_is_read_from_object_and_text(self, provider: PaymentProvider, fixture: Any) -> None:
        for name in ("payment_confirmed__documented", "payment_confirmed__amount_text_meta_text"):
            assert provider.read_event(fixture(name))[0].reference == "PI7Q2M"

    def test_asks_for_the_price_as_an_exact_number(self, provider: PaymentProvider, wire: Any) -> None:
        wire.answers = [(200, self.opened())]
        provider.open_payment(self._request(provider))
        assert b'"amount": 105.25,' in wire.requests[0].content

    def _verify_at(self, provider: PaymentProvider, headers: dict[str, str]) -> None:
        provider.verify(VECTOR_BODY, CaseInsensitiveMapping(headers), now=VECTOR_AT)
