"""POST /hooks/<provider> (P1): what is stored, what is answered, and that bad input changes nothing else (F8-F11)."""

import io
import json
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from prometheus_client import REGISTRY

from lockbay.events.models import Event
from payments.models import Deposit, InboxEvent
from payments.states import InboxStatus
from payments.webhooks import WebhookView
from tests.payments.money_in import an_intent, payer, post, raw_of, signature_of
from wallets.models import Operation
from wallets.money import Money
from wallets.queries import balances_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("books_green")]

LIMIT = 262_144


def available() -> Money:
    return balances_of(payer().pk).get(("available", "USD"), Money(0, "USD"))


def count_of(answer: str, provider: str = "sandbox") -> float:
    return REGISTRY.get_sample_value("lockbay_webhooks_total", {"provider": provider, "answer": answer}) or 0.0


def assert_nothing_moved() -> None:
    assert not Deposit.objects.exists()
    assert not Operation.objects.exists()
    assert available().minor == 0


def test_a_genuine_event_is_stored_applied_and_answered_200() -> None:
    answer = post(raw_of(an_intent(price="20.00")))
    assert (answer.status_code, answer.json()) == (200, {"received": True})
    assert available() == Money(2000, "USD")
    row = InboxEvent.objects.get()
    assert row.status == InboxStatus.APPLIED
    assert row.correlation_id == answer["X-Correlation-Id"]


def test_storing_costs_one_statement(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("payments.webhooks.drain", lambda budget: None)
    raw = raw_of(an_intent())
    with CaptureQueriesContext(connection) as captured:
        assert post(raw).status_code == 200
    assert [q["sql"][:6] for q in captured if "virtualclock" not in q["sql"]] == ["INSERT"]


@pytest.mark.parametrize("path", ["/hooks/sandbox", "/hooks/sandbox/", "/hooks/sandbox/escrow"])
def test_everything_below_a_known_providers_address_is_taken(path: str) -> None:
    raw = raw_of(an_intent())
    headers = {"X-Sandbox-Signature": signature_of(raw), "Accept": "text/x-odd"}
    assert Client().post(path, data=raw, content_type="text/plain", headers=headers).status_code == 200


def test_an_unknown_provider_is_404_and_get_is_405_with_a_clear_word() -> None:
    assert post(b"{}", provider="nobody").status_code == 404
    answer = Client().get("/hooks/sandbox")
    assert answer.status_code == 405
    assert answer["Allow"] == "POST"
    assert "POST" in answer.json()["expected"]


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "garbage",
        "t=1,v1=",
        "t=99999999999999999999,v1=00",
        "é=ü",
        lambda raw: signature_of(raw, secret="another"),
        lambda raw: signature_of(raw + b" "),
        lambda raw: signature_of(raw, at=int(time.time()) - 301),
        lambda raw: signature_of(raw, at=int(time.time()) + 302),
    ],
)
def test_a_bad_signature_is_401_says_what_is_expected_and_stores_nothing(
    signature: str | Callable[[bytes], str],
) -> None:
    raw, before = raw_of(an_intent()), count_of("401")
    answer = post(raw, signature=signature if isinstance(signature, str) else signature(raw))
    assert answer.status_code == 401
    assert "X-Sandbox-Signature" in answer.json()["expected"]
    assert count_of("401") == before + 1
    assert not InboxEvent.objects.exists()
    assert not Event.objects.exists()
    assert_nothing_moved()


WELL_SIGNED_NONSENSE = {
    "empty": b"",
    "not json": b"confirmed!",
    "not utf-8": b"\xff\xfe\x00",
    "a list": b"[1]",
    "deeply nested": b"[" * 100_000,
    "deeply nested objects": b'{"a":' * 40_000,
    "NaN": b'{"id":"e","type":"payment.confirmed","amount_received":NaN}',
    "1e400": b'{"id":"e","type":"payment.confirmed","payment_id":"p","currency":"USDT","network":"TRC20",'
    b'"amount_received":1e400}',
    "400 digits": b'{"id":"e","type":"payment.confirmed","amount_received":' + b"9" * 400 + b"}",
    "duplicate keys": b'{"id":"e","id":"f"}',
    "lone surrogate": b'{"id":"\\ud800","type":"payment.confirmed"}',
    "null byte": b'{"id":"\\u0000","type":"payment.confirmed"}',
    "wrong types": b'{"id":1,"type":[],"payment_id":{}}',
    "100,000 keys": ("{" + ",".join(f'"{n:x}":1' for n in range(20_000)) + "}").encode(),
    "unknown event": b'{"id":"e","type":"payment.exploded","payment_id":"p"}',
    "unknown reference": json.dumps(
        {
            "id": "e",
            "type": "payment.pending",
            "payment_id": "pay_nobody",
            "currency": "USDT",
            "network": "TRC20",
            "amount_received": "5",
        }
    ).encode(),
    "a very long id": b'{"id":"' + b"x" * 5_000 + b'","type":"payment.confirmed"}',
}


@pytest.mark.parametrize("name", WELL_SIGNED_NONSENSE)
def test_well_signed_nonsense_is_kept_parked_with_an_alert_and_answered_200(name: str) -> None:
    raw = WELL_SIGNED_NONSENSE[name]
    assert post(raw).status_code == 200
    row = InboxEvent.objects.get()
    assert (bytes(row.body), row.status) == (raw, InboxStatus.PARKED)
    assert row.error
    assert Event.objects.get().kind == "inbox.parked"
    assert_nothing_moved()


