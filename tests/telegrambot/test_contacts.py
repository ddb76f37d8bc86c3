"""The ways to reach a person, on the screen: added, changed, removed, and asked for before the first payment (N2)."""

import pytest

from lockbay.events.kinds import Kind
from lockbay.events.models import Event
from lockbay.people.models import Contact
from notifications.codes import code_of
from tests import cast
from tests.telegrambot.house import labels_of
from tests.telegrambot.money import prove_email

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sms(settings):
    """SMS is set up; no worker runs here, so nothing is sent."""
    settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN, settings.TWILIO_SENDER = "AC1", "token", "+15005550006"


@pytest.fixture
def fresh(house):
    """Bea has a trade to pay and was never asked for a second channel."""
    house.play_cast(were_asked=False)
    house.trade = cast.an_agreement()
    house.opens_trade("bea", house.trade)
    return house


def newest_code() -> str:
    return code_of(Contact.objects.order_by("-code_sent_at").first())


def test_nothing_added_yet_says_so_and_offers_what_can_be_added(house, sms):
    house.people.start("bea")
    house.pump()
    shown = house.presses("bea", "Settings")
    assert "E-mail: none yet\nSMS: none yet" in shown["text"]
    assert "WhatsApp" not in shown["text"]
    assert "Add one" in shown["text"]
    assert [label for label in labels_of(shown) if "Add" in label] == [
        "✉️ Add an e-mail address",
        "📱 Add a phone number (SMS)",
    ]


def test_a_number_is_added_changed_and_removed(house, sms):
    house.people.start("bea")
    house.pump()
    house.presses("bea", "Settings")
    house.presses("bea", "Add a phone number")
    assert "That is no phone number" in house.says("bea", "0801 234 5678")["text"]
    assert "sent a code to +2348012345678" in house.says("bea", "+234 801 234 5678")["text"]
    assert "not the code" in house.says("bea", "000000")["text"]
    house.says("bea", newest_code())
    assert "+2348012345678 is confirmed" in house.last("bea")["text"]
    assert any("Change the phone number" in label for label in labels_of(house.last("bea")))
    asked = house.presses("bea", "Remove")
    assert "Remove +2348012345678?" in asked["text"]
    assert "SMS: +2348012345678" in house.presses("bea", "Not now")["text"]
    house.presses("bea", "Remove")
    house.presses("bea", "Yes, remove it")
    texts = [message["text"] for message in house.people.messages("bea") if message["from_bot"]]
    assert any("Your phone number is removed" in text and "SMS: none yet" in text for text in texts)
    assert "A way to reach you was removed" in texts[-1]
    assert Contact.objects.get().verified_at is None


def test_before_the_first_payment_a_single_channel_is_pointed_out_once(fresh):
    warned = fresh.presses("bea", "Pay")
    assert "One way to reach you is not enough" in warned["text"]
    assert "How would you like to pay" in fresh.presses("bea", "Not now, go on to pay")["text"]
    fresh.opens_trade("bea", fresh.trade)
    assert "How would you like to pay" in fresh.presses("bea", "Pay")["text"]
    assert Event.objects.filter(kind=Kind.SECOND_CHANNEL_SKIPPED, actor=cast.bea()).count() == 1


def test_who_adds_one_there_comes_back_to_the_trade_and_is_not_asked_again(fresh):
    fresh.presses("bea", "Pay")
    fresh.presses("bea", "Add an e-mail")
    fresh.says("bea", "bea@example.org")
    fresh.says("bea", newest_code())
    assert fresh.trade.public_id in fresh.presses("bea", "Back to the trade")["text"]
    assert "How would you like to pay" in fresh.presses("bea", "Pay")["text"]


def test_who_has_two_channels_is_not_asked(fresh):
    prove_email(cast.bea())
    assert "How would you like to pay" in fresh.presses("bea", "Pay")["text"]
