"""Fincra, bank payments in naira by its checkout page (docs/providers.md).

Its traps, and what answers them here:
- The header is plainly `signature`, HMAC-SHA512. It covers the payload as JSON without white space: the raw bytes are
  tried first, then those bytes without the white space between their tokens.
- `amount` is what was asked for; what came is `amountReceived`. Underpaid charges are "successful" too.
- `collection.*` tells of the same money once more, net of fees and under other references: it is information.
- Our reference comes back as `merchantReference`, `reference` or in `metadata`, by kind of event.
- HTTP 200 may carry `"success": false`.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from django.conf import settings

from payments import wire
from payments.errors import Unintelligible, Unreadable
from payments.providers.bank_pages import BankPageProvider, id_in, inner, is_one_of, page_url, with_amount
from payments.providers.base import Meaning, NewPayment, NewPaymentRequest, PaymentReport, SignedEvent

# A string (kept; a broken one reaches to the end, so that garbage takes no longer than text), or white space (dropped).
_TOKEN = re.compile(rb'("(?:[^"\\]++|\\.)*+(?:"|\\?\Z))|\s++', re.DOTALL)


class Fincra(BankPageProvider):
    """A payment is known by our own reference."""

    name = "fincra"
    meanings = {
        "charge.successful": Meaning.HINT,
        "charge.failed": Meaning.HINT,
        "collection.successful": Meaning.INFORMATION,
        "collection.failed": Meaning.INFORMATION,
        "payout.successful": Meaning.PAYOUT,
        "payout.failed": Meaning.PAYOUT,
        "payout.reversed": Meaning.PAYOUT,
        "conversion.successful": Meaning.INFORMATION,
        "conversion.failed": Meaning.INFORMATION,
        "virtualaccount.approved": Meaning.INFORMATION,
    }
    statuses = {
        "success": Meaning.CONFIRMED,
        "successful": Meaning.CONFIRMED,
        "initiated": Meaning.INFORMATION,
        "pending": Meaning.INFORMATION,
        "processing": Meaning.INFORMATION,
        "failed": Meaning.INFORMATION,
        "expired": Meaning.INFORMATION,
    }
    references = ("merchantReference", "reference")
    payout_reference = "customerReference"
    expected_signature = "signature: <hex HMAC-SHA512 of the raw body>"
    kept_headers = ("signature", "user-agent")

    def required_settings(self) -> Mapping[str, object]:
        return {
            "FINCRA_SECRET_KEY": settings.FINCRA_SECRET_KEY,
            "FINCRA_PUBLIC_KEY": settings.FINCRA_PUBLIC_KEY,
            "FINCRA_BUSINESS_ID": settings.FINCRA_BUSINESS_ID,
            "FINCRA_WEBHOOK_SECRETS": settings.FINCRA_WEBHOOK_SECRETS,
            "BANK_CUSTOMER_EMAIL": settings.BANK_CUSTOMER_EMAIL,
        }

    def verify(self, raw: bytes, headers: Mapping[str, str], *, now: datetime) -> None:
        given = headers.get("signature", "").strip().lower()
        if not settings.FINCRA_WEBHOOK_SECRETS:
            raise self.refuse_signature("no_secret_configured")
        if not given:
            raise self.refuse_signature("signature_missing")
        compact = _TOKEN.sub(lambda token: token[1] or b"", raw)
        proofs = [
            hmac.new(secret.encode(), message, hashlib.sha512).hexdigest()
            for secret in settings.FINCRA_WEBHOOK_SECRETS
            for message in (raw, compact)
        ]
        if not is_one_of(given, proofs):
            raise self.refuse_signature("signature_wrong")

    def identify(self, raw: bytes) -> SignedEvent:
        body = wire.read_object(raw)
        kind, data = wire.require_text(body, "event"), inner(body, "data")
        theirs = wire.read_text(data.get("reference"), name="reference") or id_in(data)
        return SignedEvent(self.name, f"{kind}:{theirs}", kind, self.reference_in(data))

    def reference_in(self, data: dict[str, Any]) -> str:
        """Ours out of the metadata that we sent along, else where the kind of event puts it."""
        metadata = data.get("metadata")
        ours = metadata.get("reference") if isinstance(metadata, dict) else None
        return wire.read_text(ours, name="metadata", longest=64) or super().reference_in(data)

    def open_payment(self, request: NewPaymentRequest) -> NewPayment:
        body = {
            "reference": request.reference,
            "currency": self.ticker_of(request.method),
            "redirectUrl": settings.PUBLIC_URL,
            "customer": {"name": request.reference, "email": settings.BANK_CUSTOMER_EMAIL},
            "paymentMethods": ["bank_transfer"],  # a card payment could be taken back after the goods changed hands
            "feeBearer": "business",
            "settlementDestination": "wallet",
            "metadata": {"reference": request.reference},
        }
        headers = {**self._headers(), "x-pub-key": settings.FINCRA_PUBLIC_KEY}
        url = f"{settings.FINCRA_API_URL}/checkout/payments"
        reply = self.call("POST", url, content=with_amount(body, request), headers=headers)
        try:
            link = page_url(_data_of(reply.content), "link")
        except Unreadable as error:
            raise Unintelligible(self.name, error.detail) from error
        return NewPayment(request.reference, request.reference, pay_url=link)

    def ask(self, payment_id: str) -> bytes:
        url = f"{settings.FINCRA_API_URL}/checkout/payments/merchant-reference/{quote(payment_id, safe='')}"
        return self.call("GET", url, headers=self._headers()).content

    def read_answer(self, raw: bytes, payment_id: str) -> tuple[PaymentReport, ...]:
        data = _data_of(raw)
        metadata = data.get("metadata")
        places = (data, metadata) if isinstance(metadata, dict) else (data,)
        if payment_id not in {place.get(name) for place in places for name in self.references if _is_text(place, name)}:
            raise Unreadable("other_payment")
        received = data.get("amountReceived")
        if received is None and data.get("varianceType") is None:
            received = data.get("amount")  # told apart only where they differ
        return self.report_of(data, payment_id=payment_id, txid=id_in(data), amount=received)

    def _headers(self) -> dict[str, str]:
        return {
            "api-key": settings.FINCRA_SECRET_KEY,
            "x-business-id": settings.FINCRA_BUSINESS_ID,
            "Content-Type": "application/json",
        }


def _data_of(content: bytes) -> dict[str, Any]:
    """The `data` of an answer that says success, by either of its names. Raises: Unreadable."""
    reply = wire.read_object(content)
    if True not in (reply.get("success"), reply.get("status")):
        raise Unreadable("error_answered", str(reply.get("error") or reply.get("message"))[:100])
    return inner(reply, "data")


def _is_text(place: dict[str, Any], name: str) -> bool:
    return isinstance(place.get(name), str)
