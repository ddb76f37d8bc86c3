"""The page of a message tells its whole story in one reading order, over all channels of the person."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from escrows.models import Escrow
from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.models import Event
from lockbay.people.models import User
from notifications import fallback, sending
from notifications.actions.acknowledge_incident import acknowledge_incident
from notifications.actions.resend_delivery import resend_delivery
from notifications.channels.base import Accepted, AddressDead, ChannelUnavailable, Uncertain
from notifications.desk.timeline import Line, tell_story
from notifications.escalation import escalate_due
from notifications.fanout import fan_out
from notifications.models import Attempt, Delivery, Incident, What
from notifications.tracking import Report, apply_tracking, note_opened
from tests import cast
from tests.notifications.stories import PAID, has_email, is_due_now, limit_passes, the_delivery, told

pytestmark = pytest.mark.django_db


@pytest.fixture
def trade() -> Escrow:
    return cast.a_paid_trade()


def confirmed(trade: Escrow) -> Event:
    return told(Kind.ESCROW_PAYMENT_CONFIRMED, trade, **PAID)


def answered(event: Event, channel: str, answer: object, *, audience: str = "seller") -> Delivery:
    """Tries the audience's message now and settles it so; what else was due stays under way."""
    is_due_now(the_delivery(event, audience, channel))
    [claimed] = [one for one in sending.claim(channel, 10) if one.delivery.audience == audience]
    sending.settle(claimed, answer, address="sol@example.org")  # type: ignore[arg-type]
    return the_delivery(event, audience, channel)


def story(delivery: Delivery) -> list[tuple[str, str]]:
    return [(line.what, line.channel) for line in tell_story(delivery)]


def lines(delivery: Delivery, what: str) -> list[Line]:
    return [line for line in tell_story(delivery) if line.what == what]


def test_a_message_that_waits_says_what_is_still_to_come(trade: Escrow) -> None:
    has_email(cast.sol())
    delivery = the_delivery(confirmed(trade), "seller")
    assert story(delivery) == [
        ("happened", ""), ("made", "telegram"), ("ahead_try", "telegram"), ("ahead_next", "telegram"),
    ]  # fmt: skip


def test_a_person_who_blocked_the_bot_is_told_by_mail_and_both_pages_tell_the_same_story(trade: Escrow) -> None:
    has_email(cast.sol())
    event = confirmed(trade)
    refused = answered(event, "telegram", AddressDead("Forbidden: bot was blocked by the user"))
    mail = answered(event, "email", Accepted("m-7"))
    apply_tracking(Report("email", "m-7", What.DELIVERED, clock.real_now(), "1", address="sol@example.org"))
    apply_tracking(Report("email", "m-7", What.OPENED, clock.real_now(), "2", address="sol@example.org"))
    expected = [
        ("happened", ""), ("made", "telegram"), ("try", "telegram"), ("opened_next", "email"), ("try", "email"),
        ("report", "email"), ("report", "email"),
    ]  # fmt: skip
    assert story(refused) == story(mail) == expected
    assert [line.why for line in lines(mail, "opened_next")] == ["failed"]
    assert [line.is_bad for line in lines(mail, "try")] == [True, False]
    assert [line.row.what for line in lines(mail, "report")] == ["delivered", "opened"]


def test_a_channel_that_took_too_long_is_told_from_one_that_failed(trade: Escrow) -> None:
    has_email(cast.sol())
    event = confirmed(trade)
    slow = answered(event, "telegram", ChannelUnavailable("502 Bad Gateway"))
    limit_passes(event)
    fallback.open_overdue_fallbacks()
    assert [line.why for line in lines(slow, "opened_next")] == ["late"]
    assert lines(slow, "try")[0].is_bad is False
    assert ("ahead_try", "telegram") in story(slow)


def test_a_bounce_opens_the_next_channel_and_says_so(trade: Escrow, settings: object) -> None:
    has_email(cast.sol())
    event = confirmed(trade)
    User.objects.filter(pk=cast.sol().pk).update(telegram_id=None)
    answered(event, "telegram", AddressDead("chat not found"))
    mail = answered(event, "email", Accepted("m-8"))
    apply_tracking(Report("email", "m-8", What.BOUNCED, clock.real_now(), "3", detail="mailbox full"))
    assert story(mail)[-2:] == [("report", "email"), ("exhausted", "email")]
    assert lines(mail, "exhausted")[0].is_bad


def test_sending_again_stands_between_the_tries_with_its_reason_though_the_domains_clock_ran_ahead(
    trade: Escrow,
) -> None:
    event = confirmed(trade)
    failed = answered(event, "telegram", AddressDead("bot was blocked"))
    clock.advance(86_400)
    resend_delivery(actor=cast.olu(), delivery_id=failed.pk, reason="Sol has unblocked it")
    answered(event, "telegram", Uncertain("ReadTimeout"))
    assert [line.what for line in tell_story(failed)] == [
        "happened", "made", "try", "exhausted", "resent", "try", "ahead_try",
    ]  # fmt: skip
    again = lines(failed, "resent")[0]
    assert (again.row.actor, again.row.data["reason"]) == (cast.olu(), "Sol has unblocked it")
    assert lines(failed, "try")[1].is_bad


