"""F19 to its end: every channel of many people refuses for good. Each message is said to be lost once, staff hear one
alert on each of their channels, and all of it can be sent again, and be lost again."""

import smtplib
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from django.conf import LazySettings
from structlog.testing import capture_logs

from lockbay import clock, http
from lockbay.events.kinds import Kind
from lockbay.events.models import Event
from lockbay.people.models import Channel, Contact, User
from notifications import jobs
from notifications.actions.close_incident import close_incident
from notifications.actions.resend_delivery import resend_delivery
from notifications.actions.resend_lost import resend_lost
from notifications.errors import ReasonMissing
from notifications.models import Delivery, DeliveryState, Incident
from tests.at_once import at_once
from tests.cast import olu
from tests.notifications.mail_wires import Scripted
from tests.telegrambot.crowd import crowd_of, happened_to

pytestmark = pytest.mark.django_db(transaction=True)

STAFF = "olu@lockbay.example"
SLACK = "https://hooks.slack.com/services/T/B/x"
LADDER = ["email", "sms", "whatsapp"]


class World:
    """Mail, Twilio, Meta, Slack and PagerDuty: either they refuse what is for people, or they take everything."""

    def __init__(self) -> None:
        self.refuses = True
        self.texts: list[str] = []  # what phones got
        self.alerts: list[str] = []  # the hosts of what staff got

    def handle(self, request: httpx.Request) -> httpx.Response:
        host = request.url.host
        if host == "hooks.slack.com":
            self.alerts.append(host)
            return httpx.Response(200, text="ok")
        if host == "events.pagerduty.com":
            self.alerts.append(host)
            return httpx.Response(202, json={"status": "success"})
        if self.refuses:
            code = 21617 if "twilio" in host else 131047
            return httpx.Response(400, json={"code": code, "error": {"code": code}})
        self.texts.append(host)
        return httpx.Response(200, json={"sid": f"SM{len(self.texts)}", "messages": [{"id": f"w{len(self.texts)}"}]})

    def mails_to(self, address: str) -> int:
        return sum(message.to[0] == address for message in Scripted.taken)


class RefusesPeople(Scripted):
    """Refuses every mail but those to staff, for good, while the world does."""

    world: World

    def send_messages(self, messages: Any) -> int:
        if self.world.refuses and messages[0].to[0] != STAFF:
            raise smtplib.SMTPDataError(554, b"not now, not ever")
        return super().send_messages(messages)


@pytest.fixture
def world(settings: LazySettings) -> Iterator[World]:
    """Everything is set up, and people are reached by nothing."""
    settings.EMAIL_BACKEND = f"{__name__}.RefusesPeople"
    settings.STAFF_EMAILS, settings.SLACK_WEBHOOK_URL, settings.PAGERDUTY_ROUTING_KEY = [STAFF], SLACK, "k" * 32
    settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN, settings.TWILIO_SENDER = "AC1", "token", "+15005550006"
    settings.WHATSAPP_PHONE_NUMBER_ID, settings.WHATSAPP_ACCESS_TOKEN = "1", "token"
    settings.WHATSAPP_TEMPLATE, settings.WHATSAPP_CODE_TEMPLATE = "update", "code"
    RefusesPeople.world = world = World()
    Scripted.script, Scripted.taken = [], []
    http.use_transport(httpx.MockTransport(world.handle))
    yield world
    http.use_transport(None)
    Scripted.script, Scripted.taken = [], []


def people(number: int) -> list[User]:
    """Without the bot; each with an address and a number on two channels."""
    users = crowd_of(number)
    User.objects.filter(pk__in=[user.pk for user in users]).update(telegram_id=None)
    for user in users:
        for channel in LADDER:
            address = f"{user.username}@example.org" if channel == "email" else f"+23480100{user.pk:05d}"
            proved = clock.real_now()
            Contact.objects.create(user=user, channel=Channel(channel), address=address, verified_at=proved)
    return users


def work() -> list[dict[str, Any]]:
    """The worker does all it can; the lines that say that a message is lost."""
    with capture_logs() as lines:
        for _ in range(4):
            jobs.fan_out()
    return [line for line in lines if line["event"] == "NOTIFICATION_DELIVERY_FAILED"]


