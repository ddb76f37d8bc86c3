"""Flutterwave transfers in naira (docs/providers.md): two generations of one service, each a rail of its own.

Their traps, and what answers them here:
- `"status": "success"` of an answer says that the order is queued, its `data.status` says "NEW": that is accepted,
  never paid. HTTP 200 may carry an error.
- A reference that is known already is refused: that is no refusal of the payment. It stays unknown, and is looked up.
- v3 asks for transfers by `?reference=`; a server that ignores it answers with others: each entry is compared.
- v4 names no look-up by reference. Its id comes with the answer, or with a webhook; else the newest are looked through.
- A transfer may be taken back after SUCCESSFUL (v4 `transfer.reversal`; v3 shows FAILED later).
- Neither promises that "no such transfer" is final: it proves nothing.
"""

from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.urls import reverse

from lockbay import http
from payments import wire
from payments.errors import ProviderError, Unreadable
from payments.payouts.base import (
    NothingLeft,
    PayoutAnswer,
    PayoutMeaning,
    PayoutOrder,
    PayoutRail,
    body_with,
    list_in,
    money_in,
    read_fee,
    require_same_amount,
)
from payments.payouts.flutterwave_answers import body_of, nothing_found, refusal_in, success_of
from payments.providers import provider_of
from payments.providers.bank_pages import id_in, inner
from payments.providers.flutterwave import FlutterwaveV4
from wallets.money import Money


class FlutterwavePayouts(PayoutRail):
    """v3: found by our reference, or by its id once we have it."""

    name = "flutterwave"
    meanings = {
        "new": PayoutMeaning.ACCEPTED,
        "pending": PayoutMeaning.ACCEPTED,
        "successful": PayoutMeaning.PAID,
        "failed": PayoutMeaning.REFUSED,
    }

    def required_settings(self) -> dict[str, object]:
        return {
            "FLUTTERWAVE_SECRET_KEY": settings.FLUTTERWAVE_SECRET_KEY,
            "FLUTTERWAVE_WEBHOOK_SECRETS": settings.FLUTTERWAVE_WEBHOOK_SECRETS,
        }

    def _send(self, order: PayoutOrder) -> PayoutAnswer:
        hook = reverse("payments:webhook", kwargs={"provider": self.name})
        body: dict[str, Any] = {
            "account_bank": order.details["bank_code"],
            "account_number": order.details["account_number"],
            "beneficiary_name": order.details.get("account_name", ""),
            "amount": None,
            "currency": order.amount.asset,
            "debit_currency": order.amount.asset,
            "narration": f"LockBay {order.reference}",
            "reference": order.reference,
            "callback_url": f"{settings.PUBLIC_URL}{hook}",
        }
        content = body_with(body, "amount", order.amount)
        answer = self.place("POST", f"{self._url}/transfers", content=content, headers=self._headers())
        return self._read_order(order, answer)

    def _ask(self, order: PayoutOrder) -> PayoutAnswer:
        if order.provider_reference:
            known = self._ask_by_id(order)
            if known is not None:
                return known
        url = f"{self._url}/transfers"
        answer = self.look("GET", url, params={"reference": order.reference}, headers=self._headers())
        body = body_of(self.name, answer)
        if body.get("status") != "success":
            return nothing_found(body, answer)
        entries = [entry for entry in list_in(body, "data") if entry.get("reference") == order.reference]
        if not entries:
            return PayoutAnswer(PayoutMeaning.NOT_FOUND, "no_such_transfer", raw=answer.content)
        # Their own repeats of one order carry its reference too: the one that went furthest counts.
        read = [self.read_transfer(order, entry, answer.content) for entry in entries]
        return max(read, key=lambda one: _FURTHEST.index(one.meaning))

    def _ask_by_id(self, order: PayoutOrder) -> PayoutAnswer | None:
        """By the id that an answer or an event named; None when it is another transfer's, or nobody's."""
        path = f"/transfers/{quote(order.provider_reference, safe='')}"
        answer = self.look("GET", f"{self._url}{path}", headers=self._headers())
        try:
            found = self._read_order(order, answer, is_question=True)
        except Unreadable as error:
            if error.reason != "other_order":
                raise
            return None
        return None if found.meaning is PayoutMeaning.NOT_FOUND else found

    def balances(self) -> list[Money]:
        answer = self.look("GET", f"{self._url}/balances/NGN", headers=self._headers())
        return [money_in(inner(success_of(self.name, answer), "data").get("available_balance"), "NGN")]

    def read_transfer(self, order: PayoutOrder, data: dict[str, Any], raw: bytes) -> PayoutAnswer:
        """What one transfer of theirs says of our order. Raises: Unreadable when it is another one."""
        if data.get("reference") != order.reference:
            raise Unreadable("other_order")
        require_same_amount(order, data.get("amount"), data.get("currency"))
        return PayoutAnswer(
            meaning=self.meaning_of(data.get("status")),
            code=wire.read_text(data.get("status"), name="status"),
            text=str(data.get("complete_message") or "")[:200],
            provider_reference=id_in(data),
            fee=read_fee(data.get("fee"), order.amount.asset),
            raw=raw,
        )

    def _read_order(self, order: PayoutOrder, answer: http.Response, *, is_question: bool = False) -> PayoutAnswer:
        body = body_of(self.name, answer)
        if body.get("status") == "success" and answer.status_code < 400:
            return self.read_transfer(order, inner(body, "data"), answer.content)
        return nothing_found(body, answer) if is_question else refusal_in(self.name, body, answer)

    @property
    def _url(self) -> str:
        return settings.FLUTTERWAVE_API_URL

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {settings.FLUTTERWAVE_SECRET_KEY}", "Content-Type": "application/json"}


