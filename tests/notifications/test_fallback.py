"""N2: the next channel when Telegram takes too long or its bot is dead (F1, F14)."""

from datetime import timedelta

import pytest
from django.conf import LazySettings

from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.models import Event
from lockbay.models import Heartbeat
from notifications import fallback, jobs, sending
from notifications.models import Delivery
from tests import cast
from tests.notifications.mail_wires import Scripted
from tests.notifications.stories import PAID, has_email, limit_passes, the_delivery, told

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def event(mail_server: type[Scripted], settings: LazySettings) -> Event:
    settings.STAFF_EMAILS = []
    trade = cast.a_paid_trade()
    has_email(cast.bea())
    return told(Kind.ESCROW_PAYMENT_CONFIRMED, trade, **PAID)


def bot_was_seen(ago: timedelta) -> None:
    Heartbeat.objects.update_or_create(name="bot", defaults={"beat_at": clock.real_now() - ago})


def test_waits_for_the_limit_while_the_bot_lives(event: Event, mail_server: type[Scripted]) -> None:
    bot_was_seen(timedelta(seconds=2))
    jobs.fan_out()
    assert mail_server.taken == []
    limit_passes(event)
    jobs.fan_out()
    assert [message.to for message in mail_server.taken] == [["bea@example.org"]]


def test_does_not_wait_for_a_bot_that_is_dead(event: Event, mail_server: type[Scripted]) -> None:
    bot_was_seen(timedelta(minutes=1))
    jobs.fan_out()
    assert len(mail_server.taken) == 1


def test_the_message_still_reaches_telegram_when_the_bot_is_back_and_only_once(
    event: Event, mail_server: type[Scripted]
) -> None:
    bot_was_seen(timedelta(minutes=1))
    jobs.fan_out()
    jobs.fan_out()
    claimed = [claimed for claimed in sending.claim("telegram", 10) if claimed.delivery.audience == "buyer"]
    assert len(claimed) == 1
    sending.mark_sent(claimed[0], "tg-1")
    jobs.fan_out()
    assert len(mail_server.taken) == 1
    assert the_delivery(event, "buyer").state == the_delivery(event, "buyer", "email").state == "sent"


def test_a_message_that_was_sent_in_time_opens_no_email(event: Event, mail_server: type[Scripted]) -> None:
    for claimed in sending.claim("telegram", 10):
        sending.mark_sent(claimed, "tg")
    bot_was_seen(timedelta(minutes=1))
    jobs.send_fallbacks()
    assert mail_server.taken == []


def test_waits_out_a_limit_that_ends_soon(event: Event, mail_server: type[Scripted]) -> None:
    soon = clock.real_now() + timedelta(seconds=1)
    Delivery.objects.filter(fallback_at__isnull=False).update(fallback_at=soon)
    jobs.send_fallbacks()
    assert len(mail_server.taken) == 1


def test_a_day_later_the_telegram_copy_is_skipped_when_email_told_it(event: Event, mail_server: type[Scripted]) -> None:
    limit_passes(event)
    jobs.fan_out()
    Delivery.objects.filter(channel="telegram").update(due_at=clock.real_now() - timedelta(hours=25))
    assert fallback.skip_stale() == 1
    assert the_delivery(event, "buyer").state == "skipped"
    assert the_delivery(event, "seller").state == "queued"  # nobody else told him


def test_an_old_reminder_is_not_given(mail_server: type[Scripted]) -> None:
    near = {"deadline": "acceptance", "deadline_at": clock.now().isoformat(), "lead_minutes": 30}
    event = told(Kind.ESCROW_DEADLINE_NEAR, cast.a_paid_trade(), **near)
    Delivery.objects.update(due_at=clock.real_now() - timedelta(hours=3))
    fallback.skip_stale()
    assert the_delivery(event, "seller").state == "skipped"
