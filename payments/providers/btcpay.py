"""BTCPay Server, a shop's own (docs/providers.md): an invoice in coin, its address, webhooks signed with our secret.

Its traps, and what answers them here:
- Invoice events carry no amounts, and "settled" may be set by hand: every event is a hint, and only payments that the
  invoice's payment methods list as settled are money. Paid late, over or in part is then our own judgement.
- The signature has no time in it: a copy is caught by its delivery id. A redelivery keeps the original's identity.
- Creating an invoice knows no idempotency key: our reference is its order id, and is looked for first.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from django.conf import settings

from payments import wire
from payments.errors import Unintelligible, Unreadable
from payments.methods import PayMethod
from payments.providers.base import (
    Meaning,
    NewPayment,
    NewPaymentRequest,
    PaymentProvider,
    PaymentReport,
    SignedEvent,
    is_signed,
)

_PAID = {"Settled": Meaning.CONFIRMED, "Processing": Meaning.PENDING}
_USABLE = frozenset({"New", "Processing", "Settled"})
_WATCHED_MINUTES = 7 * 24 * 60  # as long as we ask about quiet payments


class BtcPay(PaymentProvider):
    """Which coins are offered depends on the wallets of the store: settings.BTCPAY_PAYMENT_METHODS."""

    name = "btcpay"
    meanings = {
        "InvoiceReceivedPayment": Meaning.HINT,
        "InvoicePaymentSettled": Meaning.HINT,
        "InvoiceProcessing": Meaning.HINT,
        "InvoiceSettled": Meaning.HINT,
        "InvoiceExpired": Meaning.HINT,
        "InvoiceInvalid": Meaning.HINT,
        "InvoiceCreated": Meaning.INFORMATION,
        "PayoutCreated": Meaning.INFORMATION,
        "PayoutApproved": Meaning.INFORMATION,
        "PayoutUpdated": Meaning.INFORMATION,
    }
    tickers = {
        ("BTC", "BTC"): "BTC-CHAIN",
        ("LTC", "LTC"): "LTC-CHAIN",
        ("DOGE", "DOGE"): "DOGE-CHAIN",
        ("BCH", "BCH"): "BCH-CHAIN",
    }
    expected_signature = "BTCPay-Sig: sha256=<hex HMAC-SHA256 of the raw body>"
    kept_headers = ("btcpay-sig", "user-agent")

    def required_settings(self) -> Mapping[str, object]:
        return {
            "BTCPAY_URL": settings.BTCPAY_URL,
            "BTCPAY_STORE_ID": settings.BTCPAY_STORE_ID,
            "BTCPAY_API_KEY": settings.BTCPAY_API_KEY,
            "BTCPAY_WEBHOOK_SECRETS": settings.BTCPAY_WEBHOOK_SECRETS,
        }

    def methods(self) -> list[PayMethod]:
        return [method for method in super().methods() if self.ticker_of(method) in settings.BTCPAY_PAYMENT_METHODS]

    def verify(self, raw: bytes, headers: Mapping[str, str], *, now: datetime) -> None:
        if not settings.BTCPAY_WEBHOOK_SECRETS:
            raise self.refuse_signature("no_secret_configured")
        header = headers.get("BTCPay-Sig", "")
        if not header:
            raise self.refuse_signature("signature_missing")
        scheme, _, signature = header.partition("=")
        if scheme != "sha256":
            raise self.refuse_signature("signature_malformed")
        if not is_signed(raw, [signature], settings.BTCPAY_WEBHOOK_SECRETS):
            raise self.refuse_signature("signature_wrong")

    def identify(self, raw: bytes) -> SignedEvent:
        body = wire.read_object(raw)
        delivery = wire.read_text(body.get("originalDeliveryId"), name="originalDeliveryId")
        event_id = delivery or wire.require_text(body, "deliveryId")
        return SignedEvent(
            self.name,
            event_id,
            wire.require_text(body, "type"),
            wire.read_text(body.get("invoiceId"), name="invoiceId"),
        )

    def read_event(self, raw: bytes) -> tuple[PaymentReport, ...]:
        event = self.identify(raw)
        meaning = self.meanings.get(event.kind)
        if meaning is None:
            raise Unreadable("unknown_kind", event.kind)
        metadata = wire.read_object(raw).get("metadata")
        order = metadata.get("orderId") if isinstance(metadata, dict) else None
        reference = order if isinstance(order, str) and len(order) <= 64 else ""
        return (PaymentReport(self.name, event.event_id, event.kind, event.payment_id, meaning, reference),)

    def open_payment(self, request: NewPaymentRequest) -> NewPayment:
        ticker = self.ticker_of(request.method)
        try:
            invoice_id = self._find_invoice(request.reference) or self._create_invoice(request, ticker)
            address = self._address_of(invoice_id, ticker)
        except Unreadable as error:
            raise Unintelligible(self.name, error.detail) from error
        return NewPayment(invoice_id, address, raw={"currency": ticker, "amount": request.amount.plain()})

    def ask(self, payment_id: str) -> bytes:
        """The invoice and its payment methods, put into one object as they came."""
        invoice = self._get(_path(payment_id))
        methods = self._get(f"{_path(payment_id)}/payment-methods")
        return _together(invoice=invoice, methods=methods)

    def read_answer(self, raw: bytes, payment_id: str) -> tuple[PaymentReport, ...]:
        """One report a transaction. What the invoice itself says of its state is nobody's proof."""
        body = wire.read_object(raw)
        invoice = body.get("invoice")
        if not isinstance(invoice, dict):
            raise Unreadable("bad_field", "invoice")
        if wire.require_text(invoice, "id") != payment_id:
            raise Unreadable("other_payment")
        return tuple(
            report
            for method in _objects(body.get("methods"), "methods")
            for report in self._reports_of(method, payment_id)
        )

    def _find_invoice(self, reference: str) -> str:
        """The id of the usable invoice that an earlier try made; "" when there is none."""
        found = wire.read_object(_together(found=self._get("/invoices", params={"orderId": reference})))
        for invoice in _objects(found["found"], "invoices"):
            metadata = invoice.get("metadata")
            is_ours = isinstance(metadata, dict) and metadata.get("orderId") == reference
            if is_ours and wire.read_text(invoice.get("status"), name="status") in _USABLE:
                return wire.require_text(invoice, "id")
        return ""

    def _create_invoice(self, request: NewPaymentRequest, ticker: str) -> str:
        """In coin, at the amount we froze: the server's own rates play no part."""
        body = {
            "amount": request.amount.plain(),
            "currency": request.amount.asset,
            "metadata": {"orderId": request.reference},
            "checkout": {
                "paymentMethods": [ticker],
                "speedPolicy": settings.BTCPAY_SPEED_POLICY,
                "expirationMinutes": int(settings.PAYMENT_WINDOW.total_seconds() // 60),
                "monitoringMinutes": _WATCHED_MINUTES,
                "paymentTolerance": 0,
            },
        }
        reply = self.call("POST", f"{_store_url()}/invoices", json=body, headers=_key())
        return wire.require_text(self.read_reply(reply), "id")

    def _address_of(self, invoice_id: str, ticker: str) -> str:
        found = wire.read_object(_together(methods=self._get(f"{_path(invoice_id)}/payment-methods")))
        for method in _objects(found["methods"], "methods"):
            if method.get("paymentMethodId") == ticker:
                return wire.require_text(method, "destination")
        raise Unreadable("bad_field", "paymentMethodId")

    def _reports_of(self, method: dict[str, Any], payment_id: str) -> Iterable[PaymentReport]:
        payments = _objects(method.get("payments"), "payments")
        if not payments:
            return
        asset, network = self.coin_of(wire.require_text(method, "paymentMethodId"))
        # The outputs of one transaction are one deposit (P2); it is as final as its least final output.
        sums: dict[tuple[str, str], Decimal] = {}
        statuses: dict[tuple[str, str], set[str]] = {}
        for payment in payments:
            key = (
                wire.require_text(payment, "id").partition("-")[0],
                wire.read_text(payment.get("destination"), name="destination"),
            )
            status = wire.require_text(payment, "status")
            if status == "Invalid":
                continue
            if status not in _PAID:
                raise Unreadable("unknown_status", status)
            sums[key] = sums.get(key, Decimal(0)) + wire.read_amount(payment.get("value"))
            statuses.setdefault(key, set()).add(status)
        for (txid, address), received in sums.items():
            meaning = _PAID["Processing" if "Processing" in statuses[txid, address] else "Settled"]
            yield PaymentReport(
                provider=self.name,
                event_id=f"asked:{payment_id}",
                kind=f"asked.{meaning}",
                payment_id=payment_id,
                meaning=meaning,
                address=address,
                txid=txid,
                asset=asset,
                network=network,
                received=received,
            )

    def _get(self, path: str, **options: Any) -> bytes:
        return self.call("GET", f"{_store_url()}{path}", headers=_key(), **options).content


def _store_url() -> str:
    return f"{settings.BTCPAY_URL}/api/v1/stores/{quote(settings.BTCPAY_STORE_ID, safe='')}"


def _path(invoice_id: str) -> str:
    return f"/invoices/{quote(invoice_id, safe='')}"


def _key() -> dict[str, str]:
    return {"Authorization": f"token {settings.BTCPAY_API_KEY}"}


def _together(**answers: bytes) -> bytes:
    """Several answers in one JSON object, each byte for byte as it came; one that is no JSON makes all unreadable."""
    return b"{" + b",".join(f'"{name}":'.encode() + raw for name, raw in answers.items()) + b"}"


def _objects(value: object, name: str) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise Unreadable("bad_field", name)
    return value
