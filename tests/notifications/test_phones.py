"""Phone numbers as channels: proved by a code, limited, removed; the ladder down to them; staff's own channels (N2)."""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from lockbay import clock, http
from lockbay.events.kinds import Kind
from lockbay.events.models import Event
from lockbay.people.models import Channel, Contact, User
from notifications import jobs, outbound
from notifications.actions.confirm_contact import confirm_contact
from notifications.actions.remove_contact import remove_contact
from notifications.actions.request_code import request_code
from notifications.addresses import read_phone
from notifications.codes import code_of
from notifications.errors import AddressMalformed, AddressTaken, ChannelNotOffered, TooManyCodes
from notifications.missed import queue_missed
from notifications.models import Delivery, DeliveryState
from tests import cast
from tests.notifications.mail_wires import Refusal, Scripted
from tests.notifications.stories import PAID, happened, has_email, limit_passes, lines_of, the_delivery, told

pytestmark = pytest.mark.django_db(transaction=True)

NUMBER = "+2348012345678"


class Phones:
    """Twilio, Meta, Slack and PagerDuty in one: keeps what came, answers as told."""

    def __init__(self) -> None:
        self.sms: list[dict[str, str]] = []
        self.others: list[str] = []
        self.sms_answer = httpx.Response(201, json={"sid": "SM1", "status": "queued"})
        self.before_the_answer: Callable[[], None] = lambda: None

    def handle(self, request: httpx.Request) -> httpx.Response:
        if "twilio" in request.url.host:
            self.before_the_answer()
            self.sms.append({name: values[0] for name, values in parse_qs(request.content.decode()).items()})
            return self.sms_answer
        self.others.append(request.url.host)
        answers = {
            "graph.facebook.com": httpx.Response(200, json={"messages": [{"id": "wamid.1"}]}),
            "hooks.slack.com": httpx.Response(200, text="ok"),
            "events.pagerduty.com": httpx.Response(202, json={"status": "success", "dedup_key": "k"}),
        }
        return answers[request.url.host]


@pytest.fixture
def phones(settings: Any) -> Iterator[Phones]:
    settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN, settings.TWILIO_SENDER = "AC1", "token", "+15005550006"
    phones = Phones()
    http.use_transport(httpx.MockTransport(phones.handle))
    yield phones
    http.use_transport(None)


@pytest.fixture
def whatsapp(settings: Any) -> None:
    settings.WHATSAPP_PHONE_NUMBER_ID, settings.WHATSAPP_ACCESS_TOKEN = "1", "token"
    settings.WHATSAPP_TEMPLATE, settings.WHATSAPP_CODE_TEMPLATE = "update", "code"


def has_phone(user: User, channel: str = "sms", number: str = NUMBER) -> Contact:
    return Contact.objects.create(user=user, channel=channel, address=number, verified_at=clock.real_now())


def another_code_may_be_asked() -> None:
    Contact.objects.update(code_sent_at=clock.real_now() - timedelta(minutes=2))


@pytest.mark.parametrize(
    "typed",
    [
        NUMBER,
        " +234 801 234 5678 ",
        "00234-801-234-5678",
        "+234 (801) 234.5678",
        "+٢٣٤٨٠١٢٣٤٥٦٧٨",
        "+234 (0) 801 234 5678",
    ],
)
def test_a_number_has_one_spelling(typed: str) -> None:
    assert read_phone(typed) == NUMBER


@pytest.mark.parametrize(
    "typed", ["", "08012345678", "+0801234567", "+123", "+1234567890123456", "+234 80x", "+1\n2", "bea@example.org"]
)
def test_what_is_no_number_with_a_country_code_is_refused(typed: str) -> None:
    with pytest.raises(AddressMalformed) as refusal:
        read_phone(typed)
    assert refusal.value.reason == "phone"