class FlutterwaveV4Payouts(FlutterwavePayouts):
    """v4: a short-lived token, an idempotency key, an order in one piece."""

    name = "flutterwave_v4"
    meanings = {
        "new": PayoutMeaning.ACCEPTED,
        "initiated": PayoutMeaning.ACCEPTED,
        "pending": PayoutMeaning.ACCEPTED,
        "successful": PayoutMeaning.PAID,
        "succeeded": PayoutMeaning.PAID,
        "failed": PayoutMeaning.REFUSED,
        "cancelled": PayoutMeaning.REFUSED,
        "reversed": PayoutMeaning.REVERSED,
    }

    def required_settings(self) -> dict[str, object]:
        return {
            "FLUTTERWAVE_V4_CLIENT_ID": settings.FLUTTERWAVE_V4_CLIENT_ID,
            "FLUTTERWAVE_V4_CLIENT_SECRET": settings.FLUTTERWAVE_V4_CLIENT_SECRET,
            "FLUTTERWAVE_V4_WEBHOOK_SECRETS": settings.FLUTTERWAVE_V4_WEBHOOK_SECRETS,
        }

    def _send(self, order: PayoutOrder) -> PayoutAnswer:
        bank = {"account_number": order.details["account_number"], "code": order.details["bank_code"]}
        body: dict[str, Any] = {
            "action": "instant",
            "type": "bank",
            "reference": order.reference,
            "narration": f"LockBay {order.reference}",
            "payment_instruction": {
                "source_currency": order.amount.asset,
                "amount": {"value": None, "applies_to": "destination_currency"},
                "destination_currency": order.amount.asset,
                "recipient": {"bank": bank},
            },
        }
        headers = {**self._headers(), "X-Idempotency-Key": order.reference, "X-Trace-Id": order.reference}
        content = body_with(body, "value", order.amount)
        answer = self.place("POST", f"{self._url}/direct-transfers", content=content, headers=headers)
        return self._read_order(order, answer)

    def place(self, method: str, url: str, **options: Any) -> http.Response:
        try:
            return super().place(method, url, **options)
        except NothingLeft as error:
            if error.code == "not_allowed":
                _adapter().forget_token()  # withdrawn early: the next try asks for a new one
            raise

    def balances(self) -> list[Money]:
        answer = self.look("GET", f"{self._url}/wallets/balances", headers=self._headers())
        entries = list_in(success_of(self.name, answer), "data")
        return [money_in(one.get("available_balance"), "NGN") for one in entries if one.get("currency") == "NGN"]

    def read_transfer(self, order: PayoutOrder, data: dict[str, Any], raw: bytes) -> PayoutAnswer:
        if data.get("reference") != order.reference:
            raise Unreadable("other_order")
        amount = data.get("amount")
        figure = amount.get("value") if isinstance(amount, dict) else amount
        require_same_amount(order, figure, data.get("destination_currency"))
        response = data.get("provider_response")
        said = response if isinstance(response, dict) else {}
        fee = data.get("fee")
        return PayoutAnswer(
            meaning=self._meaning_with_reversal(data),
            code=str(said.get("code") or data.get("status"))[:60],
            text=str(said.get("message") or "")[:200],
            provider_reference=id_in(data),
            fee=read_fee(fee.get("value"), order.amount.asset)
            if isinstance(fee, dict) and fee.get("currency") == order.amount.asset
            else None,
            raw=raw,
        )

    def _meaning_with_reversal(self, data: dict[str, Any]) -> PayoutMeaning:
        reversal = data.get("reversal")
        if isinstance(reversal, dict) and reversal.get("reversal_datetime"):
            return PayoutMeaning.REVERSED
        return self.meaning_of(data.get("status"))

    @property
    def _url(self) -> str:
        return settings.FLUTTERWAVE_V4_API_URL

    def _headers(self) -> dict[str, str]:
        """Those of the adapter for money in: both share one token. Raises: NothingLeft when there is none to be had."""
        try:
            return _adapter().headers()
        except ProviderError as error:
            raise NothingLeft(self.name, "no_token", error.detail) from error


_FURTHEST = [
    PayoutMeaning.UNKNOWN,
    PayoutMeaning.NOT_FOUND,
    PayoutMeaning.NOT_SENT,
    PayoutMeaning.REFUSED,
    PayoutMeaning.ACCEPTED,
    PayoutMeaning.REVERSED,
    PayoutMeaning.PAID,
]


def _adapter() -> FlutterwaveV4:
    adapter = provider_of("flutterwave_v4")
    if not isinstance(adapter, FlutterwaveV4):
        raise TypeError("the table of adapters names another class")
    return adapter
