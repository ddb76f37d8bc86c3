"""Flutterwave, bank payments in naira (docs/providers.md): two generations of one service, each an adapter.

They differ in host, key, ids, event names and signature. Which one is used is said by PAYMENT_PROVIDERS, never guessed;
payments begun with the other are still understood and asked about. Their traps, and what answers them here:
- v3's `verif-hash` is the secret itself: whoever saw one event can write another. All events of both are hints: the
  payment is asked for, and reference, currency, amount and status of the answer count.
- `transfer.*` tells of money that we send: the payout is asked about (payments/payouts/flutterwave.py).
- `charge.completed` and `transfer.completed` are sent for failures too, and an answer's `"status": "success"` says only
  that the question was understood.
- Both may answer HTTP 200 with an error inside.
"""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from django.conf import settings

from payments import wire
from payments.errors import Rejected, Unintelligible, Unreadable
from payments.providers.bank_pages import BankPageProvider, id_in, inner, is_one_of, page_url, with_amount
from payments.providers.base import Meaning, NewPayment, NewPaymentRequest, PaymentReport, SignedEvent

_NOT_PAID_YET = "No transaction was found"  # v3, of a reference that nobody has paid
_RENEW_EARLY_SECONDS = 60


class FlutterwaveV3(BankPageProvider):
    """A payment is known by our own reference (`tx_ref`); the customer pays on their page."""

    name = "flutterwave"
    meanings = {"charge.completed": Meaning.HINT, "transfer.completed": Meaning.PAYOUT}
    statuses = {
        "successful": Meaning.CONFIRMED,
        "pending": Meaning.INFORMATION,  # begun on their page; nothing has come
        "failed": Meaning.INFORMATION,
    }
    references = ("tx_ref",)
    expected_signature = "verif-hash: <the secret hash of the dashboard>"
    kept_headers = ("user-agent",)  # the signature is the secret: it is not kept

    def required_settings(self) -> Mapping[str, object]:
        return {
            "FLUTTERWAVE_SECRET_KEY": settings.FLUTTERWAVE_SECRET_KEY,
            "FLUTTERWAVE_WEBHOOK_SECRETS": settings.FLUTTERWAVE_WEBHOOK_SECRETS,
            "BANK_CUSTOMER_EMAIL": settings.BANK_CUSTOMER_EMAIL,
        }

    def verify(self, raw: bytes, headers: Mapping[str, str], *, now: datetime) -> None:
        secrets = settings.FLUTTERWAVE_WEBHOOK_SECRETS
        given = headers.get("verif-hash", "")
        if not secrets:
            raise self.refuse_signature("no_secret_configured")
        if not given:
            raise self.refuse_signature("signature_missing")
        if not is_one_of(given, secrets):
            raise self.refuse_signature("signature_wrong")

    def identify(self, raw: bytes) -> SignedEvent:
        body = wire.read_object(raw)
        kind, data = wire.require_text(body, "event"), inner(body, "data")
        event_id = f"{kind}:{id_in(data)}:{wire.read_text(data.get('status'), name='status')}"
        return SignedEvent(self.name, event_id, kind, wire.read_text(data.get("tx_ref"), name="tx_ref"))

    def open_payment(self, request: NewPaymentRequest) -> NewPayment:
        body = {
            "tx_ref": request.reference,
            "currency": self.ticker_of(request.method),
            "redirect_url": settings.PUBLIC_URL,
            "customer": {"email": settings.BANK_CUSTOMER_EMAIL, "name": request.reference},
            "payment_options": "banktransfer",  # a card payment could be taken back after the goods have changed hands
            "customizations": {"title": "LockBay"},
        }
        url = f"{settings.FLUTTERWAVE_API_URL}/payments"
        reply = self.call("POST", url, content=with_amount(body, request), headers=self._headers())
        try:
            link = page_url(_data_of(reply.content), "link")
        except Unreadable as error:
            raise Unintelligible(self.name, error.detail) from error
        return NewPayment(request.reference, request.reference, pay_url=link)

    def ask(self, payment_id: str) -> bytes:
        url = f"{settings.FLUTTERWAVE_API_URL}/transactions/verify_by_reference"
        try:
            return self.call("GET", url, params={"tx_ref": payment_id}, headers=self._headers()).content
        except Rejected as error:
            if _NOT_PAID_YET not in error.detail:
                raise
            return json.dumps({"status": "error", "message": _NOT_PAID_YET, "data": None}).encode()

    def read_answer(self, raw: bytes, payment_id: str) -> tuple[PaymentReport, ...]:
        reply = wire.read_object(raw)
        if reply.get("status") == "error" and str(reply.get("message")).startswith(_NOT_PAID_YET):
            return ()
        data = _data_of(raw)
        if wire.require_text(data, "tx_ref") != payment_id:
            raise Unreadable("other_payment")
        # `amount` is without the fee that the customer may have paid on top (`charged_amount`).
        return self.report_of(data, payment_id=payment_id, txid=id_in(data), amount=data.get("amount"))

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {settings.FLUTTERWAVE_SECRET_KEY}", "Content-Type": "application/json"}