def test_the_code_from_the_sms_proves_the_number(phones: Phones) -> None:
    request_code(actor=cast.bea(), channel="sms", address="+234 801 234 5678")
    jobs.fan_out()
    assert [sent["To"] for sent in phones.sms] == [NUMBER]
    code = code_of(Contact.objects.get())
    assert code in phones.sms[0]["Body"]
    assert confirm_contact(actor=cast.bea(), code=code).channel == Channel.SMS


def test_a_whatsapp_code_goes_by_whatsapp(phones: Phones, whatsapp: None) -> None:
    request_code(actor=cast.bea(), channel="whatsapp", address=NUMBER)
    jobs.fan_out()
    assert (phones.others, phones.sms) == (["graph.facebook.com"], [])


def test_one_number_has_one_verified_owner(phones: Phones) -> None:
    has_phone(cast.bea())
    asked = request_code(actor=cast.sol(), channel="sms", address=NUMBER)
    with pytest.raises(AddressTaken):
        confirm_contact(actor=cast.sol(), code=code_of(asked))


def test_a_channel_without_keys_is_not_offered() -> None:
    with pytest.raises(ChannelNotOffered):
        request_code(actor=cast.bea(), channel="sms", address=NUMBER)


def test_codes_are_few_a_day_for_a_person_and_for_a_number(phones: Phones, settings: Any) -> None:
    settings.PHONE_CODES_A_DAY = 2
    for number in ("+2348012345671", "+2348012345672"):
        request_code(actor=cast.bea(), channel="sms", address=number)
        another_code_may_be_asked()
    with pytest.raises(TooManyCodes):
        request_code(actor=cast.bea(), channel="sms", address="+2348012345673")
    request_code(actor=cast.sol(), channel="sms", address="+2348012345671")
    another_code_may_be_asked()
    with pytest.raises(TooManyCodes):  # two to this number, though the second came from somebody else
        request_code(actor=cast.sol(), channel="sms", address="+2348012345671")


def test_a_removed_number_hears_of_it_and_gets_nothing_more_and_the_other_channels_say_so(phones: Phones) -> None:
    has_phone(cast.bea())
    assert remove_contact(actor=cast.bea(), channel="sms") == 1
    assert remove_contact(actor=cast.bea(), channel="sms") == 0
    jobs.fan_out()
    said = Delivery.objects.filter(template="contact_removed").values_list("audience", "channel")
    assert sorted(channel for _audience, channel in said) == ["sms", "telegram"]
    assert [sent["To"] for sent in phones.sms] == [NUMBER]
    request_code(actor=cast.sol(), channel="sms", address=NUMBER)  # given up: somebody else may prove it


def test_steps_down_from_channel_to_channel_each_after_its_own_limit(
    phones: Phones, whatsapp: None, mail_server: type[Scripted], settings: Any
) -> None:
    settings.STAFF_EMAILS = []
    trade = cast.a_paid_trade()
    has_email(cast.bea())
    has_phone(cast.bea())
    has_phone(cast.bea(), "whatsapp")
    event = told(Kind.ESCROW_PAYMENT_CONFIRMED, trade, **PAID)
    mail_server.script = [Refusal()] * 9
    phones.sms_answer = httpx.Response(503)
    for before, now in (("telegram", "email"), ("email", "sms"), ("sms", "whatsapp")):
        assert the_delivery(event, "buyer", before).fallback_at is not None
        limit_passes(event)
        jobs.fan_out()
        assert the_delivery(event, "buyer", now).attempts == 1
    assert the_delivery(event, "buyer", "whatsapp").state == DeliveryState.SENT
    assert the_delivery(event, "buyer", "whatsapp").provider_id == "wamid.1"
    assert the_delivery(event, "buyer", "whatsapp").fallback_at is None
    assert {row.state for row in Delivery.objects.filter(event=event, audience="buyer")} == {"queued", "sent"}


