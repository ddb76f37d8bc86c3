"""BTCPay Server keeps the contract, and its traps stay shut. The vector is computed from the documented scheme."""

import hashlib
import hmac
import json
from datetime import datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest

from payments.errors import Unintelligible, Unreadable
from payments.providers.base import Meaning, PaymentProvider
from tests.payments.providers.contract import NOW, ProviderContract

SECRET = "btcpay_test_secret"
VECTOR_BODY = b'{"deliveryId":"D1","type":"InvoiceSettled","invoiceId":"INV1"}'
VECTOR = "sha256=3b645de483ac0d6e034f35f466fdbf8dd0fecbd9a4405eb586f8ff56c178e797"
ADDRESS = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"
TXID = "ab" * 32


@pytest.fixture(autouse=True)
def _our_store(settings: Any) -> None:
    settings.BTCPAY_URL, settings.BTCPAY_STORE_ID = "https://pay.shop.example", "Store1"
    settings.BTCPAY_API_KEY, settings.BTCPAY_WEBHOOK_SECRETS = "key", [SECRET]


class TestBtcPay(ProviderContract):
    name = "btcpay"
    crediting_kinds = []
    is_stamped = False
    hints = dict.fromkeys(
        [
            "invoice_received_payment",
            "invoice_payment_settled",
            "invoice_payment_settled__late",
            "invoice_processing__overpaid",
            "invoice_settled",
            "invoice_settled__redelivered",
            "invoice_settled__marked_by_hand",
            "invoice_expired__partly_paid",
            "invoice_invalid",
        ],
        "inv_1",
    )

    def signed_headers(self, raw: bytes, *, at: datetime = NOW, secret: str | None = None) -> dict[str, str]:
        return {"BTCPay-Sig": "sha256=" + hmac.new((secret or SECRET).encode(), raw, hashlib.sha256).hexdigest()}

    def opened(self) -> dict[str, Any]:
        return {"id": "pay_1", "status": "New", "metadata": {"orderId": "PI1"}, "checkoutLink": "https://x.example"}

    def opening(self) -> list[Any]:
        return [(200, []), (200, self.opened()), (200, [a_method()])]

    def answered(self, status: str) -> dict[str, Any]:
        names = {"pending": "Processing", "confirmed": "Settled"}
        payments = [a_payment(status=names[status])] if status in names else []
        return {"invoice": self.opened(), "methods": [a_method(*payments)]}

    def asking(self, status: str) -> list[Any]:
        answer = self.answered(status)
        return [(200, answer["invoice"]), (200, answer["methods"])]

    def key_of(self, request: httpx.Request) -> str | None:
        return json.loads(request.content)["metadata"]["orderId"] if request.method == "POST" else None

    # --- signature and identity

    def test_the_vector_verifies_and_only_as_sha256(self, provider: PaymentProvider) -> None:
        self._verify(provider, VECTOR_BODY, {"BTCPay-Sig": VECTOR})
        self._refuses(provider, VECTOR_BODY, {"BTCPay-Sig": VECTOR.removeprefix("sha256=")})
        self._refuses(provider, VECTOR_BODY, {"BTCPay-Sig": VECTOR.replace("sha256", "sha1")})

    def test_the_raw_bytes_are_signed_not_the_same_json_written_again(
        self, provider: PaymentProvider, fixture: Any
    ) -> None:
        raw = fixture("invoice_settled")
        self._verify(provider, raw, self.signed_headers(raw))
        self._refuses(provider, json.dumps(json.loads(raw)).encode(), self.signed_headers(raw))

    def test_both_secrets_verify_during_a_rotation(self, provider: PaymentProvider, settings: Any) -> None:
        settings.BTCPAY_WEBHOOK_SECRETS = ["new", SECRET]
        self._verify(provider, VECTOR_BODY, {"BTCPay-Sig": VECTOR})

    def test_without_a_secret_nothing_verifies(self, provider: PaymentProvider, settings: Any) -> None:
        settings.BTCPAY_WEBHOOK_SECRETS = []
        self._refuses(provider, VECTOR_BODY, {"BTCPay-Sig": VECTOR})

    def test_a_redelivery_is_the_same_event(self, provider: PaymentProvider, fixture: Any) -> None:
        first, again = fixture("invoice_settled"), fixture("invoice_settled__redelivered")
        assert provider.identify(first) == provider.identify(again)

    @pytest.mark.parametrize("name", ["invoice_created", "payout_created", "payout_approved", "payout_updated"])
    def test_an_event_about_no_payment_is_information(self, provider: PaymentProvider, fixture: Any, name: str) -> None:
        assert provider.read_event(fixture(name))[0].meaning is Meaning.INFORMATION

    def test_the_reference_of_an_event_is_the_order_id(self, provider: PaymentProvider, fixture: Any) -> None:
        assert provider.read_event(fixture("invoice_settled"))[0].reference == "PI7Q2M"

    # --- opening

    def test_the_invoice_is_in_coin_at_our_amount(self, provider: PaymentProvider, wire: Any) -> None:
        wire.answers = self.opening()
        payment = provider.open_payment(self._request(provider))
        body = json.loads(wire.requests[1].content)
        assert (body["amount"], body["currency"]) == (self._request(provider).amount.plain(), "BTC")
        assert body["checkout"]["paymentMethods"] == ["BTC-CHAIN"]
        assert payment.address == ADDRESS

    def test_an_invoice_that_an_earlier_try_made_is_taken_up(self, provider: PaymentProvider, wire: Any) -> None:
        wire.answers = [(200, [self.opened()]), (200, [a_method()])]
        assert provider.open_payment(self._request(provider)).payment_id == "pay_1"
        assert {request.method for request in wire.requests} == {"GET"}

    @pytest.mark.parametrize("other", [{"status": "Expired"}, {"metadata": {"orderId": "PI2"}}, {"metadata": None}])
    def test_an_invoice_that_is_over_or_not_ours_is_not_taken_up(
        self, provider: PaymentProvider, wire: Any, other: dict[str, Any]
    ) -> None:
        wire.answers = [(200, [self.opened() | {"id": "old"} | other]), *self.opening()[1:]]
        assert provider.open_payment(self._request(provider)).payment_id == "pay_1"

    def test_an_invoice_without_our_coin_is_unintelligible(self, provider: PaymentProvider, wire: Any) -> None:
        wire.answers = [*self.opening()[:2], (200, [a_method() | {"paymentMethodId": "BTC-LN"}])]
        with pytest.raises(Unintelligible):
            provider.open_payment(self._request(provider))

    def test_offers_the_coins_of_the_store_only(self, provider: PaymentProvider, settings: Any) -> None:
        assert [method.asset for method in provider.methods()] == ["BTC"]
        settings.BTCPAY_PAYMENT_METHODS = ["LTC-CHAIN", "BTC-CHAIN"]
        assert {method.asset for method in provider.methods()} == {"BTC", "LTC"}

    # --- amounts

    def test_settled_by_hand_without_a_payment_is_no_money(self, provider: PaymentProvider) -> None:
        marked = {"status": "Settled", "additionalStatus": "Marked", "paidAmount": "0.00123"}
        assert self._read(provider, self.opened() | marked) == ()

    @pytest.mark.parametrize("additional", ["PaidLate", "PaidPartial", "PaidOver", "Invalid"])
    def test_what_was_received_counts_whatever_the_invoice_calls_it(
        self, provider: PaymentProvider, additional: str
    ) -> None:
        invoice = self.opened() | {"status": "Expired", "additionalStatus": additional, "paidAmount": "9"}
        (report,) = self._read(provider, invoice, a_payment(value="0.00100000"))
        assert (report.meaning, report.received) == (Meaning.CONFIRMED, Decimal("0.001"))
        assert (report.txid, report.address, report.asset, report.network) == (TXID, ADDRESS, "BTC", "BTC")

    def test_outputs_of_one_transaction_are_one_deposit_as_final_as_the_least(self, provider: PaymentProvider) -> None:
        outputs = [a_payment(value="0.001"), a_payment(value="0.00023", output=7, status="Processing")]
        (report,) = self._read(provider, self.opened(), *outputs)
        assert (report.meaning, report.received) == (Meaning.PENDING, Decimal("0.00123"))

    def test_two_transactions_are_two_deposits(self, provider: PaymentProvider) -> None:
        reports = self._read(provider, self.opened(), a_payment(), a_payment(txid="cd" * 32))
        assert [report.txid for report in reports] == [TXID, "cd" * 32]

    def test_an_invalid_payment_is_none(self, provider: PaymentProvider) -> None:
        assert self._read(provider, self.opened(), a_payment(status="Invalid")) == ()

    @pytest.mark.parametrize("wrong", [{"status": "Perhaps"}, {"value": None}, {"value": "-1"}, {"id": None}])
    def test_a_payment_that_cannot_be_read_parks_the_answer(
        self, provider: PaymentProvider, wrong: dict[str, Any]
    ) -> None:
        with pytest.raises(Unreadable):
            self._read(provider, self.opened(), a_payment() | wrong)

    def test_an_answer_that_is_no_json_is_unreadable(self, provider: PaymentProvider, wire: Any) -> None:
        wire.answers = [(200, self.opened()), (200, b"<html>maintenance</html>")]
        with pytest.raises(Unreadable, match="not_json"):
            provider.read_answer(provider.ask("pay_1"), "pay_1")

    def _read(self, provider: PaymentProvider, invoice: dict[str, Any], *payments: dict[str, Any]) -> Any:
        answer = {"invoice": invoice, "methods": [a_method(*payments)]}
        return provider.read_answer(json.dumps(answer).encode(), "pay_1")


def a_method(*payments: dict[str, Any]) -> dict[str, Any]:
    """One row of the invoice's payment methods."""
    return {
        "paymentMethodId": "BTC-CHAIN",
        "currency": "BTC",
        "destination": ADDRESS,
        "amount": "0.00123",
        "due": "0.00123",
        "totalPaid": "0",
        "payments": list(payments),
    }


def a_payment(*, txid: str = TXID, output: int = 0, value: str = "0.00123", status: str = "Settled") -> dict[str, Any]:
    """One output that came in."""
    return {"id": f"{txid}-{output}", "receivedDate": 1768473000, "value": value, "status": status} | {
        "destination": ADDRESS
    }
