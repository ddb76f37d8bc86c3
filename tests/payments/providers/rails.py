"""Every provider that sends webhooks, with what it takes to open a request with it and to send its recorded events."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from django.test import Client

from lockbay import http
from payments.actions.start_intent import ask_for_address
from payments.models import Intent
from tests.payments.money_in import an_intent
from tests.payments.providers import (
    test_blockbee,
    test_btcpay,
    test_dynopay,
    test_fincra,
    test_flutterwave,
    test_nowpayments,
    test_sandbox,
)
from tests.payments.providers.contract import ProviderContract, Wire

FIXTURES = Path(__file__).parent / "fixtures"


@dataclass(frozen=True)
class Rail:
    """A provider, its recorded `confirmed` event and the one that comes `before` it, and what the payment is `worth`.

    `told` puts the request's own facts into an event. `amount` is the field of the coin amount where an event credits;
    where it only makes us ask, `proof` is the provider's answer.
    """

    contract: ProviderContract
    confirmed: str
    before: str
    worth: str
    told: Callable[[Intent], dict[str, Any]]
    amount: str = ""
    proof: Callable[[Intent, httpx.Request], Any] | None = None
    coin: tuple[str, str, str] = ("USDT", "TRC20", "1")  # asset, network, rate
    before_says: tuple[tuple[str, Any], ...] = ()
    opened_says: tuple[tuple[str, Any], ...] = ()

    @property
    def name(self) -> str:
        """The provider's."""
        return self.contract.name

    def open(self, **terms: Any) -> Intent:
        """A request that has its address or page, got over the wire; from then on the wire gives proof. `terms` are
        those of money_in.an_intent."""
        asset, network, rate = self.coin
        method = {"provider": self.name, "asset": asset, "network": network, "rate": rate}
        intent = an_intent(**{"price": "10.00", **method, **terms}, is_open=False)
        wire = Wire()
        wire.answers = self.contract.opening()
        status, answer = wire.answers[-1]
        if isinstance(answer, dict):
            own = {"data": {**answer["data"], "reference": intent.public_id}} if "data" in answer else {}
            wire.answers[-1] = (status, answer | own | dict(self.opened_says))
        http.use_transport(httpx.MockTransport(lambda request: _token_or(wire.answer, request)))
        intent = ask_for_address(intent.pk)

        def prove(request: httpx.Request) -> httpx.Response:
            assert self.proof is not None, f"{self.name} has nothing to be asked: {request.url}"
            return httpx.Response(200, json=self.proof(intent, request))

        http.use_transport(httpx.MockTransport(lambda request: _token_or(prove, request)))
        return intent

    def event(self, intent: Intent, recorded: str, **changes: Any) -> bytes:
        """A recorded event as it would be sent about `intent`; `changes` go to its top."""
        body = json.loads((FIXTURES / self.name / f"{recorded}.json").read_bytes())
        return json.dumps(_merged(body, self.told(intent)) | changes, separators=(",", ":")).encode()

    def send(self, raw: bytes, client: Client | None = None) -> int:
        """Signs it, posts it to the real view and returns the status of its answer."""
        headers = self.contract.signed_headers(raw, at=datetime.now(UTC))
        url = f"/hooks/{self.name}"
        answer = (client or Client()).post(url, data=raw, content_type="application/json", headers=headers)
        return int(answer.status_code)


def _token_or(answer: Callable[[httpx.Request], httpx.Response], request: httpx.Request) -> httpx.Response:
    """Who asks for a token gets one that nobody keeps."""
    if request.url.path.endswith("/token"):
        return httpx.Response(200, json={"access_token": "token", "expires_in": 60})
    return answer(request)


