"""Payouts in play money, played by telegrambot/sandbox/payouts.py; it refuses outside the playground.

POST {SANDBOX_URL}/provider/payouts, GET {SANDBOX_URL}/provider/payouts/<our reference>, GET …/provider/balances.
What it knows is all there is: an order that it cannot find ten minutes after the call never arrived.
"""

from datetime import timedelta
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.urls import reverse

from lockbay import http
from payments import wire
from payments.errors import Unreadable
from payments.payouts.base import (
    NothingLeft,
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
from wallets.assets import DIGITS
from wallets.money import Money

_REFUSALS = {
    "insufficient_funds": PayoutMeaning.NOT_SENT,
    "bad_api_key": PayoutMeaning.NOT_SENT,
    "payout_refused": PayoutMeaning.REFUSED,
}


class SandboxPayouts(PayoutRail):
    """Play money."""

    name = "sandbox"
    not_found_proves_after = timedelta(minutes=10)
    meanings = {
        "accepted": PayoutMeaning.ACCEPTED,
        "paid": PayoutMeaning.PAID,
        "failed": PayoutMeaning.REFUSED,
        "reversed": PayoutMeaning.REVERSED,
    }

    def _send(self, order: PayoutOrder) -> PayoutAnswer:
        if not settings.PLAYGROUND:
            raise NothingLeft(self.name, "play_money_refused")
        hook = reverse("payments:webhook", kwargs={"provider": self.name})
        body = {
            "reference": order.reference,
            "amount": order.amount.plain(),
            "currency": order.amount.asset,
            "network": order.network,
            "recipient": order.details.get("address") or order.details.get("account_number") or "",
            "webhook_url": f"{settings.PUBLIC_URL}{hook}",
        }
        url = f"{settings.SANDBOX_URL}/provider/payouts"
        answer = self.place("POST", url, json=body, headers={**self._key(), "Idempotency-Key": order.reference})
        reply = self._body_of(answer)
        if answer.status_code < 400:
            return self._read_payout(order, reply, answer.content)
        said = str(reply.get("error") or "")
        return PayoutAnswer(_REFUSALS.get(said, PayoutMeaning.UNKNOWN), said[:60], raw=answer.content)

    def _ask(self, order: PayoutOrder) -> PayoutAnswer:
        url = f"{settings.SANDBOX_URL}/provider/payouts/{quote(order.reference, safe='')}"
        answer = self.look("GET", url, headers=self._key())
        reply = self._body_of(answer)
        if answer.status_code == 404 and reply.get("error") == "unknown_payout":
            return PayoutAnswer(PayoutMeaning.NOT_FOUND, "unknown_payout", raw=answer.content)
        return self._read_payout(order, reply, answer.content)

    def balances(self) -> list[Money]:
        answer = self.look("GET", f"{settings.SANDBOX_URL}/provider/balances", headers=self._key())
        found = list_in(self._body_of(answer), "balances")
        return [money_in(one.get("amount"), asset) for one in found if (asset := str(one.get("currency"))) in DIGITS]

    def _read_payout(self, order: PayoutOrder, reply: dict[str, Any], raw: bytes) -> PayoutAnswer:
        if reply.get("reference") != order.reference:
            raise Unreadable("other_order")
        require_same_amount(order, reply.get("amount"), reply.get("currency"))
        return PayoutAnswer(
            meaning=self.meaning_of(reply.get("status")),
            code=str(reply.get("status"))[:60],
            provider_reference=wire.require_text(reply, "id"),
            fee=read_fee(reply.get("fee"), order.amount.asset),
            raw=raw,
        )

    def _body_of(self, answer: http.Response) -> dict[str, Any]:
        try:
            return wire.read_object(answer.content)
        except Unreadable as error:
            raise NoUsableAnswer(self.name, "unreadable", f"HTTP {answer.status_code}: {error.detail}") from error

    def _key(self) -> dict[str, str]:
        return {"X-Api-Key": settings.SANDBOX_API_KEY}
