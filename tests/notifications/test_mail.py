"""E-mail: what bad servers do to it (F17), and that nobody is told "sent" before a server said so."""

import smtplib
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import transaction

from lockbay.events.kinds import Kind
from lockbay.events.models import Event
from lockbay.http import NetworkInsideTransaction
from notifications import jobs, outbound
from notifications.channels import channel_of, email
from notifications.channels.base import AddressDead, ChannelUnavailable, Rejected, Uncertain
from notifications.models import Delivery
from notifications.rendering import Rendered
from tests import cast
from tests.notifications.mail_wires import CutAfter, Refusal, Scripted
from tests.notifications.stories import PAID, has_email, is_due_now, limit_passes, the_delivery, told

pytestmark = pytest.mark.django_db(transaction=True)

BEA = "bea@example.org"


@pytest.fixture
def event(mail_server: type[Scripted], settings: LazySettings) -> Event:
    """A confirmed payment whose Telegram limit has passed; Bea's e-mail is open. Staff mail is off here."""
    settings.STAFF_EMAILS = []
    trade = cast.a_paid_trade()
    has_email(cast.bea(), BEA)
    event = told(Kind.ESCROW_PAYMENT_CONFIRMED, trade, **PAID)
    limit_passes(event)
    from notifications.fallback import open_overdue_fallbacks

    assert open_overdue_fallbacks() == 1
    return event


def bea_mail(event: Event) -> Delivery:
    return the_delivery(event, "buyer", "email")


def test_reaches_the_person_with_a_subject_and_both_forms(event: Event, mail_server: type[Scripted]) -> None:
    assert outbound.send_due() == 1
    message: Any = mail_server.taken[0]
    assert message.to == [BEA]
    assert message.subject == f"Payment confirmed: 21.00 USD is held safe · {event.data['public_id']}"
    assert "21.00 USDT" in message.body
    assert message.alternatives[0][1] == "text/html"
    row = bea_mail(event)
    assert (row.state, row.provider_id) == ("sent", f"<delivery-{row.pk}@lockbay.example>")


@pytest.mark.parametrize(
    "trouble",
    [
        Refusal(),
        smtplib.SMTPRecipientsRefused({BEA: (450, b"busy")}),
        smtplib.SMTPRecipientsRefused({BEA: (451, b"try later")}),
        smtplib.SMTPDataError(452, b"no room"),
    ],
)
def test_tries_again_later_when_the_server_cannot_take_it_now(
    event: Event, mail_server: type[Scripted], trouble: Any
) -> None:
    mail_server.script = [trouble]
    outbound.send_due()
    row = bea_mail(event)
    assert (row.state, row.is_uncertain, mail_server.taken) == ("queued", False, [])
    is_due_now(row)
    outbound.send_due()
    assert bea_mail(event).state == "sent"
    assert len(mail_server.taken) == 1


@pytest.mark.parametrize("code", [550, 551, 553])
def test_a_mailbox_that_is_gone_marks_the_address_dead(event: Event, mail_server: type[Scripted], code: int) -> None:
    mail_server.script = [smtplib.SMTPRecipientsRefused({BEA: (code, b"no such user")})]
    outbound.send_due()
    assert bea_mail(event).state == "failed"
    contact = cast.bea().contacts.get()
    assert contact.dead_at is not None
    assert str(code) in contact.dead_reason


def test_a_refused_content_does_not_blame_the_address(event: Event, mail_server: type[Scripted]) -> None:
    mail_server.script = [smtplib.SMTPDataError(554, b"looks like spam")]
    outbound.send_due()
    assert bea_mail(event).state == "failed"
    assert cast.bea().contacts.get().dead_at is None


def test_an_answer_cut_after_the_message_was_taken_makes_one_more_copy_at_most(
    event: Event, mail_server: type[Scripted]
) -> None:
    mail_server.script = [CutAfter(), CutAfter(), CutAfter()]
    for _ in range(4):
        outbound.send_due()
        is_due_now(bea_mail(event))
    assert len(mail_server.taken) == 2
    assert len({message.extra_headers["Message-ID"] for message in mail_server.taken}) == 1
    row = bea_mail(event)
    assert (row.state, row.is_uncertain, row.sent_at) == ("failed", True, None)


