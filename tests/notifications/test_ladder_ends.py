"""The ladder's ends: no channel left untried, none tried for nothing, nobody silent by a switch (N2, N8, N9)."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.models import Event
from lockbay.people.models import Contact, User
from notifications import fallback, sending
from notifications.actions.resend_delivery import resend_delivery
from notifications.channels.base import Accepted, AddressDead, ChannelUnavailable, Rejected, Uncertain
from notifications.ladder import STUCK_AFTER
from notifications.models import Category, Delivery, Muted
from tests import cast
from tests.at_once import at_once
from tests.notifications.stories import PAID, has_email, is_due_now, lease_runs_out, lines_of, the_delivery, told

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _three_channels(settings: Any) -> None:
    settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN, settings.TWILIO_SENDER = "AC1", "token", "+15005550006"
    settings.STAFF_EMAILS = []


def reaches_bea_by_three() -> None:
    has_email(cast.bea())
    number = "+2348012345678"
    Contact.objects.create(user=cast.bea(), channel="sms", address=number, verified_at=clock.real_now())


@pytest.fixture
def event() -> Event:
    trade = cast.a_paid_trade()
    reaches_bea_by_three()
    return told(Kind.ESCROW_PAYMENT_CONFIRMED, trade, **PAID)


def answered(event: Event, channel: str, answer: Any) -> None:
    """The channel answers a try of the buyer's message."""
    is_due_now(the_delivery(event, "buyer", channel))
    claimed = [one for one in sending.claim(channel, 9) if one.delivery.audience == "buyer"]
    assert sending.settle(claimed[0], answer)


def channels_of(event: Event) -> list[str]:
    return list(Delivery.objects.filter(event=event, audience="buyer").order_by("pk").values_list("channel", flat=True))


def limits_pass() -> None:
    Delivery.objects.filter(fallback_at__isnull=False).update(fallback_at=clock.real_now())
    fallback.open_overdue_fallbacks()


def turn_off(user: User, category: Category, *channels: str) -> None:
    Muted.objects.bulk_create([Muted(user=user, category=category, channel=channel) for channel in channels])


def test_a_mail_that_fails_after_telegram_told_it_costs_no_sms(event: Event) -> None:
    limits_pass()
    held = [one for one in sending.claim("email", 9) if one.delivery.audience == "buyer"]
    answered(event, "telegram", Accepted("tg-1"))
    sending.settle(held[0], AddressDead("550"))
    assert channels_of(event) == ["telegram", "email"]


def test_a_mail_that_hangs_after_telegram_told_it_costs_no_sms(event: Event) -> None:
    limits_pass()
    sending.claim("email", 9)
    answered(event, "telegram", Accepted("tg-1"))
    limits_pass()
    assert channels_of(event) == ["telegram", "email"]


def test_every_channel_that_is_off_is_tried_before_money_is_silent() -> None:
    trade = cast.a_paid_trade()
    reaches_bea_by_three()
    turn_off(cast.bea(), Category.PAYMENT, "telegram", "sms")
    event = told(Kind.ESCROW_PAYMENT_CONFIRMED, trade, **PAID)
    answered(event, "email", Rejected("too large"))
    answered(event, "telegram", Rejected("not modified"))
    assert channels_of(event) == ["email", "telegram", "sms"]
    assert the_delivery(event, "buyer", "sms").state == "queued"


def test_a_security_message_goes_once_to_each_channel_also_to_one_that_is_off() -> None:
    trade = cast.an_agreement()
    has_email(cast.bea())
    turn_off(cast.bea(), Category.SECURITY, "telegram")
    facts = {"user_id": cast.bea().pk, "usable_at": "2026-11-23T10:00:00+00:00", "asset": "USDT", "network": "TRC20"}
    event = told(Kind.DESTINATION_ADDED, trade, actor=cast.bea(), **facts, to="…9f3c")
    assert sorted(channel for _audience, channel, _template in lines_of(event)) == ["email", "telegram"]


