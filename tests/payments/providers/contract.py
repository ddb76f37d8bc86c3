"""What every provider must do, whoever it is. A provider's test inherits this and fills the holes; fixtures are
recorded
payloads named <event>__<variant>.json."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pytest
from django.utils.datastructures import CaseInsensitiveMapping

from lockbay import http
from payments.errors import BadSignature, Rejected, Unavailable, Unintelligible, UnknownMethod, Unreadable
from payments.methods import PayMethod
from payments.networks import NETWORKS
from payments.providers import ADAPTERS, provider_of
from payments.providers.base import Meaning, NewPaymentRequest, PaymentProvider
from wallets.assets import DIGITS
from wallets.money import parse_money

NOW = datetime(2026, 1, 15, 10, 30, tzinfo=UTC)
UNREADABLE = [
    b"",
    b"   ",
    b"not json",
    b"[]",
    b"null",
    b'"text"',
    b"\xff\xfe",
    b'{"a":NaN}',
    b'{"a":Infinity}',
    b'{"a":1e999999999999999999999}',
    b'{"a":' + b"9" * 400 + b"}",
    b'{"a":1,"a":2}',
    b'{"a":"\\ud800"}',
    b'{"a":"\\u0000"}',
    b"[" * 100_000,
    b'{"a":' * 40_000,
    b"{}",
    b'{"event":[],"type":{},"id":7}',
]


class ProviderContract:
    """Subclasses set `name`, `credited` (fixture → coin amount) or `hints` (fixture → payment id), and the helpers.

    `crediting_kinds`: kinds of events that credit by themselves; none where every event is a hint (P6).
    `is_stamped`: the signature carries its time, so that an old one can be refused (F9). `signs_body`: it fits one body
    only. `answer_meanings`: what an answer says when nothing, something unproven, or all of the money is there.
    """

    name: ClassVar[str]
    credited: ClassVar[dict[str, str]] = {}
    hints: ClassVar[dict[str, str]] = {}
    crediting_kinds: ClassVar[list[str]] = ["payment.confirmed"]
    is_stamped: ClassVar[bool] = True
    names_transactions: ClassVar[bool] = True  # every confirmation carries a transaction id
    payment_id: ClassVar[str] = "pay_1"  # what `opened` and `answered` are about
    ask_with: ClassVar[str] = ""  # what `ask` takes, when it is not the payment id
    signs_body: ClassVar[bool] = True
    answer_meanings: ClassVar[dict[str, list[Meaning]]] = {
        "none": [],
        "pending": [Meaning.PENDING],
        "confirmed": [Meaning.CONFIRMED],
    }

    def signed_headers(self, raw: bytes, *, at: datetime = NOW, secret: str | None = None) -> dict[str, str]:
        """Headers of a genuine event (or one signed with another secret)."""
        raise NotImplementedError

    def opened(self) -> dict[str, Any]:
        """A genuine answer to open_payment."""
        raise NotImplementedError

    def answered(self, status: str) -> dict[str, Any]:
        """A genuine answer to ask about the payment; `status` is none, pending or confirmed."""
        raise NotImplementedError

    def opening(self) -> list[Any]:
        """The answers to the calls of one open_payment, in turn."""
        return [(200, self.opened())]

    def asking(self, status: str) -> list[Any]:
        """The answers to the calls of one ask, in turn."""
        return [(200, self.answered(status))]

    def key_of(self, request: httpx.Request) -> str | None:
        """What makes a request that creates something harmless to repeat; None for one that creates nothing."""
        return request.headers["Idempotency-Key"]

    def exploded(self, body: dict[str, Any]) -> dict[str, Any]:
        """The body with a kind that nobody knows."""
        return {**body, ("event" if "event" in body else "type"): "payment.exploded"}

    @pytest.fixture
    def provider(self) -> PaymentProvider:
        return provider_of(self.name)

    @pytest.fixture
    def fixture(self) -> Any:
        folder = Path(__file__).parent / "fixtures" / self.name
        return lambda name: (folder / (name if "." in name else f"{name}.json")).read_bytes().rstrip(b"\n")

    @pytest.fixture
    def wire(self) -> Iterator[list[httpx.Request]]:
        """The provider's side of the wire: `wire.answers` are given in turn, the last one for ever."""
        wire = Wire()
        http.use_transport(httpx.MockTransport(wire.answer))
        yield wire
        http.use_transport(None)

    # --- the table

    def test_is_in_the_table_of_adapters(self) -> None:
        assert self.name in ADAPTERS

    def test_offers_only_coins_and_networks_that_the_house_knows(self, provider: PaymentProvider) -> None:
        assert provider.methods()
        for method in provider.methods():
            assert method.asset in DIGITS
            assert method.network in NETWORKS
            assert provider.coin_of(provider.ticker_of(method)) == (method.asset, method.network)

    def test_only_one_meaning_credits(self, provider: PaymentProvider) -> None:
        crediting = [kind for kind, meaning in provider.meanings.items() if meaning is Meaning.CONFIRMED]
        assert crediting == self.crediting_kinds

    # --- signatures

    def test_takes_a_genuine_signature(self, provider: PaymentProvider) -> None:
        self._verify(provider, b'{"x":1}', self.signed_headers(b'{"x":1}'))

    @pytest.mark.parametrize("off", [-300, -299, 299, 300])
    def test_takes_a_signature_five_minutes_old_or_ahead(self, provider: PaymentProvider, off: int) -> None:
        self._verify(provider, b"{}", self.signed_headers(b"{}", at=NOW + timedelta(seconds=off)))

    @pytest.mark.parametrize("off", [-3600, -301, 301, 3600])
    def test_refuses_a_stale_or_future_signature(self, provider: PaymentProvider, off: int) -> None:
        headers = self.signed_headers(b"{}", at=NOW + timedelta(seconds=off))
        if self.is_stamped:
            self._refuses(provider, b"{}", headers)
        else:
            self._verify(provider, b"{}", headers)  # nothing to judge it by: a copy is caught by its event id

    def test_refuses_a_missing_signature(self, provider: PaymentProvider) -> None:
        self._refuses(provider, b"{}", {})

    def test_refuses_a_signature_for_another_body(self, provider: PaymentProvider) -> None:
        headers = self.signed_headers(b'{"x":1}')
        if self.signs_body:
            self._refuses(provider, b'{"x":2}', headers)
        else:
            self._verify(provider, b'{"x":2}', headers)
            assert Meaning.CONFIRMED not in provider.meanings.values(), "such an event proves nothing"

    def test_refuses_a_signature_by_another_secret(self, provider: PaymentProvider) -> None:
        self._refuses(provider, b"{}", self.signed_headers(b"{}", secret="whsec_of_somebody_else"))

    @pytest.mark.parametrize(
        "garbage", ["", "x", "t=,v1=", "t=1768473000", "v1=00", "t=１,v1=00", "t=-5,v1=é\udce9", "=" * 5000]
    )
    def test_refuses_garbage_without_raising_anything_else(self, provider: PaymentProvider, garbage: str) -> None:
        self._refuses(provider, b"{}", dict.fromkeys(self.signed_headers(b"{}"), garbage))

    def test_says_what_is_expected(self, provider: PaymentProvider) -> None:
        with pytest.raises(BadSignature) as refusal:
            provider.verify(b"{}", CaseInsensitiveMapping({}), now=NOW)
        assert refusal.value.expected == provider.expected_signature
        assert next(iter(self.signed_headers(b"{}"))).lower() in provider.expected_signature.lower()

    # --- reading

    @pytest.mark.parametrize("raw", UNREADABLE, ids=lambda raw: raw[:24].decode("latin-1"))
    def test_calls_unreadable_what_it_cannot_read(self, provider: PaymentProvider, raw: bytes) -> None:
        for read in (provider.identify, provider.read_event, lambda raw: provider.read_answer(raw, "pay_1")):
            with pytest.raises(Unreadable):
                read(raw)

    def test_reads_the_coin_amount_of_every_recorded_confirmation(
        self, provider: PaymentProvider, fixture: Any
    ) -> None:
        for name, amount in self.credited.items():
            (report,) = provider.read_event(fixture(name))
            assert (report.meaning, report.received) == (Meaning.CONFIRMED, Decimal(amount)), name
            assert type(report.received) is Decimal
            assert (report.asset, report.network) in provider.tickers
            assert report.payment_id
            assert bool(report.txid) or not self.names_transactions

    def test_a_hint_names_its_payment_and_moves_no_money(self, provider: PaymentProvider, fixture: Any) -> None:
        for name, payment_id in self.hints.items():
            (report,) = provider.read_event(fixture(name))
            assert (report.meaning, report.payment_id, report.received) == (Meaning.HINT, payment_id, 0), name
            assert provider.identify(fixture(name)).payment_id == payment_id, name

    def test_identity_comes_from_the_body_and_is_stable(self, provider: PaymentProvider, fixture: Any) -> None:
        for name in {**self.credited, **self.hints}:
            first, again = provider.identify(fixture(name)), provider.identify(fixture(name))
            assert first == again
            assert first.event_id
            assert first.provider == self.name

    def test_an_unknown_kind_is_unreadable_not_ignored(self, provider: PaymentProvider, fixture: Any) -> None:
        body = json.loads(fixture(next(iter({**self.credited, **self.hints}))))
        with pytest.raises(Unreadable, match="unknown_kind"):
            provider.read_event(json.dumps(self.exploded(body)).encode())

    # --- outbound

    def test_opens_a_payment_with_an_idempotency_key(self, provider: PaymentProvider, wire: Any) -> None:
        wire.answers = self.opening()
        payment = provider.open_payment(self._request(provider))
        assert payment.payment_id
        assert payment.address
        assert {self.key_of(request) for request in wire.requests} - {None} == {"PI1"}

    def test_repeats_a_call_that_found_nobody_with_the_same_key(self, provider: PaymentProvider, wire: Any) -> None:
        wire.answers = [httpx.ConnectTimeout("gone"), (503, {}), *self.opening()]
        assert provider.open_payment(self._request(provider)).payment_id
        assert {self.key_of(request) for request in wire.requests} - {None} == {"PI1"}
        assert len({request.content for request in wire.requests if self.key_of(request)}) == 1

    @pytest.mark.parametrize(
        ("answer", "error"),
        [
            (httpx.ReadTimeout("slow"), Unavailable),
            ((500, {}), Unavailable),
            ((429, {}), Unavailable),
            ((400, {"message": "no"}), Rejected),
            ((401, {}), Rejected),
            ((200, {}), Unintelligible),
            ((200, []), Unintelligible),
            ((200, b"<html>maintenance</html>"), Unintelligible),
            ((200, b'{"success":true,"data":{"address":7}}'), Unintelligible),
        ],
    )
    def test_names_trouble(self, provider: PaymentProvider, wire: Any, answer: Any, error: type[Exception]) -> None:
        wire.answers = [answer]
        with pytest.raises(error):
            provider.open_payment(self._request(provider))

    def test_refuses_a_coin_it_does_not_offer(self, provider: PaymentProvider) -> None:
        with pytest.raises(UnknownMethod):
            provider.ticker_of(PayMethod(self.name, "CELL", "CF20"))

    def test_asks_and_reads_the_answer(self, provider: PaymentProvider, wire: Any) -> None:
        for status, meanings in self.answer_meanings.items():
            wire.answers = self.asking(status)
            raw = provider.ask(self.ask_with or self.payment_id)
            assert [report.meaning for report in provider.read_answer(raw, self.payment_id)] == meanings

    def test_an_answer_about_another_payment_is_unreadable(self, provider: PaymentProvider) -> None:
        with pytest.raises(Unreadable, match="other_payment"):
            provider.read_answer(json.dumps(self.answered("confirmed")).encode(), "pay_2")

    def test_a_payment_id_cannot_change_the_address_asked(self, provider: PaymentProvider, wire: Any) -> None:
        wire.answers = self.asking("none")
        provider.ask("../../getBalance?x=")
        for request in wire.requests:
            assert b"../" not in request.url.raw_path
            assert b"getBalance?" not in request.url.raw_path

    # --- tools

    def _verify(self, provider: PaymentProvider, raw: bytes, headers: dict[str, str]) -> None:
        provider.verify(raw, CaseInsensitiveMapping(headers), now=NOW)

    def _refuses(self, provider: PaymentProvider, raw: bytes, headers: dict[str, str]) -> None:
        with pytest.raises(BadSignature):
            self._verify(provider, raw, headers)

    def _request(self, provider: PaymentProvider) -> NewPaymentRequest:
        method = provider.methods()[0]
        return NewPaymentRequest(
            idempotency_key="PI1",
            reference="PI1",
            method=method,
            amount=parse_money("105.31", method.asset),
            price=parse_money("105.25", "USD"),
            webhook_url="https://bot.example/hooks/x",
        )


class Wire:
    """Answers in turn; an exception is raised as the network would."""

    def __init__(self) -> None:
        self.answers: list[Any] = []
        self.requests: list[httpx.Request] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        status, body = answer
        return httpx.Response(status, content=body) if isinstance(body, bytes) else httpx.Response(status, json=body)
