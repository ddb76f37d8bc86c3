"""NOWPayments (docs/providers.md): one address a payment, events signed over their own JSON written again.

Its traps, and what answers them here:
- The signature is over JSON with keys sorted at every depth. Their own sample turns a list into an object with the
  places as keys, other versions leave it a list: either form verifies.
- "confirmed" is the chain's word, not ours: only `finished` and `partially_paid` are final, and both credit the coin
  that was `actually_paid`, whatever was asked for. Fiat figures are never read.
- More money to the same address is a new payment that names its parent: it belongs to the parent's intent, as a
  deposit of its own, even when it is of the same amount and no transaction is named.
- The payment id is a number in events and text in answers; amounts are either, too.
- An answer with HTTP 200 may carry an error.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from django.conf import settings

from lockbay import http
from payments import javascript, wire
from payments.errors import Rejected, Unavailable, Unintelligible, Unreadable
from payments.providers.base import (
    Meaning,
    NewPayment,
    NewPaymentRequest,
    PaymentProvider,
    PaymentReport,
    SignedEvent,
    is_signed,
)

_MOST_OTHERS = 10  # payments to one address that are asked about


class NowPayments(PaymentProvider):
    """Kinds of events are the statuses of a payment. `refunded` has no meaning that a machine may act on."""

    name = "nowpayments"
    meanings = {
        "waiting": Meaning.INFORMATION,
        "confirming": Meaning.PENDING,
        "confirmed": Meaning.PENDING,
        "sending": Meaning.PENDING,
        "partially_paid": Meaning.CONFIRMED,
        "finished": Meaning.CONFIRMED,
        "failed": Meaning.INFORMATION,
        "expired": Meaning.INFORMATION,
    }
    tickers = {
        ("USDT", "TRC20"): "usdttrc20",
        ("USDT", "ERC20"): "usdterc20",
        ("USDT", "BEP20"): "usdtbsc",
        ("BTC", "BTC"): "btc",
        ("ETH", "ERC20"): "eth",
        ("LTC", "LTC"): "ltc",
        ("DOGE", "DOGE"): "doge",
        ("TRX", "TRC20"): "trx",
        ("BCH", "BCH"): "bch",
        ("SOL", "SOL"): "sol",
    }
    expected_signature = "X-Nowpayments-Sig: <hex HMAC-SHA512 of the JSON body, keys sorted at every depth, compact>"
    kept_headers = ("x-nowpayments-sig", "user-agent")

    def required_settings(self) -> Mapping[str, object]:
        return {
            "NOWPAYMENTS_API_KEY": settings.NOWPAYMENTS_API_KEY,
            "NOWPAYMENTS_IPN_SECRETS": settings.NOWPAYMENTS_IPN_SECRETS,
        }

    def verify(self, raw: bytes, headers: Mapping[str, str], *, now: datetime) -> None:
        secrets = settings.NOWPAYMENTS_IPN_SECRETS
        if not secrets:
            raise self.refuse_signature("no_secret_configured")
        given = headers.get("X-Nowpayments-Sig", "")
        if not given:
            raise self.refuse_signature("signature_missing")
        try:
            body = javascript.read(raw)
            messages = [javascript.write(_sorted(body, lists_as=form)).encode() for form in (list, dict)]
        except (ValueError, RecursionError) as error:
            raise self.refuse_signature("signature_needs_json") from error
        if True not in [is_signed(message, [given], secrets, digest="sha512") for message in messages]:
            raise self.refuse_signature("signature_wrong")

    def identify(self, raw: bytes) -> SignedEvent:
        body = wire.read_object(raw)
        status, payment_id = _required(body, "payment_status"), _required(body, "payment_id")
        event_id = f"{payment_id}:{status}:{_text(body, 'updated_at')}"
        return SignedEvent(self.name, event_id, status, _text(body, "parent_payment_id") or payment_id)

    def read_event(self, raw: bytes) -> tuple[PaymentReport, ...]:
        body = wire.read_object(raw)
        return (self._report(body, self.identify(raw)),)

    def open_payment(self, request: NewPaymentRequest) -> NewPayment:
        ticker = self.ticker_of(request.method)
        # Their schema wants numbers: the exact decimal text is written as one, no float in between.
        body = {
            "price_amount": javascript.NumberText(request.price.plain()),
            "price_currency": request.price.asset.lower(),
            "pay_amount": javascript.NumberText(request.amount.plain()),
            "pay_currency": ticker,
            "order_id": request.reference,
            "ipn_callback_url": request.webhook_url,
            "is_fixed_rate": False,  # a fixed rate ends after 20 minutes; our own lasts as long as our window
            "is_fee_paid_by_user": False,
        }
        headers = {**self._key(), "Content-Type": "application/json"}
        content = javascript.write(body).encode()
        reply = self.call("POST", f"{settings.NOWPAYMENTS_API_URL}/payment", content=content, headers=headers)
        return self._new_payment(self._without_error(reply), ticker)

    def ask(self, payment_id: str) -> bytes:
        """Asks about the payment, and about later ones to the same address: then {"payments": [answer, …]}."""
        content, reply = self._ask_one(payment_id)
        answers = [content]
        for other in _others_of(reply):
            try:
                content, reply = self._ask_one(other)
            except Rejected:
                continue  # not every number in that list is a payment
            if _text(reply, "parent_payment_id") == payment_id:
                answers.append(content)
        return answers[0] if len(answers) == 1 else b'{"payments":[' + b",".join(answers) + b"]}"

    def read_answer(self, raw: bytes, payment_id: str) -> tuple[PaymentReport, ...]:
        body = wire.read_object(raw)
        answers = body.get("payments", [body])
        if not isinstance(answers, list) or not all(isinstance(one, dict) for one in answers):
            raise Unreadable("bad_field", "payments")
        reports = [self._read_one(one, payment_id) for one in answers]
        return tuple(report for report in reports if report.received and not report.is_informational)

    def _ask_one(self, payment_id: str) -> tuple[bytes, dict[str, Any]]:
        url = f"{settings.NOWPAYMENTS_API_URL}/payment/{quote(payment_id, safe='')}"
        answer = self.call("GET", url, headers=self._key())
        return answer.content, self._without_error(answer)

    def _read_one(self, body: dict[str, Any], payment_id: str) -> PaymentReport:
        status = _required(body, "payment_status")
        if payment_id not in {_required(body, "payment_id"), _text(body, "parent_payment_id")}:
            raise Unreadable("other_payment")
        report = self._report(body, SignedEvent(self.name, f"asked:{payment_id}", f"asked.{status}", payment_id))
        if report.meaning is Meaning.HINT:
            raise Unreadable("final_without_amount", status)  # asking once more would not help
        return report

    def _report(self, body: dict[str, Any], event: SignedEvent) -> PaymentReport:
        meaning = self._meaning_of(body)
        reference = _text(body, "order_id")
        if meaning is Meaning.INFORMATION or meaning is Meaning.HINT:
            return PaymentReport(self.name, event.event_id, event.kind, event.payment_id, meaning, reference)
        asset, network = self.coin_of(_required(body, "pay_currency").lower())
        return PaymentReport(
            provider=self.name,
            event_id=event.event_id,
            kind=event.kind,
            payment_id=event.payment_id,
            meaning=meaning,
            reference=reference,
            address=_text(body, "pay_address"),
            txid=_text(body, "payin_hash"),
            asset=asset,
            network=network,
            received=_amount_paid(body),
            part=_required(body, "payment_id"),
        )

    def _meaning_of(self, body: dict[str, Any]) -> Meaning:
        """What the status means together with the amount. Raises: Unreadable for what only a person can judge."""
        status, paid = _required(body, "payment_status"), _amount_paid(body)
        if status == "refunded":
            raise Unreadable("money_taken_back", _text(body, "payment_id"))
        meaning = self.meanings.get(status)
        if meaning is None:
            raise Unreadable("unknown_kind", status)
        if meaning is Meaning.INFORMATION and paid:
            raise Unreadable("money_came_all_the_same", status)
        return Meaning.HINT if meaning is Meaning.CONFIRMED and not paid else meaning

    def _new_payment(self, reply: dict[str, Any], ticker: str) -> NewPayment:
        try:
            if _required(reply, "pay_currency").lower() != ticker:
                raise Unreadable("other_coin", str(reply["pay_currency"])[:40])
            return NewPayment(
                payment_id=_required(reply, "payment_id"),
                address=_required(reply, "pay_address"),
                destination_tag=_text(reply, "payin_extra_id")[:64],
                raw={"pay_amount": str(reply.get("pay_amount", ""))[:40], "pay_currency": ticker},
            )
        except Unreadable as error:
            raise Unintelligible(self.name, error.detail) from error

    def _without_error(self, answer: http.Response) -> dict[str, Any]:
        """The answer's object. Raises: Unavailable or Rejected for an error inside HTTP 200, Unintelligible."""
        reply = self.read_reply(answer)
        code = reply.get("statusCode")
        if reply.get("status") is not False and code is None:
            return reply
        detail = f"{code} {reply.get('code', '')} {reply.get('message', '')}"[:150]
        if isinstance(code, int) and (code == 429 or code >= 500):
            raise Unavailable(self.name, detail)
        raise Rejected(self.name, detail)

    def _key(self) -> dict[str, str]:
        return {"x-api-key": settings.NOWPAYMENTS_API_KEY}