def test_nobody_can_turn_off_the_word_that_starts_his_own_clock() -> None:
    turn_off(cast.bea(), Category.TRADE, "telegram")
    event = told(Kind.ESCROW_DELIVERED, cast.a_delivered_trade(), actor=cast.sol())
    assert the_delivery(event, "buyer").state == "queued"


def test_a_lost_answer_at_the_fifth_try_does_not_hide_that_it_is_stuck(event: Event) -> None:
    Delivery.objects.filter(event=event).update(fallback_at=None)
    for _ in range(STUCK_AFTER - 1):
        answered(event, "telegram", ChannelUnavailable("502"))
    assert channels_of(event) == ["telegram"]
    answered(event, "telegram", Uncertain("ReadTimeout"))
    assert channels_of(event) == ["telegram", "email"]


def test_what_staff_send_again_after_days_survives_a_hiccup(event: Event) -> None:
    answered(event, "telegram", Rejected("too long"))
    long_ago = clock.real_now() - timedelta(days=3)
    row = the_delivery(event, "buyer")
    row.tries.update(started_at=long_ago, finished_at=long_ago)
    Delivery.objects.filter(pk=row.pk).update(created_at=long_ago)
    resend_delivery(actor=cast.olu(), delivery_id=row.pk, reason="they asked")
    answered(event, "telegram", ChannelUnavailable("502"))
    assert the_delivery(event, "buyer").state == "queued"
    later = clock.real_now() - timedelta(hours=25)
    row.tries.filter(number=2).update(started_at=later, finished_at=later)
    answered(event, "telegram", ChannelUnavailable("502"))
    assert the_delivery(event, "buyer").state == "failed"


def test_a_kill_at_the_fifth_try_does_not_hide_that_it_is_stuck(event: Event) -> None:
    Delivery.objects.filter(event=event).update(fallback_at=None)
    for _ in range(STUCK_AFTER - 1):
        answered(event, "telegram", ChannelUnavailable("502"))
    is_due_now(the_delivery(event, "buyer"))
    sending.claim("telegram", 9)
    lease_runs_out(the_delivery(event, "buyer"))
    assert channels_of(event) == ["telegram"]
    answered(event, "telegram", ChannelUnavailable("502"))
    assert channels_of(event) == ["telegram", "email"]


def test_many_without_a_next_channel_hold_up_nobody_behind_them(event: Event) -> None:
    due = clock.real_now()
    Delivery.objects.filter(event=event, audience="seller").update(fallback_at=due - timedelta(seconds=1))
    Delivery.objects.filter(event=event, audience="buyer").update(fallback_at=due)
    while fallback.open_overdue_fallbacks(limit=1):
        pass
    assert channels_of(event) == ["telegram", "email"]


def test_the_last_two_channels_that_fail_at_one_moment_do_not_rely_on_each_other(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.TWILIO_AUTH_TOKEN = ""
    trade = cast.a_paid_trade()
    has_email(cast.bea())
    event = told(Kind.ESCROW_PAYMENT_CONFIRMED, trade, **PAID)
    limits_pass()
    held = [one for channel in ("telegram", "email") for one in sending.claim(channel, 9)]
    held = [one for one in held if one.delivery.audience == "buyer"]
    both_have_failed, finish = threading.Barrier(2), sending._finish

    def finish_together(*given: Any) -> None:
        finish(*given)
        if connection.vendor == "postgresql":  # on SQLite one writes after the other anyway
            both_have_failed.wait(20)

    monkeypatch.setattr(sending, "_finish", finish_together)
    assert at_once(lambda one: sending.settle(one, Rejected("no")), held) == [True, True]
    assert Event.objects.filter(kind=Kind.DELIVERIES_EXHAUSTED).count() == 1
    assert {row.state for row in Delivery.objects.filter(event=event, audience="buyer")} == {"failed"}