class FlutterwaveV4(BankPageProvider):
    """A payment is a charge with an id of theirs; calls carry a short-lived token."""

    name = "flutterwave_v4"
    meanings = {
        "charge.completed": Meaning.HINT,
        "transfer.disburse": Meaning.PAYOUT,
        "transfer.reversal": Meaning.PAYOUT,
    }
    statuses = {
        "succeeded": Meaning.CONFIRMED,
        "pending": Meaning.INFORMATION,
        "failed": Meaning.INFORMATION,
        "voided": Meaning.INFORMATION,
    }
    references = ("reference",)
    expected_signature = "flutterwave-signature: <base64 HMAC-SHA256 of the raw body>"
    kept_headers = ("flutterwave-signature", "user-agent")
    _token: tuple[str, int] = ("", 0)  # and until when it is used, in monotonic nanoseconds

    def required_settings(self) -> Mapping[str, object]:
        return {
            "FLUTTERWAVE_V4_CLIENT_ID": settings.FLUTTERWAVE_V4_CLIENT_ID,
            "FLUTTERWAVE_V4_CLIENT_SECRET": settings.FLUTTERWAVE_V4_CLIENT_SECRET,
            "FLUTTERWAVE_V4_WEBHOOK_SECRETS": settings.FLUTTERWAVE_V4_WEBHOOK_SECRETS,
            "BANK_CUSTOMER_EMAIL": settings.BANK_CUSTOMER_EMAIL,
        }

    def verify(self, raw: bytes, headers: Mapping[str, str], *, now: datetime) -> None:
        secrets = settings.FLUTTERWAVE_V4_WEBHOOK_SECRETS
        given = headers.get("flutterwave-signature", "")
        if not secrets:
            raise self.refuse_signature("no_secret_configured")
        if not given:
            raise self.refuse_signature("signature_missing")
        proofs = [
            base64.b64encode(hmac.new(secret.encode(), raw, hashlib.sha256).digest()).decode() for secret in secrets
        ]
        if not is_one_of(given, proofs):
            raise self.refuse_signature("signature_wrong")

    def identify(self, raw: bytes) -> SignedEvent:
        body = wire.read_object(raw)
        charge_id = wire.read_text(inner(body, "data").get("id"), name="id")
        return SignedEvent(self.name, wire.require_text(body, "webhook_id"), wire.require_text(body, "type"), charge_id)

    def open_payment(self, request: NewPaymentRequest) -> NewPayment:
        body = {
            "reference": request.reference,
            "currency": self.ticker_of(request.method),
            "redirect_url": settings.PUBLIC_URL,
            "customer": {
                "email": settings.BANK_CUSTOMER_EMAIL,
                "name": {"first": "LockBay", "last": request.reference},
            },
            "payment_method": {"type": "bank_account", "bank_account": {}},
        }
        headers = {**self.headers(), "X-Idempotency-Key": request.idempotency_key}
        url = f"{settings.FLUTTERWAVE_V4_API_URL}/orchestration/direct-charges"
        reply = self.call("POST", url, content=with_amount(body, request), headers=headers)
        try:
            charge = _data_of(reply.content)
            if wire.require_text(charge, "reference") != request.reference:
                raise Unreadable("other_payment")
            link = page_url(inner(inner(charge, "next_action"), "redirect_url"), "url")
            return NewPayment(wire.require_text(charge, "id"), request.reference, pay_url=link)
        except Unreadable as error:
            raise Unintelligible(self.name, error.detail) from error

    def ask(self, payment_id: str) -> bytes:
        url = f"{settings.FLUTTERWAVE_V4_API_URL}/charges/{quote(payment_id, safe='')}"
        try:
            return self.call("GET", url, headers=self.headers()).content
        except Rejected as error:
            if error.detail.startswith("HTTP 401"):
                self.forget_token()  # withdrawn early: the next question asks for a new one
            raise

    def read_answer(self, raw: bytes, payment_id: str) -> tuple[PaymentReport, ...]:
        data = _data_of(raw)
        if wire.require_text(data, "id") != payment_id:
            raise Unreadable("other_payment")
        # `amount` is without the fee that the customer may have paid on top (`charged_amount`).
        return self.report_of(data, payment_id=payment_id, txid=id_in(data), amount=data.get("amount"))

    def headers(self) -> dict[str, str]:
        """What every call carries; one token serves payments and payouts. Raises: Unavailable, Rejected, Unintelligible
        when there is none to be had."""
        token, until = self._token
        if time.monotonic_ns() >= until:
            token = self._renew_token()
        return {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def forget_token(self) -> None:
        """The next call asks for a new one."""
        self._token = ("", 0)

    def _renew_token(self) -> str:
        credentials = {
            "grant_type": "client_credentials",
            "client_id": settings.FLUTTERWAVE_V4_CLIENT_ID,
            "client_secret": settings.FLUTTERWAVE_V4_CLIENT_SECRET,
        }
        reply = self.read_reply(self.call("POST", settings.FLUTTERWAVE_V4_TOKEN_URL, data=credentials))
        token, seconds = reply.get("access_token"), reply.get("expires_in")
        if not isinstance(token, str) or not token or not isinstance(seconds, int):
            raise Unintelligible(self.name, "no token")
        self._token = (token, time.monotonic_ns() + (seconds - _RENEW_EARLY_SECONDS) * 1_000_000_000)
        return token


def _data_of(content: bytes) -> dict[str, Any]:
    """The `data` of an answer that says success. Raises: Unreadable for HTTP 200 with an error inside."""
    reply = wire.read_object(content)
    if reply.get("status") != "success":
        raise Unreadable("error_answered", str(reply.get("message"))[:100])
    return inner(reply, "data")
