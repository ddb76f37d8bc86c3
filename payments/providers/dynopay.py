"""DynoPay (docs/providers.md): crypto addresses from a pool, webhooks signed with our own merchant secret.

Its traps, and what answers them here:
- Without a merchant secret older builds sign with a default that is public: no secret of ours, no event.
- Header names carry an event id and kind, but only the body is signed: identity comes from the body.
- Whatever arrives is "confirmed": only the coin amount received counts, fiat figures are never read.
- `payment.settled` is a payout to us, later and net of fees: it never credits; it only makes us ask.
- Addresses are reused after two hours: payments are matched by payment id.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from django.conf import settings

from payments import javascript, wire
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

_ANSWERED = {
    "pending": Meaning.PENDING,
    "confirming": Meaning.PENDING,
    "successful": Meaning.CONFIRMED,
    "failed": Meaning.INFORMATION,
}
_TEST_KINDS = frozenset({"webhook.test"})


class DynoPay(PaymentProvider):
    """Field presence varies by version of the service: the first name that is there wins."""

    name = "dynopay"
    meanings = {
        "payment.pending": Meaning.PENDING,
        "payment.confirmed": Meaning.CONFIRMED,
        "payment.settled": Meaning.HINT,
        "payment.succeeded": Meaning.HINT,
        "payment.underpaid": Meaning.HINT,
        "payment.overpaid": Meaning.HINT,
        "payment.created": Meaning.INFORMATION,
        "payment.expired": Meaning.INFORMATION,
        "payment.settlement_failed": Meaning.INFORMATION,
        "webhook.test": Meaning.INFORMATION,
    }
    tickers = {
        ("USDT", "TRC20"): "USDT-TRC20",
        ("USDT", "ERC20"): "USDT-ERC20",
        ("USDC", "ERC20"): "USDC-ERC20",
        ("BTC", "BTC"): "BTC",
        ("ETH", "ERC20"): "ETH",
        ("LTC", "LTC"): "LTC",
        ("DOGE", "DOGE"): "DOGE",
        ("TRX", "TRC20"): "TRX",
        ("BCH", "BCH"): "BCH",
        ("SOL", "SOL"): "SOL",
    }
    expected_signature = 'X-Dynopay-Signature-V2: t=<unix seconds>,v1=<hex HMAC-SHA256 of "<t>.<raw body>">'
    kept_headers = (
        "x-dynopay-signature-v2",
        "x-dynopay-signature",
        "x-dynopay-timestamp",
        "x-dynopay-event",
        "x-dynopay-webhook-id",
        "user-agent",
    )
    payment_ids = ("payment_id", "transaction_reference", "id")
    amounts_received = ("amount_received", "paid_amount", "amount")
    coins = ("currency", "paid_currency")
    txids = ("txId", "txid", "transaction_hash")

    def required_settings(self) -> Mapping[str, object]:
        return {
            "DYNOPAY_API_KEY": settings.DYNOPAY_API_KEY,
            "DYNOPAY_WEBHOOK_SECRETS": settings.DYNOPAY_WEBHOOK_SECRETS,
        }

    def verify(self, raw: bytes, headers: Mapping[str, str], *, now: datetime) -> None:
        secrets = settings.DYNOPAY_WEBHOOK_SECRETS
        if not secrets:
            raise self.refuse_signature("no_secret_configured")
        if "X-Dynopay-Signature-V2" in headers:
            read = signed_at(headers["X-Dynopay-Signature-V2"])
            message = b"" if read is None else f"{read[0]}.".encode() + raw
        elif "X-Dynopay-Signature" in headers:
            read = signed_at(f"t={headers.get('X-Dynopay-Timestamp', '')},v1={headers['X-Dynopay-Signature']}")
            message = b"" if read is None else self._legacy_message(raw, read[0])
        else:
            raise self.refuse_signature("signature_missing")
        if read is None:
            raise self.refuse_signature("signature_malformed")
        if not is_fresh(read[0], now):
            raise self.refuse_signature("timestamp_out_of_window")
        if not is_signed(message, read[1], secrets):
            raise self.refuse_signature("signature_wrong")

    def identify(self, raw: bytes) -> SignedEvent:
        body = wire.read_object(raw)
        kind = _required(body, "event")
        payment_id = _first_text(body, self.payment_ids)
        webhook_id = wire.read_text(body.get("webhook_id"), name="webhook_id")
        return SignedEvent(self.name, f"{webhook_id}:{payment_id}:{kind}", kind, payment_id)

    def read_event(self, raw: bytes) -> tuple[PaymentReport, ...]:
        body = wire.read_object(raw)
        event = self.identify(raw)
        meaning = self.meanings.get(event.kind)
        if meaning is None:
            raise Unreadable("unknown_kind", event.kind)
        if event.kind in _TEST_KINDS or _is_simulated(body):
            meaning = Meaning.INFORMATION
        return (self._report(body, event, meaning),)

    def open_payment(self, request: NewPaymentRequest) -> NewPayment:
        body = {
            "amount": request.price.plain(),
            "currency": self.ticker_of(request.method),
            "accepted_currencies": [self.ticker_of(request.method)],
            "redirect_uri": settings.PUBLIC_URL,
            "webhook_url": request.webhook_url,
            "fee_payer": "company",
            "meta_data": {"refId": request.reference},
        }
        headers = {**self._key(), "Idempotency-Key": request.idempotency_key, "Content-Type": "application/json"}
        # Their schema wants `amount` as a number: the exact decimal text is put there unquoted, no float in between.
        content = json.dumps(body).replace(f'"{body["amount"]}"', str(body["amount"]), 1)
        reply = self.call("POST", f"{settings.DYNOPAY_API_URL}/cryptoPayment", content=content, headers=headers)
        return self._new_payment(self.read_reply(reply), self.ticker_of(request.method))

    def ask(self, payment_id: str) -> bytes:
        url = f"{settings.DYNOPAY_API_URL}/getSingleTransaction/{quote(payment_id, safe='')}"
        return self.call("GET", url, headers=self._key()).content

    def read_answer(self, raw: bytes, payment_id: str) -> tuple[PaymentReport, ...]:
        reply = wire.read_object(raw)
        data = reply.get("data")
        if reply.get("success") is False or not isinstance(data, dict):
            raise Unreadable("bad_field", "data")
        status = wire.read_text(data.get("status"), name="status").lower()
        if status not in _ANSWERED:
            raise Unreadable("unknown_status", status)
        named = {_first_text(data, (name,)) for name in ("payment_id", "transaction_id", "id")} - {""}
        if named and payment_id not in named:
            raise Unreadable("other_payment")
        if not any(data.get(name) is not None for name in ("amount_received", "paid_amount")):
            return ()  # `amount` alone is what was asked for, not what came
        event = SignedEvent(self.name, f"asked:{payment_id}", f"asked.{status}", payment_id)
        report = self._report(data, event, _ANSWERED[status])
        return () if report.is_informational or not report.received else (report,)

    def _new_payment(self, reply: dict[str, Any], ticker: str) -> NewPayment:
        data = reply.get("data")
        try:
            if reply.get("success") is not True or not isinstance(data, dict):
                raise Unreadable("bad_field", "data")
            if _required(data, "currency") != ticker:
                raise Unreadable("other_coin", str(data["currency"])[:40])
            tag = data.get("destination_tag")
            return NewPayment(
                payment_id=_required(data, "transaction_id"),
                address=_required(data, "address"),
                destination_tag="" if tag is None else str(tag)[:64],
                raw={"amount": str(data.get("amount", ""))[:40], "currency": ticker},
            )
        except Unreadable as error:
            raise Unintelligible(self.name, error.detail) from error

    def _report(self, body: dict[str, Any], event: SignedEvent, meaning: Meaning) -> PaymentReport:
        if meaning is Meaning.INFORMATION or meaning is Meaning.HINT:
            return PaymentReport(self.name, event.event_id, event.kind, event.payment_id, meaning, _reference_of(body))
        if not event.payment_id:
            raise Unreadable("bad_field", "payment_id")
        asset, network = self.coin_of(_first_text(body, self.coins))
        amounts = [body[name] for name in self.amounts_received if body.get(name) is not None]
        return PaymentReport(
            provider=self.name,
            event_id=event.event_id,
            kind=event.kind,
            payment_id=event.payment_id,
            meaning=meaning,
            reference=_reference_of(body),
            address=wire.read_text(body.get("address"), name="address"),
            txid=_first_text(body, self.txids),
            asset=asset,
            network=network,
            received=wire.read_amount(amounts[0] if amounts else None),
        )

    def _legacy_message(self, raw: bytes, moment: int) -> bytes:
        """JSON.stringify({...body, timestamp}): the body as JavaScript would write it again, with its own number
        texts."""
        try:
            body = javascript.read(raw)
            if not isinstance(body, dict):
                raise self.refuse_signature("legacy_needs_object")
            body["timestamp"] = javascript.NumberText(moment)
            return javascript.write(body).encode()
        except (ValueError, RecursionError) as error:
            raise self.refuse_signature("legacy_needs_json") from error

    def _key(self) -> dict[str, str]:
        return {"x-api-key": settings.DYNOPAY_API_KEY}


def _is_simulated(body: dict[str, Any]) -> bool:
    """Simulated payments and test keys send well-signed events without money."""
    is_flagged = any(body.get(name) is True for name in ("is_test", "test", "simulated", "is_simulated"))
    return is_flagged or body.get("mode") in ("test", "sandbox")  # a tuple: a hostile value need not be hashable


def _reference_of(body: dict[str, Any]) -> str:
    """Our reference, echoed: `meta_data` comes as object, JSON text or null, and is never a proof of anything."""
    meta = body.get("meta_data")
    if isinstance(meta, str):
        try:
            meta = wire.read_object(meta.encode("utf-8", "replace"))
        except Unreadable:
            return ""
    reference = meta.get("refId") if isinstance(meta, dict) else None
    return reference if isinstance(reference, str) and len(reference) <= 64 else ""


def _first_text(body: dict[str, Any], names: tuple[str, ...]) -> str:
    for name in names:
        value = body.get(name)
        if value is not None and value != "":
            return wire.read_text(value, name=name)
    return ""


def _required(body: dict[str, Any], name: str) -> str:
    text = wire.read_text(body.get(name), name=name)
    if not text:
        raise Unreadable("bad_field", name)
    return text