def test_a_number_that_is_dead_is_remembered_and_the_next_channel_is_tried_at_once(
    phones: Phones, whatsapp: None
) -> None:
    trade = cast.a_paid_trade()
    has_phone(cast.bea())
    has_phone(cast.bea(), "whatsapp")
    User.objects.filter(pk=cast.bea().pk).update(blocked_bot_at=clock.real_now())
    event = told(Kind.ESCROW_PAYMENT_CONFIRMED, trade, **PAID)
    phones.sms_answer = httpx.Response(400, json={"code": 21610})
    jobs.fan_out()
    jobs.fan_out()
    assert the_delivery(event, "buyer", "sms").state == "failed"
    assert the_delivery(event, "buyer", "whatsapp").state == "sent"
    assert Contact.objects.get(channel="sms").dead_reason == "twilio 400 21610"


def test_a_channel_whose_keys_were_taken_away_is_passed_over(phones: Phones, settings: Any) -> None:
    trade = cast.a_paid_trade()
    has_phone(cast.bea())
    settings.TWILIO_AUTH_TOKEN = ""
    event = told(Kind.ESCROW_PAYMENT_CONFIRMED, trade, **PAID)
    assert the_delivery(event, "buyer").fallback_at is None


def test_a_slow_channel_holds_up_no_other(phones: Phones, mail_server: type[Scripted]) -> None:
    trade = cast.a_paid_trade()
    has_phone(cast.sol())
    User.objects.filter(pk=cast.sol().pk).update(blocked_bot_at=clock.real_now())
    event = told(Kind.ESCROW_PAYMENT_CONFIRMED, trade, **PAID)
    seen: list[int] = []

    def hang_until_the_mail_is_out() -> None:
        ends = time.monotonic() + 20
        while not mail_server.taken and time.monotonic() < ends:
            time.sleep(0.01)
        seen.append(len(mail_server.taken))

    phones.before_the_answer = hang_until_the_mail_is_out
    outbound.send_due()
    assert seen == [1]
    assert the_delivery(event, "seller", "sms").state == "sent"


def test_staff_hear_in_slack_of_everything_and_by_pagerduty_of_trouble_about_money(
    phones: Phones, mail_server: type[Scripted], settings: Any
) -> None:
    settings.SLACK_WEBHOOK_URL = "https://hooks.slack.com/services/T/B/x"
    settings.PAGERDUTY_ROUTING_KEY = "k" * 32
    trade = cast.a_paid_trade()
    paid = told(Kind.ESCROW_PAYMENT_CONFIRMED, trade, **PAID)
    staff = {(audience, channel) for audience, channel, _template in lines_of(paid) if audience.startswith("staff:")}
    assert staff == {("staff:olu@lockbay.example", "email"), ("staff:slack", "slack")}, "good news wakes nobody"
    event = told(Kind.ESCROW_FROZEN, trade, missing="21.00 USD")
    staff = {(audience, channel) for audience, channel, _template in lines_of(event) if audience.startswith("staff:")}
    assert staff == {
        ("staff:olu@lockbay.example", "email"),
        ("staff:slack", "slack"),
        ("staff:pagerduty", "pagerduty"),
    }
    jobs.fan_out()
    assert sorted(phones.others) == ["events.pagerduty.com", "hooks.slack.com"]
    assert {row.state for row in Delivery.objects.filter(event=event, audience__startswith="staff:")} == {"sent"}
    parked = happened(Kind.INBOX_PARKED, cast.an_agreement())
    jobs.fan_out()
    assert {channel for _audience, channel, _template in lines_of(parked)} == {"email", "slack"}


def test_what_was_only_tried_by_other_channels_is_shown_first_at_the_next_contact(phones: Phones) -> None:
    trade = cast.a_paid_trade()
    has_phone(cast.bea())
    User.objects.filter(pk=cast.bea().pk).update(blocked_bot_at=clock.real_now())
    event = told(Kind.ESCROW_PAYMENT_CONFIRMED, trade, **PAID)
    phones.sms_answer = httpx.Response(400, json={"code": 21610})
    jobs.fan_out()
    assert Event.objects.filter(kind=Kind.DELIVERIES_EXHAUSTED).count() == 1
    assert queue_missed(cast.bea()) == 1
    assert the_delivery(event, "buyer").state == "queued"
    assert queue_missed(cast.bea()) == 0
