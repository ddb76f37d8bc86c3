"""NOWPayments keeps the contract, and its traps stay shut. The vector was computed from the documented scheme."""

import hashlib
import hmac
import json
from datetime import datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest
from django.test import Client

from lockbay import http
from payments.actions.start_intent import ask_for_address
from payments.errors import Rejected, Unavailable, Unintelligible, Unreadable
from payments.models import Deposit, InboxEvent, Intent
from payments.providers.base import Meaning, PaymentProvider
from payments.states import InboxStatus
from tests.payments.money_in import a_txid, an_intent
from tests.payments.providers.contract import NOW, ProviderContract, Wire

SECRET = "ipn_test_secret"
VECTOR_BODY = (
    b'{"payment_id":6100000001,"payment_status":"finished","pay_address":"TTestAddr","price_amount":105.25,'
    b'"price_currency":"usd","pay_amount":105.31,"actually_paid":105.31,"pay_currency":"usdttrc20",'
    b'"order_id":"ESC-TEST-1","fee":{"withdrawalFee":0,"currency":"usdttrc20","depositFee":0.1,"serviceFee":0.5}}'
)
VECTOR = (
    "2332e0177e2739b63f269587d3853f00edafa547e6b3e7b6df49141f3adff6b1"
    "b1f11088a4e903cb4751627d003dae222054892dc42b5e65deaf617a1bbb0690"
)


@pytest.fixture(autouse=True)
def _our_secret(settings: Any) -> None:
    settings.NOWPAYMENTS_IPN_SECRETS = [SECRET]
    settings.NOWPAYMENTS_API_KEY = "key"


def sorted_text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def proof_of(text: str, secret: str = SECRET) -> dict[str, str]:
    return {"x-nowpayments-sig": hmac.new(secret.encode(), text.encode(), hashlib.sha512).hexdigest()}