def _sorted(value: Any, *, lists_as: type) -> Any:
    """`value` with keys sorted at every depth; with `lists_as` dict a list becomes {"0": …, "1": …}."""
    if isinstance(value, dict):
        return {key: _sorted(value[key], lists_as=lists_as) for key in sorted(value)}
    if isinstance(value, list):
        inner = [_sorted(one, lists_as=lists_as) for one in value]
        return inner if lists_as is list else {str(place): one for place, one in enumerate(inner)}
    return value


def _others_of(reply: dict[str, Any]) -> list[str]:
    """Ids of later payments to the same address, as far as the list holds any."""
    others = reply.get("payment_extra_ids")
    texts = [str(one) for one in others] if isinstance(others, list) else []
    return [text for text in texts if text.isascii() and text.isdigit()][:_MOST_OTHERS]


def _amount_paid(body: dict[str, Any]) -> Any:
    paid = body.get("actually_paid")
    return wire.read_amount(0 if paid is None else paid)


def _text(body: dict[str, Any], name: str) -> str:
    """A field that is text or a whole number. Raises: Unreadable."""
    value = body.get(name)
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return wire.read_text(str(value) if is_number else value, name=name)


def _required(body: dict[str, Any], name: str) -> str:
    text = _text(body, name)
    if not text:
        raise Unreadable("bad_field", name)
    return text
