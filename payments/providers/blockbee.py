"""BlockBee (docs/providers.md): an address of its own for every callback URL, money forwarded to our wallet.

Its traps, and what answers them here:
- All customers share one signing key, and its keyless twin too: anybody can have a well-signed callback sent to us
  about an address and a wallet of their own. So a payment id is made of coin, address_in and address_out as the answer
  to our own question named them: an event in which any of them differs belongs to no intent and parks.
- A GET callback is its address, in which the stranger who made it can write fields of his choice; forms likewise. Only
  a JSON body credits. Whatever else is well signed makes us ask (P6). A field that comes twice is unreadable.
- The same uuid comes pending and confirmed: the event is both together.
- Amounts under the minimum are lost: an intent below it is refused before anybody pays.
- Anything but `*ok*` counts as a failure. An answer with HTTP 200 may carry an error.
"""

import base64
import hashlib
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, quote

from Crypto.Hash import SHA256
from Crypto.PublicKey import RSA
from Crypto.Signature import pkcs1_15
from django.conf import settings

from lockbay import http
from payments import wire
from payments.errors import Rejected, Unintelligible, Unreadable
from payments.networks import NETWORKS, folded_case
from payments.providers.base import (
    Meaning,
    NewPayment,
    NewPaymentRequest,
    PaymentProvider,
    PaymentReport,
    SignedEvent,
)

_KINDS = {"0": "payment.confirmed", "1": "payment.pending"}
_LOGGED = {
    "pending": Meaning.PENDING,
    "received": Meaning.PENDING,
    "sent": Meaning.CONFIRMED,
    "done": Meaning.CONFIRMED,
}
_CONFIRMATIONS = {"BTC": 2, "LTC": 6, "DOGE": 20, "BCH": 10, "ERC20": 20, "BEP20": 25, "TRC20": 20}  # P9


