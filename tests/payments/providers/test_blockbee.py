"""BlockBee keeps the contract, and its traps stay shut: above all that its one key signs for everybody."""

import base64
import hashlib
import json
from datetime import datetime
from functools import cache
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from Crypto.Hash import SHA256
from Crypto.PublicKey import RSA
from Crypto.Signature import pkcs1_15
from django.test import Client

from lockbay import http
from payments.actions.apply_event import drain
from payments.actions.ask_provider import ask_provider
from payments.actions.start_intent import ask_for_address
from payments.errors import Rejected, Unreadable
from payments.models import Deposit, InboxEvent, Intent
from payments.providers.base import Meaning, PaymentProvider
from payments.states import InboxStatus
from tests.payments.money_in import an_intent
from tests.payments.providers.contract import NOW, ProviderContract, Wire

ADDRESS, WALLET = "TEkxiTehnzSmSe2XqrBj4w32RUN966rdz8", "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"
STRANGER = "TXLAQ63Xg1NAzckPwKHvzw7CSEmLMEqcdj"
CALLBACK = "https://bot.example/hooks/x?ref=PI1"
TXID = "ab12" * 16


@cache
def key_pair(owner: str) -> RSA.RsaKey:
    return RSA.generate(1024)  # noqa: S505  as short as theirs


def public_key(owner: str = "blockbee") -> str:
    return key_pair(owner).public_key().export_key().decode()


def signed(raw: bytes, owner: str = "blockbee") -> dict[str, str]:
    return {"x-ca-signature": base64.b64encode(pkcs1_15.new(key_pair(owner)).sign(SHA256.new(raw))).decode()}


@pytest.fixture(autouse=True)
def _their_key(settings: Any) -> None:
    settings.BLOCKBEE_PUBLIC_KEYS = [public_key()]
    settings.BLOCKBEE_API_KEY = "key"
    settings.PUBLIC_URL = "https://bot.example"


def created(**changes: Any) -> dict[str, Any]:
    """Their answer to create."""
    return {
        "status": "success",
        "callback_url": CALLBACK,
        "address_in": ADDRESS,
        "address_out": WALLET,
        "priority": "default",
        "minimum_transaction_coin": "2.00000000",
        **changes,
    }


