"""Kraken withdrawals of coins (docs/providers.md).

Its traps, and what answers them here:
- Only an address that was saved in its own pages can be paid, by the name it has there (`Destination.registered_as`).
  The address is sent along: Kraken refuses when the name means another one.
- There is no idempotency key. An order without an answer is looked for by asset, amount, address and time among the
  withdrawals whose ids no other payout of ours has; what two could be is nobody's. Two orders that look alike are
  never under way together (payments/payouts/attempts.py).
- The amount of an order includes Kraken's fee: it is asked for first, added, and `max_fee` forbids any other.
- HTTP is 200 for errors too: `error` counts. "Success" alone is paid; "Settled" is not. "return" came back.
- Every call needs a higher nonce than the one before, whichever process makes it (payments/payouts/nonces.py).
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.conf import settings

from lockbay import http
from payments import wire
from payments.errors import Unreadable
from payments.networks import NETWORKS, normal_address
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
)
from payments.payouts.nonces import next_nonce
from wallets.money import Money

_TICKERS = {"BTC": "XBT", "DOGE": "XDG"}
_ASSETS = {"XBT": "BTC", "XXBT": "BTC", "XDG": "DOGE", "XXDG": "DOGE", "XETH": "ETH", "XLTC": "LTC"}
_HELD = ("USDT", "USDC", "BTC", "ETH", "LTC", "DOGE", "BCH", "TRX", "SOL")
_CLOCKS_DIFFER = timedelta(minutes=10)
_MOST_ROWS = 500
# What Kraken answers before it does anything; the order may be given again. Everything unnamed is unknown.
_NOT_SENT = {
    "EFunding:Insufficient funds": "insufficient_funds",
    "EAPI:Rate limit exceeded": "rate_limit",
    "EGeneral:Temporary lockout": "rate_limit",
    "EAPI:Invalid nonce": "nonce",
    "EAPI:Invalid key": "not_allowed",
    "EAPI:Invalid signature": "not_allowed",
    "EGeneral:Permission denied": "not_allowed",
    "EFunding:Unknown withdraw key": "address_not_registered",
    "EFunding:Max fee exceeded": "fee_changed",
}
_REFUSED = {"EFunding:Invalid amount": "invalid_amount"}


class KrakenPayouts(PayoutRail):
    """An order is known by Kraken's refid, or by how it looks."""

    name = "kraken"
    knows_our_reference = False
    meanings = {
        "initial": PayoutMeaning.ACCEPTED,
        "pending": PayoutMeaning.ACCEPTED,
        "settled": PayoutMeaning.ACCEPTED,
        "success": PayoutMeaning.PAID,
        "failure": PayoutMeaning.REFUSED,
    }

    def required_settings(self) -> dict[str, object]:
        return {"KRAKEN_API_KEY": settings.KRAKEN_API_KEY, "KRAKEN_API_SECRET": settings.KRAKEN_API_SECRET}

    def _send(self, order: PayoutOrder) -> PayoutAnswer:
        if not order.registered_as:
            raise NothingLeft(self.name, "address_not_registered")
        fee = self._fee_of(order)
        if isinstance(fee, PayoutAnswer):
            return fee
        asked = {
            "asset": _ticker(order),
            "key": order.registered_as,
            "amount": format(order.amount.decimal() + fee, "f"),
            "address": order.details["address"],
            "max_fee": format(fee, "f"),
        }
        answer = self._post(self.place, "Withdraw", asked)
        body = self._body_of(answer)
        if error := _error_in(body):
            return _refusal(error, answer)
        result = body.get("result")
        reference = wire.read_text(result.get("refid") if isinstance(result, dict) else None, name="refid")
        if not reference:
            raise Unreadable("bad_field", "refid")
        return PayoutAnswer(PayoutMeaning.ACCEPTED, provider_reference=reference, raw=answer.content)

    def _ask(self, order: PayoutOrder) -> PayoutAnswer:
        asked = {"asset": _ticker(order), "limit": str(_MOST_ROWS)}
        if order.called_at is not None:
            asked["start"] = str(int((order.called_at - _CLOCKS_DIFFER).timestamp()))
        answer = self._post(self.look, "WithdrawStatus", asked)
        body = self._body_of(answer)
        if error := _error_in(body):
            raise NoUsableAnswer(self.name, "error_answered", error)
        rows = list_in(body, "result")
        found = [row for row in rows if _is_ours(order, row)]
        if len(found) == 1:
            return self._read_row(order, found[0], answer.content)
        if found:
            return PayoutAnswer(PayoutMeaning.UNKNOWN, "several_alike", f"{len(found)} rows", raw=answer.content)
        if len(rows) >= _MOST_ROWS:
            return PayoutAnswer(PayoutMeaning.UNKNOWN, "list_too_long", raw=answer.content)
        return PayoutAnswer(PayoutMeaning.NOT_FOUND, "no_such_withdrawal", raw=answer.content)

    def balances(self) -> list[Money]:
        answer = self._post(self.look, "Balance", {})
        body = self._body_of(answer)
        result = body.get("result")
        if _error_in(body) or not isinstance(result, dict):
            raise NoUsableAnswer(self.name, "error_answered", _error_in(body))
        named = {_ASSETS.get(name, name): value for name, value in result.items()}
        return [money_in(named[asset], asset) for asset in _HELD if asset in named]

    def _fee_of(self, order: PayoutOrder) -> Decimal | PayoutAnswer:
        """Kraken's fee for this withdrawal, or its refusal of it. Raises: NothingLeft: nothing was asked for yet."""
        asked = {"asset": _ticker(order), "key": order.registered_as, "amount": order.amount.plain()}
        answer = self._post(self.prepare, "WithdrawInfo", asked)
        try:
            body = wire.read_object(answer.content)
            if error := _error_in(body):
                return _refusal(error, answer, otherwise=PayoutMeaning.NOT_SENT)
            result = body.get("result")
            return wire.read_amount(result.get("fee") if isinstance(result, dict) else None)
        except Unreadable as error:
            raise NothingLeft(self.name, "not_prepared", error.detail) from error

    def _read_row(self, order: PayoutOrder, row: dict[str, Any], raw: bytes) -> PayoutAnswer:
        meaning, prop = self.meaning_of(row.get("status")), str(row.get("status-prop") or "")
        if prop == "return":
            meaning = PayoutMeaning.REVERSED
        return PayoutAnswer(
            meaning=meaning,
            code=str(row.get("status"))[:60],
            text=prop[:60],
            provider_reference=wire.require_text(row, "refid"),
            fee=read_fee(row.get("fee"), order.amount.asset),
            raw=raw,
        )

    def _post(self, call: Callable[..., http.Response], name: str, asked: Mapping[str, str]) -> http.Response:
        path = f"/0/private/{name}"
        nonce = next_nonce(self.name, settings.KRAKEN_API_KEY)
        body = urlencode({"nonce": nonce, **asked})
        try:
            signature = sign(path, nonce, body, settings.KRAKEN_API_SECRET)
        except binascii.Error as error:
            raise NothingLeft(self.name, "not_allowed", "KRAKEN_API_SECRET is no base64") from error
        headers = {
            "API-Key": settings.KRAKEN_API_KEY,
            "API-Sign": signature,
            "Content-Type": "application/x-www-form-urlencoded",
        }
        return call("POST", f"{settings.KRAKEN_API_URL}{path}", content=body.encode(), headers=headers)

    def _body_of(self, answer: http.Response) -> dict[str, Any]:
        try:
            return wire.read_object(answer.content)
        except Unreadable as error:
            raise NoUsableAnswer(self.name, "unreadable", f"HTTP {answer.status_code}: {error.detail}") from error