def send_all_again() -> None:
    """Staff press the button of the first row of every message."""
    for row in Delivery.objects.filter(audience="user", channel=LADDER[0], state=DeliveryState.FAILED):
        resend_delivery(actor=olu(), delivery_id=row.pk, reason="the channels are mended")


def test_f19_every_message_is_lost_once_and_staff_hear_one_alert_on_each_channel(world: World) -> None:
    happened_to(people(4), Kind.DEPOSIT_CREDITED)
    lost = work()
    assert len(lost) == 4, "once for each message"
    rows = Delivery.objects.filter(audience="user")
    assert set(rows.values_list("channel", "state")) == {(channel, "failed") for channel in LADDER}
    assert not rows.exclude(sent_at=None).exists()
    happened_to(list(User.objects.filter(username__startswith="p")), Kind.DEPOSIT_CREDITED, times=2)
    assert len(work()) == 8
    assert Incident.objects.get().count == 12
    assert (world.mails_to(STAFF), sorted(world.alerts)) == (1, ["events.pagerduty.com", "hooks.slack.com"])

    world.refuses = False
    send_all_again()
    assert work() == []
    assert sum(world.mails_to(f"p{place}@example.org") for place in range(4)) == 12
    assert world.texts == [], "the mail was enough"


def test_f19_what_is_lost_again_after_it_was_sent_again_is_said_again_and_told_when_the_incident_is_over(
    world: World,
) -> None:
    happened_to(people(2), Kind.DEPOSIT_CREDITED)
    assert len(work()) == 2
    send_all_again()
    assert len(work()) == 2
    assert Incident.objects.get().count == 4
    close_incident(actor=olu(), incident_id=Incident.objects.get().pk, note="mended, we think")
    send_all_again()
    assert len(work()) == 2
    assert list(Incident.objects.order_by("pk").values_list("count", flat=True)) == [4, 2]
    assert world.mails_to(STAFF) == 2


def test_f19_one_press_sends_all_that_is_still_lost_once_by_a_channel_that_reaches_the_person(world: World) -> None:
    users = people(3)
    happened_to(users, Kind.DEPOSIT_CREDITED)
    assert len(work()) == 3
    world.refuses = False
    told = Delivery.objects.filter(audience="user", recipient=users[0], channel="sms").get()
    resend_delivery(actor=olu(), delivery_id=told.pk, reason="she asked")
    work()
    Contact.objects.filter(user=users[1], channel="email").update(dead_at=clock.real_now())
    incident_id = Incident.objects.get().pk
    assert resend_lost(actor=olu(), incident_id=incident_id, note="the channels are mended") == 2
    assert resend_lost(actor=olu(), incident_id=incident_id, note="pressed twice") == 0
    assert work() == []
    sent = Delivery.objects.filter(audience="user", state="sent").order_by("recipient")
    assert list(sent.values_list("recipient", "channel")) == [
        (users[0].pk, "sms"),
        (users[1].pk, "sms"),
        (users[2].pk, "email"),
    ]
    assert Event.objects.filter(kind=Kind.DELIVERY_RESENT, data__reason="the channels are mended").count() == 2


def test_f19_two_presses_at_once_send_each_message_once(world: World) -> None:
    happened_to(people(4), Kind.DEPOSIT_CREDITED)
    work()
    world.refuses = False
    incident_id, staff = Incident.objects.get().pk, olu()
    pressed = at_once(lambda _n: resend_lost(actor=staff, incident_id=incident_id, note="mended"), range(3))
    assert sorted(pressed) == [0, 0, 4]
    assert work() == []
    assert sum(world.mails_to(f"p{place}@example.org") for place in range(4)) == 4


def test_f19_sending_all_again_wants_a_reason(world: World) -> None:
    happened_to(people(1), Kind.DEPOSIT_CREDITED)
    work()
    with pytest.raises(ReasonMissing):
        resend_lost(actor=olu(), incident_id=Incident.objects.get().pk, note=" ")
    assert not Event.objects.filter(kind=Kind.DELIVERY_RESENT).exists()