class TestNowPayments(ProviderContract):
    name = "nowpayments"
    payment_id = "6100000001"
    credited = {
        "finished__documented": "105.31",
        "finished__amounts_as_text": "105.310000",
        "finished__second_payment": "54.81",
        "finished__second_payment_unnamed": "54.81",
        "partially_paid__documented": "50.5",
    }
    hints = {"finished__without_amount": "6100000001"}
    crediting_kinds = ["partially_paid", "finished"]
    is_stamped = False
    names_transactions = False

    def signed_headers(self, raw: bytes, *, at: datetime = NOW, secret: str | None = None) -> dict[str, str]:
        return proof_of(sorted_text(json.loads(raw)), secret or SECRET)

    def opened(self) -> dict[str, Any]:
        return {
            "payment_id": self.payment_id,
            "payment_status": "waiting",
            "pay_address": "TEkxi",
            "pay_amount": 105.31,
            "pay_currency": "usdttrc20",
            "amount_received": None,
            "payin_extra_id": None,
        }

    def answered(self, status: str) -> dict[str, Any]:
        names = {"none": "waiting", "pending": "confirmed", "confirmed": "finished"}
        paid = 0 if status == "none" else 105.31
        return {
            **self.opened(),
            "payment_id": int(self.payment_id),
            "payment_status": names[status],
            "actually_paid": paid,
            "payin_hash": "ab" * 32,
        }

    def key_of(self, request: httpx.Request) -> str | None:
        # They know no idempotency key: a payment asked for twice has two addresses, and only one is ever shown.
        return str(json.loads(request.content)["order_id"])

    def exploded(self, body: dict[str, Any]) -> dict[str, Any]:
        return {**body, "payment_status": "exploded"}

    # --- signatures

    def test_the_vector_verifies_in_any_order_of_keys(self, provider: PaymentProvider) -> None:
        self._verify(provider, VECTOR_BODY, {"x-nowpayments-sig": VECTOR})

    def test_both_secrets_verify_during_a_rotation(self, provider: PaymentProvider, settings: Any) -> None:
        settings.NOWPAYMENTS_IPN_SECRETS = ["ipn_new", SECRET]
        self._verify(provider, VECTOR_BODY, {"x-nowpayments-sig": VECTOR})
        self._verify(provider, VECTOR_BODY, proof_of(sorted_text(json.loads(VECTOR_BODY)), "ipn_new"))

    def test_without_a_secret_of_ours_nothing_verifies(self, provider: PaymentProvider, settings: Any) -> None:
        settings.NOWPAYMENTS_IPN_SECRETS = []
        with pytest.raises(Exception, match="no_secret_configured"):
            self._verify(provider, VECTOR_BODY, {"x-nowpayments-sig": VECTOR})

    def test_keys_are_sorted_at_every_depth(self, provider: PaymentProvider) -> None:
        body = b'{"b":1,"a":{"z":{"y":1,"x":2},"c":3}}'
        self._verify(provider, body, proof_of('{"a":{"c":3,"z":{"x":2,"y":1}},"b":1}'))
        self._refuses(provider, body, proof_of('{"a":{"c":3,"z":{"y":1,"x":2}},"b":1}'))

    def test_the_old_form_that_drops_inner_keys_is_refused(self, provider: PaymentProvider) -> None:
        """It would leave the fee, and whatever else is inside, unsigned."""
        self._refuses(provider, b'{"fee":{"depositFee":1},"a":1}', proof_of('{"a":1,"fee":{}}'))

    @pytest.mark.parametrize("written", ["[20,3]", '{"0":20,"1":3}'])
    def test_a_list_verifies_as_a_list_and_as_their_own_sample_rewrites_it(
        self, provider: PaymentProvider, written: str
    ) -> None:
        body = b'{"payment_id":7,"payment_extra_ids":[20,3]}'
        self._verify(provider, body, proof_of(f'{{"payment_extra_ids":{written},"payment_id":7}}'))
        self._refuses(provider, body, proof_of('{"payment_extra_ids":[3,20],"payment_id":7}'))

    def test_numbers_keep_the_text_they_were_sent_with(self, provider: PaymentProvider) -> None:
        body = '{"tiny":1e-7,"whole":105,"long":0.30000000000000004,"word":"é/"}'.encode()
        self._verify(provider, body, proof_of('{"long":0.30000000000000004,"tiny":1e-7,"whole":105,"word":"é/"}'))

    @pytest.mark.parametrize("body", [b"not json", b'{"a":NaN}', b'{"a":"\\ud800"}', b"\xff", b"[" * 100_000])
    def test_a_signature_over_garbage_is_refused_cleanly(self, provider: PaymentProvider, body: bytes) -> None:
        self._refuses(provider, body, {"x-nowpayments-sig": VECTOR})

    # --- what a status means

    @pytest.mark.parametrize(
        ("status", "meaning"),
        [
            ("waiting", Meaning.INFORMATION),
            ("confirming", Meaning.PENDING),
            ("confirmed", Meaning.PENDING),
            ("sending", Meaning.PENDING),
            ("partially_paid", Meaning.CONFIRMED),
            ("finished", Meaning.CONFIRMED),
            ("failed", Meaning.INFORMATION),
            ("expired", Meaning.INFORMATION),
        ],
    )
    def test_each_status_means_what_it_should(
        self, provider: PaymentProvider, fixture: Any, status: str, meaning: Meaning
    ) -> None:
        (report,) = provider.read_event(fixture(f"{status}__documented"))
        assert (report.meaning, report.payment_id, report.reference) == (meaning, "6100000001", "PI7Q2M")

    def test_confirmed_is_not_paid_in_full(self, provider: PaymentProvider, fixture: Any) -> None:
        """Neither does it credit, nor does the amount asked for ever stand in for the one that came."""
        for status, paid in (("confirmed", "105.31"), ("partially_paid", "50.5")):
            (report,) = provider.read_event(fixture(f"{status}__documented"))
            assert report.received == Decimal(paid)
        (report,) = provider.read_event(fixture("confirmed__documented"))
        assert report.finality == "pending"

    def test_a_refund_is_never_passed_over(self, provider: PaymentProvider, fixture: Any) -> None:
        with pytest.raises(Unreadable, match="money_taken_back"):
            provider.read_event(fixture("refunded__documented"))

    @pytest.mark.parametrize("status", ["failed", "expired", "waiting"])
    def test_money_in_a_payment_that_came_to_nothing_is_for_people(
        self, provider: PaymentProvider, fixture: Any, status: str
    ) -> None:
        body = json.loads(fixture(f"{status}__documented")) | {"actually_paid": "3"}
        with pytest.raises(Unreadable, match="money_came_all_the_same"):
            provider.read_event(json.dumps(body).encode())

    def test_an_answer_that_is_final_without_an_amount_is_for_people(
        self, provider: PaymentProvider, fixture: Any
    ) -> None:
        with pytest.raises(Unreadable, match="final_without_amount"):
            provider.read_answer(fixture("finished__without_amount"), "6100000001")

    # --- identity

    def test_a_payment_id_is_the_same_as_number_and_as_text(self, provider: PaymentProvider, fixture: Any) -> None:
        ids = {
            provider.identify(fixture(name)).payment_id
            for name in ("finished__documented", "finished__amounts_as_text")
        }
        assert ids == {"6100000001"}

    def test_each_status_of_a_payment_is_an_event_of_its_own(self, provider: PaymentProvider, fixture: Any) -> None:
        names = ("confirming__documented", "confirmed__documented", "finished__documented")
        assert len({provider.identify(fixture(name)).event_id for name in names}) == 3

    def test_a_second_payment_belongs_to_its_parents_intent_as_an_event_of_its_own(
        self, provider: PaymentProvider, fixture: Any
    ) -> None:
        second = provider.identify(fixture("finished__second_payment"))
        assert second.payment_id == "6100000001"
        assert second.event_id != provider.identify(fixture("finished__documented")).event_id

    # --- outbound

    def test_later_payments_to_the_same_address_are_asked_about_too(
        self, provider: PaymentProvider, wire: Any, fixture: Any
    ) -> None:
        """Their webhook may be lost; what else the list holds does no harm."""
        first = {
            **self.answered("confirmed"),
            "payment_extra_ids": [6100000009, "2918473650", 6100000010, None, "../x"],
        }
        stranger = {**self.answered("confirmed"), "payment_id": 6100000010, "parent_payment_id": 5}
        wire.answers = [(200, first), (200, fixture("finished__second_payment")), (404, {}), (200, stranger)]
        raw = provider.ask(self.payment_id)
        reports = provider.read_answer(raw, self.payment_id)
        assert [(one.part, str(one.received)) for one in reports] == [("6100000001", "105.31"), ("6100000009", "54.81")]
        assert {one.payment_id for one in reports} == {self.payment_id}
        assert len(wire.requests) == 4

    def test_asks_with_exact_numbers_and_its_own_reference(self, provider: PaymentProvider, wire: Any) -> None:
        wire.answers = self.opening()
        provider.open_payment(self._request(provider))
        (request,) = wire.requests
        assert b'"price_amount":105.25,' in request.content
        assert b'"pay_amount":105.310000,' in request.content
        assert (request.headers["x-api-key"], request.url.path) == ("key", "/v1/payment")

    @pytest.mark.parametrize(
        ("error", "raised"),
        [
            ({"status": False, "statusCode": 400, "code": "INVALID_REQUEST_PARAMS", "message": "no"}, Rejected),
            ({"statusCode": 403, "code": "INVALID_API_KEY"}, Rejected),
            ({"status": False, "message": "no"}, Rejected),
            ({"status": False, "statusCode": 500, "code": "INTERNAL_ERROR"}, Unavailable),
            ({"status": False, "statusCode": 429}, Unavailable),
        ],
    )
    def test_an_error_inside_http_200_is_an_error(
        self, provider: PaymentProvider, wire: Any, error: dict[str, Any], raised: type[Exception]
    ) -> None:
        wire.answers = [(200, error)]
        with pytest.raises(raised):
            provider.open_payment(self._request(provider))
        with pytest.raises(raised):
            provider.ask("6100000001")

    def test_an_address_for_another_coin_is_not_shown_to_anybody(self, provider: PaymentProvider, wire: Any) -> None:
        wire.answers = [(200, {**self.opened(), "pay_currency": "usdtbsc"})]
        with pytest.raises(Unintelligible, match="other_coin"):
            provider.open_payment(self._request(provider))


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("books_green")
class TestFromAddressToCredit:
    """The whole way, with NOWPayments at the other end of the wire."""

    @pytest.fixture(autouse=True)
    def intent(self) -> Intent:
        wire = Wire()
        wire.answers = [(200, TestNowPayments().opened())]
        http.use_transport(httpx.MockTransport(wire.answer))
        return ask_for_address(an_intent(provider="nowpayments", price="100.00", is_open=False).pk)

    def send(self, status: str, paid: str, **changes: Any) -> None:
        body = {
            "payment_id": 6100000001,
            "payment_status": status,
            "pay_address": "TEkxi",
            "pay_currency": "usdttrc20",
            "actually_paid": paid,
            **changes,
        }
        headers = proof_of(sorted_text(body))
        answer = Client().post("/hooks/nowpayments", data=body, content_type="application/json", headers=headers)
        assert answer.status_code == 200

    def credited(self) -> list[int]:
        return sorted(Deposit.objects.filter(credits=1).values_list("minor", flat=True))

    def test_only_the_final_status_credits_and_only_once(self) -> None:
        for status in ("waiting", "confirming", "confirmed", "sending"):
            self.send(status, "0" if status == "waiting" else "100")
        assert self.credited() == []
        for updated_at in (1, 2, 3):
            self.send("finished", "100", updated_at=updated_at)
        assert self.credited() == [100_000_000]

    def test_the_rest_of_a_short_payment_is_a_deposit_of_its_own_though_it_is_as_large(self, intent: Intent) -> None:
        second = {"payment_id": 6100000009, "parent_payment_id": 6100000001}
        self.send("partially_paid", "50")
        self.send("confirming", "50", **second)
        for updated_at in (1, 2):
            self.send("finished", "50", updated_at=updated_at, **second)
        assert self.credited() == [50_000_000, 50_000_000]
        assert {deposit.intent for deposit in Deposit.objects.all()} == {intent}

    def test_a_transaction_that_is_named_late_belongs_to_its_own_transfer(self) -> None:
        self.send("partially_paid", "50")
        self.send("finished", "50", payment_id=6100000009, parent_payment_id=6100000001, payin_hash=a_txid(2))
        self.send("partially_paid", "50", payin_hash=a_txid(1))
        txids = Deposit.objects.order_by("pk").values_list("txid", flat=True)
        assert (list(txids), self.credited()) == ([a_txid(1), a_txid(2)], [50_000_000, 50_000_000])

    def test_another_amount_for_a_credited_transfer_and_a_refund_wait_for_people(self) -> None:
        self.send("finished", "100")
        self.send("finished", "101")
        self.send("refunded", "100")
        assert self.credited() == [100_000_000]
        assert InboxEvent.objects.filter(status=InboxStatus.PARKED).count() == 2