def test_who_was_alerted_and_who_took_it_on_stands_on_both_pages(trade: Escrow, client: Client) -> None:
    lost = answered(confirmed(trade), "telegram", AddressDead("bot was blocked"))
    while fan_out():
        pass
    alert = Delivery.objects.get(event__kind=Kind.DELIVERIES_EXHAUSTED, channel="email")
    incident = alert.incident
    assert incident is not None
    assert [line.row for line in lines(lost, "alerted")] == [incident]
    now = clock.real_now()
    Incident.objects.filter(pk=incident.pk).update(next_escalation_at=now - timedelta(seconds=1))
    escalate_due()
    acknowledge_incident(actor=cast.olu(), incident_id=incident.pk, note="on it")
    assert [what for what, _channel in story(alert)] == ["happened", "made", "escalated", "taken_on", "ahead_try"]
    assert story(lost)[-2:] == [("exhausted", "telegram"), ("alerted", "")]
    assert lines(lost, "alerted")[0].row.acknowledged_by == cast.olu()
    client.force_login(cast.olu())
    link = reverse("admin:notifications_incident_change", args=[incident.pk])
    for delivery, words in ((lost, "taken on by Olu"), (alert, "on it")):
        body = page_of(client, delivery)
        assert link in body
        assert words in body


def test_a_report_whose_clock_is_behind_ours_comes_after_the_try_it_is_about(trade: Escrow) -> None:
    event = confirmed(trade)
    sent = answered(event, "telegram", Accepted("55"))
    apply_tracking(Report("telegram", "55", What.DELIVERED, clock.real_now() - timedelta(hours=2), "4"))
    assert story(sent)[-2:] == [("try", "telegram"), ("report", "telegram")]


def test_a_pressed_button_and_a_forgotten_report_leave_their_line(trade: Escrow, client: Client) -> None:
    event = confirmed(trade)
    sent = answered(event, "telegram", Accepted("56"))
    assert note_opened(chat_id=cast.sol().telegram_id or 0, message_id=56)
    assert story(sent)[-2:] == [("try", "telegram"), ("seen", "telegram")]
    client.force_login(cast.olu())
    assert "a button of the message was pressed" in page_of(client, sent)


def test_staff_see_their_own_address_alone(trade: Escrow, settings: object) -> None:
    settings.STAFF_EMAILS = ["olu@lockbay.example", "ada@lockbay.example"]  # type: ignore[attr-defined]
    event = confirmed(trade)
    mail = the_delivery(event, "staff:ada@lockbay.example", "email")
    assert story(mail) == [("happened", ""), ("made", "email"), ("ahead_try", "email")]


def test_the_page_shows_it_in_words_and_links_to_the_preview(trade: Escrow, client: Client) -> None:
    has_email(cast.sol())
    event = confirmed(trade)
    answered(event, "telegram", AddressDead("Forbidden: bot was blocked by the user"))
    mail = answered(event, "email", Accepted("m-9"))
    client.force_login(cast.olu())
    body = page_of(client, mail)
    for words in (
        "escrow.payment_confirmed", f"E{event.pk}", "message made for seller", "Forbidden: bot was blocked", "m-9",
        "next channel opened:", "the one before failed", "failed for good", "this message", "that message",
        f"{reverse('previews')}?kind=escrow.payment_confirmed&amp;template=trade_offered",
    ):  # fmt: skip
        assert words in body, words
    assert "Send again" not in body
    assert "Send again" in page_of(client, the_delivery(event, "seller"))
    assert client.get(reverse("previews"), {"kind": event.kind, "template": "trade_offered"}).status_code == 200
    assert client.get(reverse("admin:notifications_delivery_change", args=[10**9])).status_code == 302


def test_a_story_of_many_tries_costs_as_many_queries_as_one_of_few(trade: Escrow, client: Client) -> None:
    event = confirmed(trade)
    sent = answered(event, "telegram", Accepted("1"))
    client.force_login(cast.olu())
    page_of(client, sent)  # what a process asks only once is asked now
    few = cost_of(client, sent)
    now = clock.real_now()
    Attempt.objects.bulk_create(
        Attempt(delivery=sent, number=number, started_at=now, outcome="retry", error="502") for number in range(2, 40)
    )
    assert cost_of(client, sent) == few


def page_of(client: Client, delivery: Delivery) -> str:
    return client.get(reverse("admin:notifications_delivery_change", args=[delivery.pk])).content.decode()


def cost_of(client: Client, delivery: Delivery) -> int:
    with CaptureQueriesContext(connection) as seen:
        page_of(client, delivery)
    return len(seen)