def test_a_server_that_hangs_is_uncertain(event: Event, mail_server: type[Scripted]) -> None:
    mail_server.script = [TimeoutError("timed out")]
    outbound.send_due()
    row = bea_mail(event)
    assert (row.state, row.is_uncertain) == ("queued", True)


def test_staff_are_told_when_mail_is_stuck_and_the_tries_go_on(event: Event, mail_server: type[Scripted]) -> None:
    Delivery.objects.filter(event=event, channel="telegram").update(state="failed")
    mail_server.script = [Refusal()] * 7
    for _ in range(7):
        is_due_now(bea_mail(event))
        outbound.send_due(limit=1)
    assert bea_mail(event).state == "queued"
    assert Event.objects.filter(kind=Kind.DELIVERIES_EXHAUSTED).count() == 1


def test_a_backend_with_a_bug_is_recorded_and_does_not_stop_the_others(
    event: Event, mail_server: type[Scripted]
) -> None:
    mail_server.script = [ZeroDivisionError("bug")]
    outbound.send_due()
    row = bea_mail(event)
    assert (row.state, row.error) == ("queued", "ZeroDivisionError while sending")


def test_mail_goes_nowhere_when_the_address_died_meanwhile(event: Event, mail_server: type[Scripted]) -> None:
    cast.bea().contacts.update(dead_at="2026-01-01T00:00:00Z")
    outbound.send_due()
    assert (bea_mail(event).state, mail_server.taken) == ("failed", [])


def test_refuses_to_use_the_network_inside_a_transaction() -> None:
    with transaction.atomic(), pytest.raises(NetworkInsideTransaction):
        channel_of("email").send(Rendered("s", "h", "t", None, None, "x"), BEA, message_key="k")


def test_the_woken_job_sends_staff_mail_at_once(mail_server: type[Scripted]) -> None:
    from tests.notifications.stories import forget_the_past, happened

    trade = cast.a_paid_trade()
    forget_the_past()
    happened(Kind.ESCROW_PAYMENT_CONFIRMED, trade, **PAID)
    jobs.fan_out()
    assert [message.to for message in mail_server.taken] == [["olu@lockbay.example"]]
    assert trade.public_id in mail_server.taken[0].subject


def test_two_workers_send_each_mail_once(mail_server: type[Scripted]) -> None:
    from tests.at_once import at_once

    trade = cast.a_paid_trade()
    told(Kind.ESCROW_PAYMENT_CONFIRMED, trade, **PAID)
    at_once(lambda _n: outbound.send_due(), range(4))
    assert len(mail_server.taken) == 1


class _Response:
    def __init__(self, code: int) -> None:
        self.status_code, self.reason, self.headers, self.text = code, "no", {"Retry-After": "7"}, "{}"

    def json(self) -> dict[str, str]:
        return {}


@pytest.mark.parametrize(
    ("code", "answer"),
    [
        (500, ChannelUnavailable),
        (429, ChannelUnavailable),
        (401, ChannelUnavailable),
        (400, Rejected),
        (201, Uncertain),
    ],
)
def test_reads_the_answers_of_mail_apis(code: int, answer: type) -> None:
    from anymail.exceptions import AnymailRequestsAPIError

    read = email.read_mail_error(AnymailRequestsAPIError("no", response=_Response(code)))
    assert type(read) is answer
    if isinstance(read, ChannelUnavailable):
        assert read.retry_after == 7.0


def test_tells_a_mail_api_that_was_never_reached_from_one_that_hung_up() -> None:
    from anymail.exceptions import AnymailRecipientsRefused, AnymailRequestsAPIError

    def failed(cause: Exception) -> AnymailRequestsAPIError:
        error = AnymailRequestsAPIError("no")
        error.__cause__ = cause
        return error

    never = failed(OSError(type("NewConnectionError", (OSError,), {})("refused")))
    assert isinstance(email.read_mail_error(never), ChannelUnavailable)
    assert isinstance(email.read_mail_error(failed(OSError("reset"))), Uncertain)
    assert isinstance(email.read_mail_error(AnymailRecipientsRefused()), AddressDead)