@pytest.mark.parametrize("name", WELL_SIGNED_NONSENSE)
def test_unsigned_nonsense_is_401_and_stores_nothing(name: str) -> None:
    assert post(WELL_SIGNED_NONSENSE[name], signature="").status_code == 401
    assert not InboxEvent.objects.exists()


class TestSize:
    def test_a_body_at_the_limit_is_read(self) -> None:
        assert post(b" " * LIMIT).status_code == 200

    def test_a_body_above_the_limit_is_413_before_it_is_read(self) -> None:
        class Unread(io.BytesIO):
            def read(self, *_: Any) -> bytes:
                raise AssertionError("the body was read")

        answer = self._send(Unread(), {"CONTENT_LENGTH": str(LIMIT + 1)})
        assert answer.status_code == 413
        assert json.loads(answer.content)["largest_bytes"] == LIMIT

    def test_ten_megabytes_cost_no_memory(self) -> None:
        tracemalloc.start()
        answer = self._send(io.BytesIO(b"x" * 10_000_000), {"CONTENT_LENGTH": "10000000"})
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert answer.status_code == 413
        assert peak < 50_000_000

    def test_a_chunked_body_without_end_is_cut_off_at_the_limit(self) -> None:
        class Endless:
            given = 0

            def read(self, size: int) -> bytes:
                self.given += size
                return b"x" * size

        stream = Endless()
        answer = self._send(stream, {"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked"})
        assert answer.status_code == 413
        assert stream.given <= LIMIT + 65_536

    def test_a_chunked_body_that_ends_is_taken(self) -> None:
        raw = raw_of(an_intent())
        chunked = {
            "CONTENT_LENGTH": "",
            "HTTP_TRANSFER_ENCODING": "chunked",
            "HTTP_X_SANDBOX_SIGNATURE": signature_of(raw),
        }
        assert self._send(io.BytesIO(raw), chunked).status_code == 200
        assert available() == Money(2000, "USD")

    @pytest.mark.parametrize("length", ["-1", "abc", "１２", "1e3"])
    def test_a_length_that_is_no_number_is_400(self, length: str) -> None:
        assert self._send(io.BytesIO(b"{}"), {"CONTENT_LENGTH": length}).status_code == 400

    def test_a_body_shorter_than_announced_is_400(self) -> None:
        assert self._send(io.BytesIO(b"{}"), {"CONTENT_LENGTH": "200"}).status_code == 400

    def _send(self, stream: Any, environment: dict[str, str]) -> Any:
        request = RequestFactory().post("/hooks/sandbox", data=b"", content_type="application/json")
        request.META.update({"wsgi.input": stream, **environment})
        request._stream = stream
        return WebhookView.as_view()(request, provider="sandbox")


class TestRepeats:
    def test_the_same_event_again_is_200_and_one_row(self) -> None:
        raw = raw_of(an_intent())
        assert [post(raw).status_code for _ in range(5)] == [200] * 5
        assert InboxEvent.objects.count() == 1
        assert available() == Money(2000, "USD")

    def test_a_replay_with_a_fresh_signature_is_one_effect(self) -> None:
        raw = raw_of(an_intent())
        post(raw, signature=signature_of(raw, at=int(time.time()) - 200))
        post(raw, signature=signature_of(raw))
        assert InboxEvent.objects.count() == 1
        assert available() == Money(2000, "USD")

    def test_the_same_id_with_another_body_is_a_second_row_and_changes_nothing_else(self) -> None:
        intent = an_intent()
        post(raw_of(intent, id="evt_same"))
        assert post(raw_of(intent, id="evt_same", amount_received="400")).status_code == 200
        assert list(InboxEvent.objects.order_by("pk").values_list("status", flat=True)) == ["applied", "parked"]
        assert available() == Money(2000, "USD")


class TestApplyingNeverChangesTheAnswer:
    def test_an_exception_while_applying_is_logged_and_noted_and_the_answer_is_200(
        self, noting: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        noting.fails_on = {"bad"}
        assert post(raw_of(an_intent(purpose="noting", reference="bad"))).status_code == 200
        row = InboxEvent.objects.get()
        assert row.status == InboxStatus.PENDING
        assert "no plan for bad" in row.error
        assert "INBOX_EVENT_FAILED" in caplog.text
        assert "no plan for bad" in caplog.text

    def test_a_broken_drain_is_logged_and_the_answer_is_200(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        def broken(budget: int) -> int:
            raise RuntimeError("the drain broke")

        monkeypatch.setattr("payments.webhooks.drain", broken)
        assert post(raw_of(an_intent())).status_code == 200
        assert InboxEvent.objects.get().status == InboxStatus.PENDING
        assert "WEBHOOK_APPLY_FAILED" in caplog.text

    def test_a_spent_budget_leaves_the_rest_to_the_worker_with_one_wake_up(self, settings: Any) -> None:
        from django_q.models import OrmQ

        settings.WEBHOOK_APPLY_BUDGET_MS = 0
        assert post(raw_of(an_intent())).status_code == 200
        assert InboxEvent.objects.get().status == InboxStatus.PENDING
        assert OrmQ.objects.count() == 1

    def test_a_database_that_cannot_store_is_503_send_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from django.db import OperationalError

        def broken(*_: Any, **__: Any) -> None:
            raise OperationalError("gone")

        monkeypatch.setattr("payments.actions.receive_event.insert_new", broken)
        answer = post(raw_of(an_intent()))
        assert answer.status_code == 503
        assert answer["Retry-After"] == "5"
