"""F17 and F19: mail servers that fail in every way, and all channels down at once. Nothing is called sent that was not,
staff are told once an incident, and everything goes out when the channels are back."""

import smtplib
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import LazySettings
from structlog.testing import capture_logs

from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.models import Event
from lockbay.people.models import Contact, User
from notifications import jobs
from notifications.actions.resend_delivery import resend_delivery
from notifications.models import Delivery, DeliveryState, Incident
from telegrambot.sandbox.testing import SandboxClient
from tests.cast import olu
from tests.notifications.mail_wires import CutAfter, Scripted
from tests.notifications.stories import has_email
from tests.telegrambot.crowd import crowd_of, happened_to
from tests.telegrambot.house import House

pytestmark = pytest.mark.django_db(transaction=True)

STAFF = "olu@lockbay.example"


def smtp(code: int) -> Exception:
    """A server's answer about the recipient."""
    return smtplib.SMTPRecipientsRefused({"p0@example.org": (code, b"")})


@pytest.fixture
def mail(settings: LazySettings) -> Iterator[type[Scripted]]:
    """A mail server that can be told to misbehave."""
    settings.EMAIL_BACKEND = "tests.notifications.mail_wires.Scripted"
    settings.STAFF_EMAILS = []
    Scripted.script, Scripted.taken = [], []
    yield Scripted
    Scripted.script, Scripted.taken = [], []


def due_now() -> None:
    """As if the pause before the next try were over."""
    Delivery.objects.filter(state=DeliveryState.QUEUED).update(due_at=clock.real_now())


def a_reader_of_mail() -> User:
    """Somebody whom only e-mail reaches, and who is about to hear of money."""
    (user,) = crowd_of(1)
    User.objects.filter(pk=user.pk).update(telegram_id=None)
    has_email(user)
    happened_to([user], Kind.DEPOSIT_CREDITED)
    return user


@pytest.mark.parametrize(
    ("script", "state", "is_uncertain", "copies", "is_dead"),
    [
        ([smtp(450)], "queued", False, 0, False),
        ([smtp(450), smtp(450)], "queued", False, 0, False),
        ([smtp(550)], "failed", False, 0, True),
        ([smtplib.SMTPSenderRefused(550, b"", "us")], "failed", False, 0, False),
        ([CutAfter()], "queued", True, 1, False),
        ([CutAfter(), CutAfter()], "failed", True, 2, False),
        ([TimeoutError("it hangs")], "queued", True, 0, False),
        ([ConnectionResetError()], "queued", True, 0, False),
    ],
    ids=["450", "450 twice", "550", "550 for us", "cut after 250", "cut twice", "hangs", "reset"],
)
def test_f17_mail_that_fails_waits_or_ends_and_is_never_called_sent(
    mail: type[Scripted], script: list[Any], state: str, is_uncertain: bool, copies: int, is_dead: bool
) -> None:
    tries = len(script)
    mail.script = list(script)
    user = a_reader_of_mail()
    for _ in range(tries):
        jobs.fan_out()
        before = clock.real_now()
        row = Delivery.objects.get(audience="user")
        assert row.state == "failed" or row.due_at > before, "the next try has a pause before it"
        due_now()
    row = Delivery.objects.get(audience="user")
    assert (row.state, row.is_uncertain, row.sent_at, row.attempts) == (state, is_uncertain, None, tries)
    assert len(mail.taken) == copies
    assert (Contact.objects.get(user=user).dead_at is not None) == is_dead
    if state == "failed":
        assert Event.objects.filter(kind=Kind.DELIVERIES_EXHAUSTED).count() == 1
    else:
        jobs.fan_out()
        assert Delivery.objects.get(audience="user").state == "sent", "when the server is well again it goes out"


def test_f19_all_channels_down_one_alert_and_all_is_told_when_they_are_back(
    house: House, phones: SandboxClient, mail: type[Scripted], settings: LazySettings
) -> None:
    settings.STAFF_EMAILS = [STAFF]
    people = crowd_of(3, phones)
    for user in people:
        has_email(user)
    happened_to(people, Kind.DEPOSIT_CREDITED)
    phones.faults(down=600)
    mail.script = [smtp(450)] * 100
    with capture_logs() as lines:
        for _ in range(11):
            send(house)
            jobs.fan_out()
            due_now()
    failed = [line["delivery_id"] for line in lines if line["event"] == "NOTIFICATION_DELIVERY_FAILED"]
    assert len(failed) == len(set(failed)) == 3, "once for each delivery that nobody could make"
    assert not [line for line in lines if line["event"] == "delivery_sent"]
    assert not Delivery.objects.exclude(sent_at=None).exists()
    incident = Incident.objects.get()
    assert (incident.kind, incident.count) == (Kind.DELIVERIES_EXHAUSTED, 3)
    assert incident.deliveries.count() == 1, "one alert an incident"

    phones.faults(down=0)
    mail.script = []
    due_now()
    jobs.fan_out()
    send(house)
    assert sorted(message.to[0] for message in mail.taken) == [STAFF, *(f"p{place}@example.org" for place in range(3))]
    for place in range(3):
        assert sum(message["from_bot"] for message in phones.messages(f"p{place}")) == 1


def test_f19_what_failed_for_good_can_be_sent_again(mail: type[Scripted]) -> None:
    mail.script = [smtplib.SMTPSenderRefused(550, b"", "us")]
    a_reader_of_mail()
    jobs.fan_out()
    row = Delivery.objects.get(audience="user")
    assert row.state == "failed"
    resend_delivery(actor=olu(), delivery_id=row.pk, reason="the mail server was mended")
    jobs.fan_out()
    row.refresh_from_db()
    assert (row.state, len(mail.taken)) == ("sent", 1)


def send(house: House) -> None:
    """The bot does all it can now."""

    async def run() -> None:
        while await house.sender.send_next():
            pass
        await house.sender.wait_for_answers()

    house.run(run())
