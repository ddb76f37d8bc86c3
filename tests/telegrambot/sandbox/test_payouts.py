"""The play-money provider pays out, and does on demand what real ones do when it hurts."""

import json

import pytest

from lockbay import http
from telegrambot.sandbox.testing import SandboxClient
from tests.journeys.house import eventually

from .conftest import API_KEY, Web
from .test_provider import is_signed

KEY = {"X-Api-Key": API_KEY}


def order(people: SandboxClient, web: Web, reference: str = "WD1", **changes: str) -> http.Response:
    body = {
        "reference": reference,
        "amount": "48.500000",
        "currency": "USDT",
        "network": "TRC20",
        "recipient": "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t",
        "webhook_url": web.url,
    }
    return http.request("POST", f"{people.base_url}/provider/payouts", json={**body, **changes}, headers=KEY)


def status_of(people: SandboxClient, reference: str = "WD1") -> str:
    answer = http.request("GET", f"{people.base_url}/provider/payouts/{reference}", headers=KEY)
    return str(answer.json().get("status") or answer.json().get("error"))


def act(people: SandboxClient, what: str) -> int:
    url = f"{people.base_url}/sandbox/api/payouts/WD1"
    return http.request("POST", url, json={"act": what}).status_code


def told(web: Web) -> list[str]:
    return sorted(json.loads(body)["type"] for headers, body in web.received if is_signed(headers, body))


def until_told(web: Web, number: int) -> None:
    eventually(lambda: len(told(web)) >= number, f"{number} webhooks came", within=10)


def test_pays_once_for_each_reference_and_says_so(people: SandboxClient, web: Web) -> None:
    first = order(people, web)
    assert (first.status_code, first.json()["status"]) == (201, "accepted")
    assert order(people, web).json()["id"] == first.json()["id"]
    assert order(people, web, amount="1").json() == {"error": "reference_reused"}
    until_told(web, 1)
    assert (status_of(people), told(web)) == ("paid", ["payout.paid"])


def test_fails_and_reverses_on_demand(people: SandboxClient, web: Web) -> None:
    people.faults(payouts="reverses")
    order(people, web)
    until_told(web, 2)
    assert (status_of(people), told(web)) == ("reversed", ["payout.paid", "payout.reversed"])
    people.faults(payouts="fails")
    order(people, web, "WD2")
    until_told(web, 3)
    assert status_of(people, "WD2") == "failed"


def test_hangs_after_it_has_taken_the_order(people: SandboxClient, web: Web) -> None:
    people.faults(payouts="hangs")
    with pytest.raises(http.HTTPError):
        order(people, web)
    until_told(web, 1)
    assert status_of(people) == "paid"


@pytest.mark.parametrize(
    ("mood", "status", "error"), [("no_funds", 402, "insufficient_funds"), ("refuses", 422, "payout_refused")]
)
def test_says_no_and_keeps_nothing(people: SandboxClient, web: Web, mood: str, status: int, error: str) -> None:
    people.faults(payouts=mood)
    answer = order(people, web)
    assert (answer.status_code, answer.json()) == (status, {"error": error})
    assert status_of(people) == "unknown_payout"


def test_a_person_can_decide_what_becomes_of_it(people: SandboxClient, web: Web) -> None:
    order(people, web)
    until_told(web, 1)
    assert act(people, "reverse") == 200
    assert act(people, "explode") == 400
    until_told(web, 2)
    assert status_of(people) == "reversed"
    assert http.request("GET", f"{people.base_url}/sandbox/api/payouts").json()[0]["status"] == "reversed"


@pytest.mark.parametrize(
    "changes", [{"amount": "0"}, {"recipient": ""}, {"webhook_url": "file:///x"}, {"reference": ""}]
)
def test_refuses_a_malformed_order(people: SandboxClient, web: Web, changes: dict[str, str]) -> None:
    assert order(people, web, **changes).status_code == 400


def test_says_what_it_holds(people: SandboxClient) -> None:
    answer = http.request("GET", f"{people.base_url}/provider/balances", headers=KEY)
    assert {one["currency"] for one in answer.json()["balances"]} >= {"USDT", "NGN"}
    assert http.request("GET", f"{people.base_url}/provider/balances").status_code == 401