class BlockBee(PaymentProvider):
    """A payment's id is "<ticker>:<address_in>:<digest of address_out>"."""

    name = "blockbee"
    meanings = {
        "payment.pending": Meaning.PENDING,
        "payment.confirmed": Meaning.CONFIRMED,
        "payment.test": Meaning.INFORMATION,
    }
    tickers = {
        ("USDT", "TRC20"): "trc20_usdt",
        ("USDT", "ERC20"): "erc20_usdt",
        ("USDT", "BEP20"): "bep20_usdt",
        ("BTC", "BTC"): "btc",
        ("ETH", "ERC20"): "eth",
        ("LTC", "LTC"): "ltc",
        ("DOGE", "DOGE"): "doge",
        ("BCH", "BCH"): "bch",
    }
    expected_signature = "X-Ca-Signature: <base64 RSA-SHA256 of the raw body; of the whole address when it is a GET>"
    kept_headers = ("x-ca-signature", "user-agent")
    answer_body = b"*ok*"
    answer_type = "text/plain"
    takes_get = True
    proves_ours = False

    def required_settings(self) -> Mapping[str, object]:
        return {
            "BLOCKBEE_API_KEY": settings.BLOCKBEE_API_KEY,
            "BLOCKBEE_PUBLIC_KEYS": settings.BLOCKBEE_PUBLIC_KEYS and all(map(_key_in, settings.BLOCKBEE_PUBLIC_KEYS)),
        }

    def verify(self, raw: bytes, headers: Mapping[str, str], *, now: datetime) -> None:
        keys = [key for key in map(_key_in, settings.BLOCKBEE_PUBLIC_KEYS) if key is not None]
        if not keys:
            raise self.refuse_signature("no_key_configured")
        given = headers.get("X-Ca-Signature", "")
        if not given:
            raise self.refuse_signature("signature_missing")
        try:
            signature = base64.b64decode(given, validate=True)
        except ValueError as error:
            raise self.refuse_signature("signature_malformed") from error
        if not any(_is_signed(raw, signature, key) for key in keys):
            raise self.refuse_signature("signature_wrong")

    def identify(self, raw: bytes) -> SignedEvent:
        fields, _ = _fields_of(raw)
        return self._event(fields)

    def read_event(self, raw: bytes) -> tuple[PaymentReport, ...]:
        fields, is_json = _fields_of(raw)
        event = self._event(fields)
        meaning = self.meanings[event.kind]
        if not is_json and meaning is not Meaning.INFORMATION:
            meaning = Meaning.HINT
        if meaning in {Meaning.HINT, Meaning.INFORMATION}:
            return (
                PaymentReport(
                    self.name, event.event_id, event.kind, event.payment_id, meaning, _short(fields.get("ref"))
                ),
            )
        return (self._report(fields, fields, event, meaning, wire.require_text(fields, "coin")),)

    def open_payment(self, request: NewPaymentRequest) -> NewPayment:
        ticker = self.ticker_of(request.method)
        callback = f"{request.webhook_url}?ref={quote(request.reference, safe='')}"  # the same one: the same address
        reply = self._get(
            ticker,
            "create",
            callback=callback,
            pending="1",
            confirmations=str(_CONFIRMATIONS[request.method.network]),
            post="1",
            json="1",
        )
        return self._new_payment(self.read_reply(reply), request, ticker, callback)

    def ask(self, payment_id: str) -> bytes:
        """Takes "<ticker> <callback URL>": payments are looked up by the callback alone."""
        ticker, _, callback = payment_id.partition(" ")
        if ticker not in self.tickers.values():
            raise Rejected(self.name, "cannot be asked about")
        return self._get(ticker, "logs", callback=callback).content

    def read_answer(self, raw: bytes, payment_id: str) -> tuple[PaymentReport, ...]:
        body = wire.read_object(raw)
        ticker = payment_id.partition(":")[0]
        if ticker not in self.tickers.values() or self._id_of(ticker, body) != payment_id:
            raise Unreadable("other_payment")
        callbacks = body.get("callbacks")
        if not isinstance(callbacks, list) or not all(isinstance(one, dict) for one in callbacks):
            raise Unreadable("bad_field", "callbacks")
        return tuple(self._report_of_callback(body, one, payment_id, ticker) for one in callbacks)

    def _report_of_callback(
        self, body: dict[str, Any], one: dict[str, Any], payment_id: str, ticker: str
    ) -> PaymentReport:
        meaning = _LOGGED.get(wire.require_text(one, "result"))
        if meaning is None:
            raise Unreadable("unknown_status", wire.require_text(one, "result"))
        if meaning is Meaning.CONFIRMED and not wire.read_amount(one.get("confirmations")):
            meaning = Meaning.PENDING
        event = SignedEvent(self.name, f"asked:{payment_id}", f"asked.{meaning}", payment_id)
        return self._report(body, one, event, meaning, ticker)

    def _event(self, fields: dict[str, Any]) -> SignedEvent:
        uuid, pending = wire.require_text(fields, "uuid"), fields.get("pending")
        if isinstance(pending, bool) or str(pending) not in _KINDS:
            raise Unreadable("unknown_kind", f"pending {pending!r}"[:40])
        if uuid.startswith("TEST_"):
            return SignedEvent(self.name, f"{uuid}:{pending}", "payment.test", "")
        payment_id = self._id_of(wire.require_text(fields, "coin"), fields)
        return SignedEvent(self.name, f"{uuid}:{pending}", _KINDS[str(pending)], payment_id)

    def _id_of(self, ticker: str, fields: dict[str, Any]) -> str:
        """Raises: Unreadable, with reason unknown_coin for a coin that is none of ours."""
        network = NETWORKS[self.coin_of(ticker)[1]]
        ours = folded_case(network, wire.require_text(fields, "address_out"))
        wallet = hashlib.sha256(ours.encode("utf-8", "replace")).hexdigest()[:24]
        return f"{ticker}:{folded_case(network, wire.require_text(fields, 'address_in'))}:{wallet}"

    def _report(
        self, fields: dict[str, Any], seen: dict[str, Any], event: SignedEvent, meaning: Meaning, ticker: str
    ) -> PaymentReport:
        asset, network = self.coin_of(ticker)
        return PaymentReport(
            provider=self.name,
            event_id=event.event_id,
            kind=event.kind,
            payment_id=event.payment_id,
            meaning=meaning,
            reference=_short(fields.get("ref")),
            address=wire.require_text(fields, "address_in"),
            txid=wire.require_text(seen, "txid_in"),
            asset=asset,
            network=network,
            received=wire.read_amount(seen.get("value_coin")),
        )

    def _new_payment(self, reply: dict[str, Any], request: NewPaymentRequest, ticker: str, callback: str) -> NewPayment:
        try:
            least = wire.read_amount(reply.get("minimum_transaction_coin") or 0)
            payment = NewPayment(
                payment_id=self._id_of(ticker, reply),
                address=wire.require_text(reply, "address_in"),
                raw={"address_out": wire.require_text(reply, "address_out"), "ask_with": f"{ticker} {callback}"},
            )
        except Unreadable as error:
            raise Unintelligible(self.name, error.detail) from error
        if Decimal(request.amount.plain()) < least:
            raise Rejected(self.name, f"less than {least}, the smallest payment that is not lost")
        return payment

    def _get(self, ticker: str, name: str, **query: str) -> http.Response:
        """Raises: also Rejected for an error inside HTTP 200."""
        url = f"{settings.BLOCKBEE_API_URL}/{ticker.replace('_', '/')}/{name}/"
        answer = self.call("GET", url, params=query, headers={"apikey": settings.BLOCKBEE_API_KEY})
        reply = self.read_reply(answer)
        if reply.get("status") == "error":
            raise Rejected(self.name, str(reply.get("error"))[:150])
        return answer


@cache
def _key_in(text: str) -> RSA.RsaKey | None:
    """The public key in PEM or in its bare base64; None when it is none."""
    try:
        return RSA.import_key(text.replace("\\n", "\n") if "-----" in text else base64.b64decode(text, validate=True))
    except (ValueError, IndexError, TypeError):
        return None


def _is_signed(raw: bytes, signature: bytes, key: RSA.RsaKey) -> bool:
    try:
        pkcs1_15.new(key).verify(SHA256.new(raw), signature)
    except ValueError:
        return False
    return True


def _fields_of(raw: bytes) -> tuple[dict[str, Any], bool]:
    """The fields of a callback, and whether they came as JSON. A GET callback is its whole address, a form its body."""
    if raw.lstrip().startswith(b"{"):
        return wire.read_object(raw), True
    try:
        text = raw.decode("utf-8")
        pairs = parse_qsl(text.partition("?")[2] if text.startswith("http") else text, max_num_fields=100)
    except ValueError as error:
        raise Unreadable("not_a_form") from error
    if len(dict(pairs)) != len(pairs):
        raise Unreadable("duplicate_key")
    if not all(name.isprintable() and value.isprintable() for name, value in pairs):
        raise Unreadable("bad_text")
    return dict(pairs), False


def _short(value: object) -> str:
    """Our reference, echoed; never a proof of anything."""
    return value if isinstance(value, str) and len(value) <= 64 else ""
