"""Paying by bank: a page of the provider instead of an address, in plain words, with a button that opens it (E6)."""

from typing import Any

import httpx
import pytest

from lockbay import clock, http
from payments import jobs
from payments.models import Intent
from payments.rates.prewarm import prewarm
from telegrambot.models import ShownPayment
from tests import cast
from tests.telegrambot.house import labels_of

pytestmark = pytest.mark.django_db(transaction=True)
PAGE = "https://checkout.example/pay/1"


class BankOnTheWire(httpx.HTTPTransport):
    """The bank's provider answers with its page; everybody else is reached as ever."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.host != "api.flutterwave.com":
            return super().handle_request(request)
        paid = {"id": 7, "tx_ref": request.url.params.get("tx_ref"), "status": "successful", "currency": "NGN"}
        data = paid | {"amount": "15041.78"} if request.method == "GET" else {"link": PAGE}
        return httpx.Response(200, json={"status": "success", "message": "", "data": data})


@pytest.fixture
def acting(house, settings):
    prewarm("test")
    settings.PAYMENT_PROVIDERS = ["flutterwave", "sandbox"]
    settings.FLUTTERWAVE_SECRET_KEY, settings.BANK_CUSTOMER_EMAIL = "FLWSECK_TEST-1", "pay@lockbay.example"
    http.use_transport(BankOnTheWire())
    house.play_cast()
    yield house
    http.use_transport(None)


def open_page(house) -> dict[str, Any]:
    house.opens_trade("bea", cast.an_agreement(price="20.00"))
    house.presses("bea", "Pay")
    return house.presses("bea", "NGN · Nigerian bank transfer")


def test_the_screen_says_what_to_pay_and_opens_the_page(acting):
    screen = open_page(acting)
    intent = Intent.objects.get()
    assert (intent.pay_url, intent.pay_amount.plain()) == (PAGE, "30083.55")
    for fact in ("Nigerian bank transfer", "30083.55 NGN", "21.00 USD", "1432.55 NGN for one dollar", "Time left"):
        assert fact in screen["text"].replace("\xa0", " ")
    assert "network" not in screen["text"]
    assert intent.public_id not in screen["text"], "a reference is nothing to pay to"
    urls = [button["url"] for row in screen["buttons"] for button in row if "url" in button]
    assert urls == [PAGE]
    assert not [label for label in labels_of(screen) if "Copy" in label]
    assert screen["photo"], "scanned at a desk, it opens the page on the phone"
    assert ShownPayment.objects.get().intent_id == intent.pk


def test_it_explains_paying_by_bank_and_goes_back(acting):
    open_page(acting)
    how = acting.presses("bea", "How to pay")
    assert "How to pay by bank" in how["text"]
    assert "30083.55" in how["text"]
    assert "To pay:" in acting.presses("bea", "Back to the payment")["text"]


def test_the_rest_of_a_short_payment_is_not_paid_on_the_old_page(acting):
    open_page(acting)
    Intent.objects.update(ask_due_at=clock.now())
    assert jobs.ask_quiet_intents() == 1
    acting.presses("bea", "Refresh")
    screen = acting.presses("bea", "Pay the missing")
    assert "10.50 USD came in and is kept for this trade; 10.50 USD is missing" in screen["text"].replace("\xa0", " ")
    assert "The old page asks for the whole amount" in screen["text"]
    assert not [button for row in screen["buttons"] for button in row if "url" in button]
    assert "❓ How to pay" not in labels_of(screen)
    acting.presses("bea", "Another way")
    fresh = acting.presses("bea", "NGN · Nigerian bank transfer")
    assert "15041.78 NGN" in fresh["text"].replace("\xa0", " ")
    assert "Open the payment page" in fresh["text"]
    assert Intent.objects.count() == 2