def sign(path: str, nonce: int, body: str, secret: str) -> str:
    """The API-Sign header: base64 HMAC-SHA512 under the decoded secret over path + SHA256(nonce + body).

    Raises: binascii.Error for a secret that is no base64.
    """
    message = path.encode() + hashlib.sha256(f"{nonce}{body}".encode()).digest()
    digest = hmac.new(base64.b64decode(secret, validate=True), message, hashlib.sha512).digest()
    return base64.b64encode(digest).decode()


def _ticker(order: PayoutOrder) -> str:
    return _TICKERS.get(order.amount.asset, order.amount.asset)


def _error_in(body: dict[str, Any]) -> str:
    """The first error; "" when there is none. Raises: Unreadable without the list that every answer has."""
    errors = body.get("error")
    if not isinstance(errors, list):
        raise Unreadable("bad_field", "error")
    return str(errors[0])[:200] if errors else ""


def _refusal(error: str, answer: http.Response, *, otherwise: PayoutMeaning = PayoutMeaning.UNKNOWN) -> PayoutAnswer:
    """What an error means: named ones by the table, the rest `otherwise`. They may carry more words behind a colon."""
    named = ":".join(error.split(":")[:2])
    if named in _NOT_SENT:
        return PayoutAnswer(PayoutMeaning.NOT_SENT, _NOT_SENT[named], error, raw=answer.content)
    if named in _REFUSED:
        return PayoutAnswer(PayoutMeaning.REFUSED, _REFUSED[named], error, raw=answer.content)
    return PayoutAnswer(otherwise, "error_answered", error, raw=answer.content)


def _is_ours(order: PayoutOrder, row: dict[str, Any]) -> bool:
    """True when a row of theirs is this order: by its id once we have it, else by how it looks."""
    refid = row.get("refid")
    if order.provider_reference:
        return refid == order.provider_reference
    if refid in order.taken or not isinstance(refid, str):
        return False
    network = NETWORKS[order.network]
    if normal_address(network, str(row.get("info") or "")) != normal_address(network, order.details["address"]):
        return False
    gross, fee = wire.read_amount(row.get("amount")), wire.read_amount(row.get("fee") or 0)
    is_amount = order.amount.decimal() in (gross, gross - fee)  # their lists show it with or without the fee
    seen_at = wire.read_amount(row.get("time"))
    is_in_time = order.called_at is None or seen_at >= int((order.called_at - _CLOCKS_DIFFER).timestamp())
    return is_amount and is_in_time
