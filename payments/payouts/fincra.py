"""Fincra payouts in naira (docs/providers.md).

Their traps, and what answers them here:
- A payout is "processing" for a while and asking about it is mandatory: nothing but their answer to our question
  settles one.
- "Payout not found" is called ambiguous by their own documents: it proves nothing, and is asked again.
- A reference that is known is refused (DUPLICATE_CUSTOMER_REFERENCE): the first order may be on its way, so it stays
  unknown and is looked up.
- HTTP 200 may carry `"success": false`.
"""

from typing import Any
from urllib.parse import quote

from django.conf import settings

from lockbay import http
from payments import wire
from payments.errors import Unreadable
from payments.payouts.base import (
    NoUsableAnswer,
    PayoutAnswer,
    PayoutMeaning,
    PayoutOrder,
    PayoutRail,
    list_in,
    money_in,
    read_fee,
    require_same_amount,
)
from payments.providers.bank_pages import id_in, inner
from wallets.money import Money

_ERRORS = {
    "NO_ENOUGH_MONEY_IN_WALLET": (PayoutMeaning.NOT_SENT, "insufficient_funds"),
    "TOO_MANY_REQUESTS": (PayoutMeaning.NOT_SENT, "rate_limit"),
    "UNAUTHORIZED": (PayoutMeaning.NOT_SENT, "not_allowed"),
    "FORBIDDEN": (PayoutMeaning.NOT_SENT, "not_allowed"),
    "DUPLICATE_CUSTOMER_REFERENCE": (PayoutMeaning.UNKNOWN, "reference_known"),
    "RESOURCE_NOT_FOUND": (PayoutMeaning.UNKNOWN, "not_found"),
    "UNPROCESSABLE_ENTITY": (PayoutMeaning.REFUSED, "unprocessable"),
    "VALIDATION_ERROR": (PayoutMeaning.REFUSED, "invalid"),
    "BAD_REQUEST": (PayoutMeaning.REFUSED, "invalid"),
}


class FincraPayouts(PayoutRail):
    """A payout is found by `customerReference`, which is ours."""

    name = "fincra"
    meanings = {
        "processing": PayoutMeaning.ACCEPTED,
        "pending": PayoutMeaning.ACCEPTED,
        "successful": PayoutMeaning.PAID,
        "failed": PayoutMeaning.REFUSED,
        "reversed": PayoutMeaning.REVERSED,
    }

    def required_settings(self) -> dict[str, object]:
        return {
            "FINCRA_SECRET_KEY": settings.FINCRA_SECRET_KEY,
            "FINCRA_BUSINESS_ID": settings.FINCRA_BUSINESS_ID,
            "FINCRA_WEBHOOK_SECRETS": settings.FINCRA_WEBHOOK_SECRETS,
        }

    def _send(self, order: PayoutOrder) -> PayoutAnswer:
        name = order.details.get("account_name", "") or order.reference
        first, _, last = name.partition(" ")
        body = {
            "business": settings.FINCRA_BUSINESS_ID,
            "sourceCurrency": order.amount.asset,
            "destinationCurrency": order.amount.asset,
            "amount": order.amount.plain(),
            "description": f"LockBay {order.reference}",
            "paymentDestination": "bank_account",
            "customerReference": order.reference,
            "beneficiary": {
                "type": "individual",
                "firstName": first,
                "lastName": last or first,
                "accountHolderName": name,
                "accountNumber": order.details["account_number"],
                "bankCode": order.details["bank_code"],
                "country": "NG",
            },
        }
        answer = self.place("POST", f"{self._url}/disbursements/payouts", json=body, headers=self._headers())
        reply = self._body_of(answer)
        if reply.get("success") is True and answer.status_code < 400:
            return self._read_payout(order, inner(reply, "data"), answer.content, is_whole=False)
        return self._refusal_in(reply, answer)

    def _ask(self, order: PayoutOrder) -> PayoutAnswer:
        path = f"/disbursements/payouts/customer-reference/{quote(order.reference, safe='')}"
        answer = self.look("GET", f"{self._url}{path}", headers=self._headers())
        reply = self._body_of(answer)
        if reply.get("success") is True and answer.status_code < 400:
            return self._read_payout(order, inner(reply, "data"), answer.content, is_whole=True)
        is_missing = answer.status_code == 404 or reply.get("errorType") == "RESOURCE_NOT_FOUND"
        meaning = PayoutMeaning.NOT_FOUND if is_missing else PayoutMeaning.UNKNOWN
        return PayoutAnswer(meaning, str(reply.get("errorType") or "")[:60], _said(reply), raw=answer.content)

    def balances(self) -> list[Money]:
        params = {"businessID": settings.FINCRA_BUSINESS_ID}
        reply = self._body_of(self.look("GET", f"{self._url}/wallets", params=params, headers=self._headers()))
        if reply.get("success") is not True:
            raise NoUsableAnswer(self.name, "error_answered", _said(reply))
        found = list_in(reply, "data")
        return [money_in(one.get("availableBalance"), "NGN") for one in found if _currency_of(one) == "NGN"]

    def _read_payout(self, order: PayoutOrder, data: dict[str, Any], raw: bytes, *, is_whole: bool) -> PayoutAnswer:
        """The answer to an order names neither amount nor currency; that to a question does (`is_whole`)."""
        if data.get("customerReference") != order.reference:
            raise Unreadable("other_order")
        received = data.get("amountReceived", data.get("amount"))
        if is_whole:
            require_same_amount(order, received, data.get("destinationCurrency"))
        return PayoutAnswer(
            meaning=self.meaning_of(data.get("status")),
            code=wire.read_text(data.get("status"), name="status"),
            text=str(data.get("reason") or "")[:200],
            provider_reference=wire.read_text(data.get("reference"), name="reference") or id_in(data),
            fee=read_fee(data.get("fee"), order.amount.asset),
            raw=raw,
        )

    def _refusal_in(self, reply: dict[str, Any], answer: http.Response) -> PayoutAnswer:
        if reply.get("success") is not False:
            raise NoUsableAnswer(self.name, f"http_{answer.status_code}", _said(reply))
        kind = str(reply.get("errorType") or "")
        meaning, code = _ERRORS.get(kind, (PayoutMeaning.UNKNOWN, f"http_{answer.status_code}"))
        return PayoutAnswer(meaning, code, f"{kind} {_said(reply)}".strip(), raw=answer.content)

    def _body_of(self, answer: http.Response) -> dict[str, Any]:
        try:
            return wire.read_object(answer.content)
        except Unreadable as error:
            raise NoUsableAnswer(self.name, "unreadable", f"HTTP {answer.status_code}: {error.detail}") from error

    @property
    def _url(self) -> str:
        return settings.FINCRA_API_URL

    def _headers(self) -> dict[str, str]:
        return {"api-key": settings.FINCRA_SECRET_KEY, "x-business-id": settings.FINCRA_BUSINESS_ID}


def _said(reply: dict[str, Any]) -> str:
    return str(reply.get("error") or reply.get("message") or "")[:200]


def _currency_of(wallet: dict[str, Any]) -> object:
    currency = wallet.get("currency")
    return currency.get("code") if isinstance(currency, dict) else currency
