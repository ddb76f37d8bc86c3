"""The play-money provider of the sandbox, behind the same contract as the real ones.

Wire format: POST {SANDBOX_URL}/provider/payments, GET {SANDBOX_URL}/provider/payments/<id>; webhooks carry
`X-Sandbox-Signature: t=<unix>,v1=<hex HMAC-SHA256(secret, "<t>." + raw body)>`. Its secret is known to everybody, so
outside
the playground nothing verifies.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from django.conf import settings

from payments import wire
from payments.errors import Unintelligible, Unreadable
from payments.providers.base import (
    Meaning,
    NewPayment,
    NewPaymentRequest,
    PaymentProvider,
    PaymentReport,
    SignedEvent,
    is_fresh,
    is_signed,
    signed_at,
)


class Sandbox(PaymentProvider):
    """Play money."""

    name = "sandbox"
    meanings = {
        "payment.pending": Meaning.PENDING,
        "payment.confirmed": Meaning.CONFIRMED,
        "payout.paid": Meaning.PAYOUT,
        "payout.failed": Meaning.PAYOUT,
        "payout.reversed": Meaning.PAYOUT,
    }
    tickers = {
        coin: f"{coin[0]}/{coin[1]}"
        for coin in (
            ("USDT", "TRC20"),
            ("USDT", "ERC20"),
            ("USDT", "BEP20"),
            ("BTC", "BTC"),
            ("ETH", "ERC20"),
            ("LTC", "LTC"),
            ("DOGE", "DOGE"),
            ("TRX", "TRC20"),
        )
    }
    expected_signature = 'X-Sandbox-Signature: t=<unix seconds>,v1=<hex HMAC-SHA256 of "<t>.<raw body>">'
    kept_headers = ("x-sandbox-signature", "user-agent")

    def verify(self, raw: bytes, headers: Mapping[str, str], *, now: datetime) -> None:
        if not settings.PLAYGROUND:
            raise self.refuse_signature("play_money_refused")
        header = headers.get("X-Sandbox-Signature", "")
        if not header:
            raise self.refuse_signature("signature_missing")
        read = signed_at(header)
        if read is None:
            raise self.refuse_signature("signature_malformed")
        moment, signatures = read
        if not is_fresh(moment, now):
            raise self.refuse_signature("timestamp_out_of_window")
        if not is_signed(f"{moment}.".encode() + raw, signatures, [settings.SANDBOX_WEBHOOK_SECRET]):
            raise self.refuse_signature("signature_wrong")

    def identify(self, raw: bytes) -> SignedEvent:
        body = wire.read_object(raw)
        event_id, kind = _required(body, "id"), _required(body, "type")
        payment_id = wire.read_text(body.get("payment_id"), name="payment_id")
        return SignedEvent(self.name, event_id, kind, payment_id)

    def read_event(self, raw: bytes) -> tuple[PaymentReport, ...]:
        body = wire.read_object(raw)
        kind = _required(body, "type")
        meaning = self.meanings.get(kind)
        if meaning is None:
            raise Unreadable("unknown_kind", kind)
        event_id, payment_id = _required(body, "id"), _required(body, "payment_id")
        if meaning is Meaning.PAYOUT:
            return (PaymentReport(self.name, event_id, kind, payment_id, meaning, _required(body, "reference")),)
        return (self._report(body, body, event_id, kind, meaning, payment_id),)

    def open_payment(self, request: NewPaymentRequest) -> NewPayment:
        self.ticker_of(request.method)
        body = {
            "reference": request.reference,
            "amount": request.amount.plain(),
            "currency": request.method.asset,
            "network": request.method.network,
            "webhook_url": request.webhook_url,
            "amount_usd": request.price.plain() if request.price.asset == "USD" else "",
        }
        headers = {**self._key(), "Idempotency-Key": request.idempotency_key}
        reply = self.read_reply(
            self.call("POST", f"{settings.SANDBOX_URL}/provider/payments", json=body, headers=headers)
        )
        try:
            return NewPayment(
                _required(reply, "id"), _required(reply, "address"), raw={"qr_text": reply.get("qr_text", "")}
            )
        except Unreadable as error:
            raise Unintelligible(self.name, error.detail) from error

    def ask(self, payment_id: str) -> bytes:
        url = f"{settings.SANDBOX_URL}/provider/payments/{quote(payment_id, safe='')}"
        return self.call("GET", url, headers=self._key()).content

    def read_answer(self, raw: bytes, payment_id: str) -> tuple[PaymentReport, ...]:
        body = wire.read_object(raw)
        if body.get("id") != payment_id:
            raise Unreadable("other_payment")
        transactions = body.get("transactions")
        if not isinstance(transactions, list) or not all(isinstance(one, dict) for one in transactions):
            raise Unreadable("bad_field", "transactions")
        return tuple(self._report_of_transaction(body, one, payment_id) for one in transactions)

    def _report_of_transaction(self, body: dict[str, Any], one: dict[str, Any], payment_id: str) -> PaymentReport:
        meaning = Meaning.CONFIRMED if one.get("status") == "confirmed" else Meaning.PENDING
        seen = {"txid": one.get("txid"), "amount_received": one.get("amount")}
        return self._report(body, seen, f"asked:{payment_id}", f"asked.{meaning}", meaning, payment_id)

    def _report(
        self, body: dict[str, Any], seen: dict[str, Any], event_id: str, kind: str, meaning: Meaning, payment_id: str
    ) -> PaymentReport:
        return PaymentReport(
            provider=self.name,
            event_id=event_id,
            kind=kind,
            payment_id=payment_id,
            meaning=meaning,
            reference=wire.read_text(body.get("reference"), name="reference"),
            address=wire.read_text(body.get("address"), name="address"),
            txid=wire.read_text(seen.get("txid"), name="txid"),
            asset=_required(body, "currency"),
            network=_required(body, "network"),
            received=wire.read_amount(seen.get("amount_received")),
        )

    def _key(self) -> dict[str, str]:
        return {"X-Api-Key": settings.SANDBOX_API_KEY}


def _required(body: dict[str, Any], name: str) -> str:
    text = wire.read_text(body.get(name), name=name)
    if not text:
        raise Unreadable("bad_field", name)
    return text