def logged(*callbacks: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Their answer to logs."""
    answer = created(notify_pending=True, notify_confirmations=20, callbacks=list(callbacks), **changes)
    del answer["minimum_transaction_coin"]
    return answer


def one_callback(result: str = "done", **changes: Any) -> dict[str, Any]:
    return {"txid_in": TXID, "value_coin": 105.31, "confirmations": 20, "result": result, "logs": [], **changes}


class TestBlockBee(ProviderContract):
    name = "blockbee"
    payment_id = f"trc20_usdt:{ADDRESS}:{hashlib.sha256(WALLET.encode()).hexdigest()[:24]}"
    ask_with = f"trc20_usdt {CALLBACK}"
    credited = {
        "payment_confirmed__documented": "105.31",
        "payment_confirmed__converted_as_text": "105.31",
        "payment_confirmed__converted_as_object": "105.310000",
        "payment_confirmed__erc20_minor_units": "99.5",
    }
    hints = dict.fromkeys(
        ("payment_confirmed__get.txt", "payment_confirmed__form.txt", "payment_pending__get.txt"), payment_id
    )
    is_stamped = False

    def signed_headers(self, raw: bytes, *, at: datetime = NOW, secret: str | None = None) -> dict[str, str]:
        return signed(raw, secret or "blockbee")

    def opened(self) -> dict[str, Any]:
        return created()

    def answered(self, status: str) -> dict[str, Any]:
        return {
            "none": logged(),
            "pending": logged(one_callback("pending", confirmations=0)),
            "confirmed": logged(one_callback()),
        }[status]

    def key_of(self, request: httpx.Request) -> str | None:
        return parse_qs(parse_qs(request.url.query.decode())["callback"][0].partition("?")[2])["ref"][0]

    def test_repeats_a_call_that_found_nobody_with_the_same_key(self, provider: PaymentProvider, wire: Any) -> None:
        wire.answers = [httpx.ConnectTimeout("gone"), (503, {}), *self.opening()]
        assert provider.open_payment(self._request(provider)).payment_id == self.payment_id
        assert len({str(request.url) for request in wire.requests}) == 1  # the same callback: the same address

    def exploded(self, body: dict[str, Any]) -> dict[str, Any]:
        return {**body, "pending": 7}

    # --- signatures

    def test_what_is_signed_is_the_very_bytes(self, provider: PaymentProvider) -> None:
        raw = b'{"b":1, "a":2}'
        self._verify(provider, raw, signed(raw))
        self._refuses(provider, b'{"b":1,"a":2}', signed(raw))

    def test_both_keys_verify_during_a_rotation(self, provider: PaymentProvider, settings: Any) -> None:
        settings.BLOCKBEE_PUBLIC_KEYS = [public_key("next"), public_key()]
        for owner in ("blockbee", "next"):
            self._verify(provider, b"{}", signed(b"{}", owner))

    @pytest.mark.parametrize("keys", [[], ["nonsense"], ["-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"]])
    def test_without_a_key_that_can_be_read_nothing_verifies_and_nothing_starts(
        self, provider: PaymentProvider, settings: Any, keys: list[str]
    ) -> None:
        settings.BLOCKBEE_PUBLIC_KEYS = keys
        with pytest.raises(Exception, match="no_key_configured"):
            self._verify(provider, b"{}", signed(b"{}"))
        assert not provider.required_settings()["BLOCKBEE_PUBLIC_KEYS"]

    @pytest.mark.parametrize(
        "spell", [lambda pem: pem.replace("\n", "\\n"), lambda pem: "".join(pem.split("\n")[1:-1])]
    )
    def test_a_key_may_be_written_in_one_line(self, provider: PaymentProvider, settings: Any, spell: Any) -> None:
        settings.BLOCKBEE_PUBLIC_KEYS = [spell(public_key())]
        self._verify(provider, b"{}", signed(b"{}"))
        assert provider.required_settings()["BLOCKBEE_PUBLIC_KEYS"]

    # --- whose payment it is

    @pytest.mark.parametrize(
        "changes",
        [
            {"address_in": STRANGER},
            {"address_out": STRANGER},
            {"coin": "bep20_usdt"},
        ],
    )
    def test_another_address_wallet_or_coin_is_another_payment(
        self, provider: PaymentProvider, fixture: Any, changes: dict[str, str]
    ) -> None:
        body = json.loads(fixture("payment_confirmed__documented"))
        assert provider.identify(json.dumps(body).encode()).payment_id == self.payment_id
        assert provider.identify(json.dumps(body | changes).encode()).payment_id != self.payment_id

    def test_the_same_addresses_in_other_letters_are_the_same_payment_where_case_says_nothing(
        self, provider: PaymentProvider, fixture: Any
    ) -> None:
        raw = fixture("payment_confirmed__erc20_minor_units")
        body = json.loads(raw)
        lowered = body | {name: body[name].lower() for name in ("address_in", "address_out")}
        assert provider.identify(json.dumps(lowered).encode()).payment_id == provider.identify(raw).payment_id

    def test_a_uuid_is_one_event_while_pending_and_one_when_confirmed(
        self, provider: PaymentProvider, fixture: Any
    ) -> None:
        names = ("payment_pending__documented", "payment_confirmed__documented", "payment_confirmed__form.txt")
        ids = [provider.identify(fixture(name)).event_id for name in names]
        assert ids == [f"5b0a2f6e-0c1d-4e2f-8a3b-4c5d6e7f8a9b:{pending}" for pending in (1, 0, 0)]

    def test_pending_moves_nothing_yet(self, provider: PaymentProvider, fixture: Any) -> None:
        (report,) = provider.read_event(fixture("payment_pending__documented"))
        assert report.meaning is Meaning.PENDING

    def test_their_test_call_is_information(self, provider: PaymentProvider, fixture: Any) -> None:
        (report,) = provider.read_event(fixture("payment_test__documented"))
        assert (report.meaning, report.payment_id) == (Meaning.INFORMATION, "")

    @pytest.mark.parametrize("name", ["payment_confirmed__get.txt", "payment_confirmed__form.txt"])
    def test_a_field_that_comes_twice_is_unreadable(self, provider: PaymentProvider, fixture: Any, name: str) -> None:
        with pytest.raises(Unreadable, match="duplicate_key"):
            provider.read_event(fixture(name) + b"&value_coin=5000")

    @pytest.mark.parametrize(
        "raw", [b"uuid=a%00b&pending=0", b"\xff=1", b"https://bot.example/hooks/blockbee", b"&".join([b"a=1"] * 101)]
    )
    def test_a_form_that_nobody_can_keep_is_unreadable(self, provider: PaymentProvider, raw: bytes) -> None:
        with pytest.raises(Unreadable):
            provider.read_event(raw)

    @pytest.mark.parametrize("pending", [True, False, None, 2, "x", []])
    def test_only_nought_and_one_say_whether_it_is_pending(
        self, provider: PaymentProvider, fixture: Any, pending: Any
    ) -> None:
        body = json.loads(fixture("payment_confirmed__documented")) | {"pending": pending}
        with pytest.raises(Unreadable, match="unknown_kind"):
            provider.read_event(json.dumps(body).encode())

    # --- outbound

    def test_asks_for_json_posts_after_our_own_number_of_confirmations(
        self, provider: PaymentProvider, wire: Any
    ) -> None:
        wire.answers = self.opening()
        payment = provider.open_payment(self._request(provider))
        (request,) = wire.requests
        asked = {name: values[0] for name, values in parse_qs(request.url.query.decode()).items()}
        assert asked == {"callback": CALLBACK, "pending": "1", "confirmations": "20", "post": "1", "json": "1"}
        assert (request.url.path, request.headers["apikey"]) == ("/trc20/usdt/create/", "key")
        assert payment.raw == {"address_out": WALLET, "ask_with": self.ask_with}

    def test_a_payment_below_their_minimum_is_refused_before_it_is_lost(
        self, provider: PaymentProvider, wire: Any
    ) -> None:
        wire.answers = [(200, created(minimum_transaction_coin="105.32"))]
        with pytest.raises(Rejected, match="smallest payment"):
            provider.open_payment(self._request(provider))

    def test_an_error_inside_http_200_is_an_error(self, provider: PaymentProvider, wire: Any) -> None:
        wire.answers = [(200, {"status": "error", "error": "Ticker not found"})]
        with pytest.raises(Rejected, match="Ticker not found"):
            provider.open_payment(self._request(provider))
        with pytest.raises(Rejected):
            provider.ask(self.ask_with)

    def test_a_payment_id_cannot_change_the_address_asked(self, provider: PaymentProvider, wire: Any) -> None:
        wire.answers = self.asking("none")
        with pytest.raises(Rejected):
            provider.ask("../../getBalance?x=")
        provider.ask("trc20_usdt ../../getBalance?x=&apikey=mine#")
        (request,) = wire.requests
        assert request.url.path == "/trc20/usdt/logs/"
        assert parse_qs(request.url.query.decode()) == {"callback": ["../../getBalance?x=&apikey=mine#"]}

    def test_an_answer_without_a_confirmation_is_pending_and_an_unknown_result_unreadable(
        self, provider: PaymentProvider
    ) -> None:
        raw = json.dumps(logged(one_callback("sent", confirmations=0), one_callback("received"))).encode()
        assert [one.meaning for one in provider.read_answer(raw, self.payment_id)] == [Meaning.PENDING] * 2
        with pytest.raises(Unreadable, match="unknown_status"):
            provider.read_answer(json.dumps(logged(one_callback("lost"))).encode(), self.payment_id)

    def test_an_answer_about_another_wallet_is_about_another_payment(self, provider: PaymentProvider) -> None:
        with pytest.raises(Unreadable, match="other_payment"):
            provider.read_answer(json.dumps(logged(one_callback(), address_out=STRANGER)).encode(), self.payment_id)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("books_green")
class TestFromAddressToCredit:
    """The whole way, with BlockBee at the other end of the wire."""

    @pytest.fixture
    def wire(self) -> Wire:
        wire = Wire()
        http.use_transport(httpx.MockTransport(wire.answer))
        wire.answers = [(200, created())]
        return wire

    @pytest.fixture
    def intent(self, wire: Wire) -> Intent:
        return ask_for_address(an_intent(provider="blockbee", price="105.31", is_open=False).pk)

    def send(self, raw: bytes, owner: str = "blockbee") -> Any:
        return Client().post(
            "/hooks/blockbee?ref=PI1", data=raw, content_type="application/json", headers=signed(raw, owner)
        )

    def event(self, **changes: Any) -> bytes:
        body = {
            "uuid": "u1",
            "address_in": ADDRESS,
            "address_out": WALLET,
            "coin": "trc20_usdt",
            "txid_in": TXID,
            "value_coin": 105.31,
            "pending": 0,
        }
        return json.dumps(body | changes).encode()

    def test_a_confirmation_is_credited_once_and_answered_with_their_word(self, intent: Intent) -> None:
        for raw in (self.event(pending=1), self.event(), self.event(), self.event(uuid="u2")):
            answer = self.send(raw)
            assert (answer.status_code, answer.content) == (200, b"*ok*")
            assert answer["Content-Type"].startswith("text/plain")
        deposit = Deposit.objects.get()
        assert (deposit.intent, deposit.minor, deposit.credits) == (intent, 105_310_000, 1)

    @pytest.mark.parametrize(
        "changes", [{"address_out": STRANGER}, {"address_in": STRANGER}, {"coin": "bep20_usdt"}, {"coin": "erc20_usdc"}]
    )
    def test_somebody_elses_well_signed_callback_credits_nobody(self, intent: Intent, changes: dict[str, str]) -> None:
        assert self.send(self.event(**changes)).content == b"*ok*"
        assert InboxEvent.objects.get().status == InboxStatus.PARKED
        assert not Deposit.objects.exists(), "nor is it booked as ours that nobody can match"

    def test_a_callback_by_another_key_is_401_and_not_their_word(self, intent: Intent) -> None:
        answer = self.send(self.event(), owner="somebody")
        assert answer.status_code == 401
        assert b"*ok*" not in answer.content
        assert not InboxEvent.objects.exists()

    def test_a_get_is_proven_by_its_whole_address_and_only_makes_us_ask(self, intent: Intent, wire: Wire) -> None:
        path = (
            f"/hooks/blockbee?ref={intent.public_id}&uuid=u1&address_in={ADDRESS}&address_out={WALLET}"
            f"&coin=trc20_usdt&txid_in={TXID}&value_coin=5000&pending=0&note=a%20b%2Fc"
        )
        headers = signed(f"https://bot.example{path}".encode())
        assert Client().get(path.replace("5000", "5001"), headers=headers).status_code == 401
        answer = Client().get(path, headers=headers | {"Host": "localhost"})
        assert (answer.status_code, answer.content) == (200, b"*ok*")
        assert not Deposit.objects.exists()
        wire.answers = [(200, logged(one_callback(value_coin="105.31")))]
        inbox_id = ask_provider(intent_id=intent.pk)
        assert parse_qs(wire.requests[-1].url.query.decode())["callback"][0].endswith(f"ref={intent.public_id}")
        drain()
        assert InboxEvent.objects.get(pk=inbox_id).status == InboxStatus.APPLIED
        assert Deposit.objects.get().minor == 105_310_000

    def test_other_ways_of_calling_are_405(self) -> None:
        for method in ("head", "put", "delete"):
            answer = getattr(Client(), method)("/hooks/blockbee")
            assert (answer.status_code, answer["Allow"]) == (405, "GET, POST")
        for other in ("dynopay", "nobody"):
            assert Client().get(f"/hooks/{other}").status_code == 405