def _merged(body: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {**body, **{k: _merged(body[k], v) if isinstance(v, dict) else v for k, v in changes.items()}}


def _bank_says(contract: ProviderContract, *names: str) -> Callable[[Intent, httpx.Request], Any]:
    """The payment succeeded; `names` are the fields that repeat our own reference."""

    def answer(intent: Intent, _request: httpx.Request) -> Any:
        found = contract.answered("confirmed")
        return found | {"data": found["data"] | dict.fromkeys(names, intent.public_id)}

    return answer


def _charge_says(intent: Intent, _request: httpx.Request) -> Any:
    found = _FLUTTERWAVE_V4.answered("confirmed")
    return found | {"data": found["data"] | {"id": intent.provider_payment_id, "reference": intent.public_id}}


def _btcpay_says(intent: Intent, request: httpx.Request) -> Any:
    if request.url.path.endswith("/payment-methods"):
        return [test_btcpay.a_method(test_btcpay.a_payment())]
    return {"id": intent.provider_payment_id, "status": "Settled"}


_FLUTTERWAVE, _FLUTTERWAVE_V4 = test_flutterwave.TestFlutterwaveV3(), test_flutterwave.TestFlutterwaveV4()
_FINCRA = test_fincra.TestFincra()
_NAIRA = ("NGN", "BANK", "0.001")

RAILS = [
    Rail(
        test_sandbox.TestSandbox(),
        confirmed="payment_confirmed__usdt",
        before="payment_pending__usdt",
        worth="12.34",
        amount="amount_received",
        told=lambda intent: {"payment_id": intent.provider_payment_id, "address": intent.address},
    ),
    Rail(
        test_dynopay.TestDynoPay(),
        confirmed="payment_confirmed__documented",
        before="payment_confirmed__documented",
        before_says=(("event", "payment.pending"), ("webhook_id", "before")),
        worth="105.31",
        amount="amount",
        told=lambda intent: {"payment_id": intent.provider_payment_id, "address": intent.address},
    ),
    Rail(
        test_blockbee.TestBlockBee(),
        confirmed="payment_confirmed__documented",
        before="payment_pending__documented",
        worth="105.31",
        amount="value_coin",
        told=lambda _intent: {},
    ),
    Rail(
        test_nowpayments.TestNowPayments(),
        confirmed="finished__documented",
        before="confirming__documented",
        worth="105.31",
        amount="actually_paid",
        opened_says=(("pay_address", test_blockbee.ADDRESS),),
        told=lambda _intent: {},
    ),
    Rail(
        test_btcpay.TestBtcPay(),
        confirmed="invoice_settled",
        before="invoice_received_payment",
        worth="123.00",
        coin=("BTC", "BTC", "100000"),
        proof=_btcpay_says,
        told=lambda intent: {"invoiceId": intent.provider_payment_id},
    ),
    Rail(
        _FLUTTERWAVE,
        confirmed="charge_completed__bank_transfer",
        before="charge_completed__failed",
        worth="150.77",
        coin=_NAIRA,
        proof=_bank_says(_FLUTTERWAVE, "tx_ref"),
        told=lambda intent: {"data": {"tx_ref": intent.public_id}},
    ),
    Rail(
        _FLUTTERWAVE_V4,
        confirmed="charge_completed__succeeded",
        before="charge_completed__failed",
        worth="150.77",
        coin=_NAIRA,
        proof=_charge_says,
        told=lambda intent: {"data": {"id": intent.provider_payment_id, "reference": intent.public_id}},
    ),
    Rail(
        _FINCRA,
        confirmed="charge_successful__bank_transfer",
        before="charge_failed",
        worth="150.77",
        coin=_NAIRA,
        proof=_bank_says(_FINCRA, "merchantReference"),
        told=lambda intent: {"data": {"metadata": {"reference": intent.public_id}}},
    ),
]


def configure(settings: Any) -> None:
    """Our accounts with all of them, as the tests of each expect them."""
    settings.PUBLIC_URL = "https://bot.example"
    settings.DYNOPAY_WEBHOOK_SECRETS = [test_dynopay.SECRET]
    settings.BLOCKBEE_API_KEY, settings.BLOCKBEE_PUBLIC_KEYS = "key", [test_blockbee.public_key()]
    settings.NOWPAYMENTS_API_KEY, settings.NOWPAYMENTS_IPN_SECRETS = "key", [test_nowpayments.SECRET]
    settings.BTCPAY_URL, settings.BTCPAY_STORE_ID = "https://pay.shop.example", "Store1"
    settings.BTCPAY_API_KEY, settings.BTCPAY_WEBHOOK_SECRETS = "key", [test_btcpay.SECRET]
    settings.FLUTTERWAVE_SECRET_KEY, settings.FLUTTERWAVE_WEBHOOK_SECRETS = "key", [test_flutterwave.SECRET]
    settings.FLUTTERWAVE_V4_CLIENT_ID, settings.FLUTTERWAVE_V4_CLIENT_SECRET = "client", "client-secret"
    settings.FLUTTERWAVE_V4_WEBHOOK_SECRETS = [test_flutterwave.SECRET]
    settings.FINCRA_SECRET_KEY, settings.FINCRA_PUBLIC_KEY = "sk_test_1", "pk_test_1"
    settings.FINCRA_BUSINESS_ID, settings.FINCRA_WEBHOOK_SECRETS = "business", [test_fincra.SECRET]
    settings.BANK_CUSTOMER_EMAIL = "pay@lockbay.example"
