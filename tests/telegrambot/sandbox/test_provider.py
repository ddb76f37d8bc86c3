"""The play-money provider: payments, ways to pay, signed webhooks."""

import hashlib
import hmac
import json
import time
from decimal import Decimal

import pytest

from lockbay import http
from telegrambot.sandbox.config import SandboxConfig
from telegrambot.sandbox.testing import SandboxClient, run_sandbox
from tests.ports import free_port

from .conftest import API_KEY, WEBHOOK_SECRET, Web


def create(people: SandboxClient, web: Web, *, key: str = "", status: int = 201, **changes: str) -> dict:
    body = {
        "reference": "ESC-7Q2M",
        "amount": "105.250000",
        "currency": "USDT",
        "network": "TRC20",
        "webhook_url": web.url,
    }
    headers = {"X-Api-Key": API_KEY, **({"Idempotency-Key": key} if key else {})}
    answer = http.request("POST", f"{people.base_url}/provider/payments", json={**body, **changes}, headers=headers)
    assert answer.status_code == status, answer.text
    return answer.json()


def show(people: SandboxClient, payment_id: str) -> dict:
    return http.request(
        "GET", f"{people.base_url}/provider/payments/{payment_id}", headers={"X-Api-Key": API_KEY}
    ).json()


def events(web: Web) -> list[dict]:
    return [json.loads(body) for _, body in web.received]


def is_signed(headers: dict[str, str], body: bytes) -> bool:
    at, digest = (part.partition("=")[2] for part in headers["X-Sandbox-Signature"].split(","))
    expected = hmac.new(WEBHOOK_SECRET.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return digest == expected and abs(time.time() - int(at)) < 60


def test_opens_a_payment_with_an_address_that_says_sandbox(people: SandboxClient, web: Web) -> None:
    payment = create(people, web)
    assert payment["address"].startswith("SANDBOXT")
    assert (payment["amount"], payment["qr_text"]) == ("105.250000", payment["address"])
    assert show(people, payment["id"])["status"] == "waiting"


def test_gives_the_first_answer_again_for_the_same_key(people: SandboxClient, web: Web) -> None:
    first = create(people, web, key="k1")
    assert create(people, web, key="k1") == first
    assert create(people, web, key="k2")["id"] != first["id"]
    assert create(people, web, key="k1", status=409, amount="1") == {"error": "idempotency_key_reused"}
    assert len(people.payments()) == 2


@pytest.mark.parametrize(
    "changes",
    [{"amount": amount} for amount in ("0", "-1", "1e3", "NaN", "1,5", "٣", "", 1.5)]
    + [{"webhook_url": "file:///etc/passwd"}, {"reference": ""}, {"currency": None}],
)
def test_refuses_a_malformed_payment(people: SandboxClient, web: Web, changes: dict) -> None:
    create(people, web, status=400, **changes)
    assert people.payments() == []


def test_refuses_a_wrong_key(people: SandboxClient) -> None:
    answer = http.request("POST", f"{people.base_url}/provider/payments", json={}, headers={"X-Api-Key": "wrong"})
    assert answer.status_code == 401


def test_loses_the_answer_but_keeps_the_payment(people: SandboxClient, web: Web) -> None:
    people.faults(provider_lose_reply=1)
    with pytest.raises(http.HTTPError):
        create(people, web, key="k1")
    assert create(people, web, key="k1")["id"] == people.payments()[0]["id"]


@pytest.mark.parametrize(
    ("how", "amount"),
    [("exact", "105.250000"), ("over", "112.617500"), ("short_within", "103.145000"), ("short", "73.675000")],
)
def test_pays_the_amount_that_was_chosen(people: SandboxClient, web: Web, how: str, amount: str) -> None:
    payment = create(people, web)
    result = people.pay(payment["id"], how)
    assert [event["type"] for event in events(web)] == ["payment.pending", "payment.confirmed"]
    assert {event["amount_received"] for event in events(web)} == {amount}
    assert {event["txid"] for event in events(web)} == {result["txid"]}
    assert all(is_signed(headers, body) for headers, body in web.received)
    assert show(people, payment["id"]) | {"status": "confirmed", "amount_received": amount} == show(
        people, payment["id"]
    )


def test_stays_within_the_tolerance_of_large_amounts(people: SandboxClient, web: Web) -> None:
    payment = create(people, web, amount="2000")
    people.pay(payment["id"], "short_within")
    assert Decimal(events(web)[0]["amount_received"]) == Decimal(1995)


def test_sends_a_second_payment_as_a_new_transaction(people: SandboxClient, web: Web) -> None:
    payment = create(people, web)
    first = people.pay(payment["id"], "short")
    second = people.pay(payment["id"], "exact", amount="31.575")
    assert first["txid"] != second["txid"]
    assert Decimal(show(people, payment["id"])["amount_received"]) == Decimal("105.25")


def test_says_the_same_thing_twice(people: SandboxClient, web: Web) -> None:
    people.pay(create(people, web)["id"], "twice")
    assert [event["type"] for event in events(web)] == ["payment.pending", "payment.confirmed", "payment.confirmed"]
    assert events(web)[1] == events(web)[2]


def test_says_confirmed_before_pending(people: SandboxClient, web: Web) -> None:
    people.pay(create(people, web)["id"], "out_of_order")
    assert [event["type"] for event in events(web)] == ["payment.confirmed", "payment.pending"]


def test_pays_late_by_moving_the_clock(people: SandboxClient, web: Web) -> None:
    payment = create(people, web)
    people.pay(payment["id"], "late")
    assert people.state()["clock_offset"] == 61 * 60
    assert events(web)[0]["received_at"] > show(people, payment["id"])["created_at"]


def test_a_forged_message_is_refused_and_changes_nothing(people: SandboxClient, web: Web) -> None:
    web.answers = [401]
    payment = create(people, web)
    people.pay(payment["id"], "bad_signature")
    assert not is_signed(*web.received[0])
    assert show(people, payment["id"])["status"] == "waiting"
    delivery = people.payments()[0]["deliveries"][0]
    assert (delivery["state"], delivery["answers"], delivery["forged"]) == ("refused", [401], True)


def test_repeats_a_webhook_until_it_is_taken(people: SandboxClient, web: Web) -> None:
    web.answers = [500]
    people.pay(create(people, web)["id"], "exact")
    deadline = time.monotonic() + 5
    while people.payments()[0]["deliveries"][0]["state"] == "waiting" and time.monotonic() < deadline:
        time.sleep(0.05)
    assert people.payments()[0]["deliveries"][0]["answers"] == [500, 200]


def test_goes_on_after_a_restart_where_it_stopped(config: SandboxConfig, web: Web) -> None:
    with run_sandbox(config, port=free_port()) as people:
        people.start("bea", "esc_42")
        web.answers = [500, 500, 500, 500]
        payment = create(people, web)
        people.pay(payment["id"], "exact")
    web.answers.clear()
    with run_sandbox(config, port=free_port()) as people:
        assert people.messages("bea")[0]["text"] == "/start esc_42"
        deadline = time.monotonic() + 5
        while (
            any(one["state"] == "waiting" for one in people.payments()[0]["deliveries"]) and time.monotonic() < deadline
        ):
            time.sleep(0.05)
        assert {one["state"] for one in people.payments()[0]["deliveries"]} == {"delivered"}
