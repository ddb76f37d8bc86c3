"""N3: leases, fencing, honest states, and what happens when processes die (F1, F2, F15, F36)."""

from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.models import Event
from lockbay.people.models import User
from notifications import sending
from notifications.channels.base import Accepted, AddressDead, ChannelUnavailable, Rejected, Uncertain
from notifications.fanout import fan_out
from notifications.models import Attempt, Delivery
from notifications.queries import told_of
from tests import cast
from tests.at_once import at_once
from tests.notifications.stories import PAID, has_email, is_due_now, lease_runs_out, the_delivery, told

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def event() -> Event:
    """A confirmed payment: one Telegram message for Bea, one for Sol; Bea has e-mail too."""
    trade = cast.a_paid_trade()
    has_email(cast.bea())
    return told(Kind.ESCROW_PAYMENT_CONFIRMED, trade, **PAID)


def bea_claims(event: Event) -> sending.Claimed:
    return next(claimed for claimed in sending.claim("telegram", 10) if claimed.delivery.audience == "buyer")


def test_counts_the_try_before_the_channel_is_called(event: Event) -> None:
    claimed = bea_claims(event)
    row = the_delivery(event, "buyer")
    assert (row.state, row.attempts, row.is_uncertain) == ("sending", 1, False)
    assert list(row.tries.values_list("number", "outcome")) == [(1, "")]
    assert claimed.chat_id == cast.bea().telegram_id


def test_hands_each_delivery_to_one_sender(event: Event) -> None:
    taken = at_once(lambda _n: [claimed.delivery_id for claimed in sending.claim("telegram", 1)], range(6))
    ids = [pk for part in taken for pk in part] + [claimed.delivery_id for claimed in sending.claim("telegram", 9)]
    assert len(ids) == len(set(ids)) == 2


def test_urgent_messages_go_first(event: Event) -> None:
    Delivery.objects.filter(audience="buyer").update(priority=2)
    assert sending.claim("telegram", 1)[0].delivery.audience == "seller"


def test_a_message_is_not_taken_before_it_is_due(event: Event) -> None:
    Delivery.objects.update(due_at=clock.real_now() + timedelta(minutes=1))
    assert sending.claim("telegram", 10) == []


def test_sent_is_said_only_after_the_channel_accepted_it(event: Event) -> None:
    with capture_logs() as logs:
        claimed = bea_claims(event)
        assert [line for line in logs if "sent" in line["event"]] == []
        assert all(told.told_at is None for told in told_of(event.pk))
        assert sending.settle(claimed, Accepted("tg-77"))
    row = the_delivery(event, "buyer")
    assert (row.state, row.provider_id, row.fallback_at) == ("sent", "tg-77", None)
    assert row.sent_at is not None
    assert [line["event"] for line in logs if "sent" in line["event"]] == ["delivery_sent"]
    assert row.tries.get().outcome == "sent"


def test_a_kill_before_the_mark_leads_to_one_more_copy_marked_uncertain(event: Event) -> None:
    bea_claims(event)
    assert sending.claim("telegram", 10) == []  # the lease holds
    lease_runs_out(the_delivery(event, "buyer"))
    again = bea_claims(event)
    assert again.delivery.is_uncertain
    assert list(again.delivery.tries.order_by("number").values_list("outcome", flat=True)) == ["uncertain", ""]
    assert sending.mark_sent(again, "tg-2")
    row = the_delivery(event, "buyer")
    assert (row.state, row.is_uncertain, row.attempts) == ("sent", True, 2)


def test_two_kills_in_a_row_lead_to_the_next_channel_and_no_third_copy(event: Event) -> None:
    for _ in range(2):
        bea_claims(event)
        lease_runs_out(the_delivery(event, "buyer"))
    assert all(claimed.delivery.audience != "buyer" for claimed in sending.claim("telegram", 10))
    row = the_delivery(event, "buyer")
    assert (row.state, row.is_uncertain, row.attempts) == ("failed", True, 2)
    assert the_delivery(event, "buyer", "email").state == "queued"


def test_a_lost_answer_is_tried_once_more_and_never_a_third_time(event: Event) -> None:
    sending.settle(bea_claims(event), Uncertain("ReadTimeout"))
    row = the_delivery(event, "buyer")
    assert (row.state, row.is_uncertain) == ("queued", True)
    is_due_now(row)
    sending.settle(bea_claims(event), Uncertain("ReadTimeout"))
    row.refresh_from_db()
    assert (row.state, row.is_uncertain, row.sent_at) == ("failed", True, None)
    assert the_delivery(event, "buyer", "email").state == "queued"


def test_a_stale_token_changes_nothing(event: Event) -> None:
    frozen = bea_claims(event)
    lease_runs_out(the_delivery(event, "buyer"))
    current = bea_claims(event)
    assert not sending.mark_sent(frozen, "tg-late")
    assert not sending.mark_failed(frozen, "late", final=True)
    assert not sending.mark_uncertain(frozen, "late")
    assert the_delivery(event, "buyer").state == "sending"
    assert sending.mark_sent(current, "tg-2")
    assert not sending.mark_sent(current, "tg-3")
    assert the_delivery(event, "buyer").provider_id == "tg-2"


def test_a_started_sender_takes_over_at_once_what_a_killed_one_held(event: Event) -> None:
    sending.claim("telegram", 10)
    assert sending.end_leases("telegram") == 2
    assert len(sending.claim("telegram", 10)) == 2


def test_waits_as_long_as_the_channel_says(event: Event) -> None:
    sending.settle(bea_claims(event), ChannelUnavailable("429", retry_after=30))
    wait = (the_delivery(event, "buyer").due_at - clock.real_now()).total_seconds()
    assert 29 < wait < 34


def test_waits_longer_after_every_failure(event: Event) -> None:
    waits = []
    for _ in range(4):
        sending.settle(bea_claims(event), ChannelUnavailable("502"))
        row = the_delivery(event, "buyer")
        waits.append((row.due_at - clock.real_now()).total_seconds())
        is_due_now(row)
    assert waits == sorted(waits)


def test_a_blocked_bot_leads_to_email_at_once_and_is_remembered(event: Event) -> None:
    sending.settle(bea_claims(event), AddressDead("Forbidden: bot was blocked by the user"))
    assert the_delivery(event, "buyer").state == "failed"
    assert the_delivery(event, "buyer", "email").state == "queued"
    assert User.objects.get(pk=cast.bea().pk).blocked_bot_at is not None
    assert all(claimed.delivery.audience != "buyer" for claimed in sending.claim("telegram", 10))


def test_a_refused_message_leads_to_email_without_blaming_the_address(event: Event) -> None:
    sending.settle(bea_claims(event), Rejected("BadRequest: can't parse entities"))
    assert the_delivery(event, "buyer", "email").state == "queued"
    assert User.objects.get(pk=cast.bea().pk).blocked_bot_at is None


def test_a_late_success_stops_the_fallback(event: Event) -> None:
    from notifications.fallback import open_overdue_fallbacks
    from tests.notifications.stories import limit_passes

    claimed = bea_claims(event)
    limit_passes(event)
    assert open_overdue_fallbacks() == 1
    sending.mark_sent(claimed, "tg-1")
    assert the_delivery(event, "buyer", "email").state == "skipped"


def test_all_channels_failed_is_logged_and_staff_are_told_once(event: Event) -> None:
    with capture_logs() as logs:
        for claimed in sending.claim("telegram", 10):
            sending.settle(claimed, AddressDead("Forbidden: user is deactivated"))
        mail = next(claimed for claimed in sending.claim("email", 10) if claimed.delivery.audience == "buyer")
        sending.settle(mail, AddressDead("SMTPRecipientsRefused 550"), address="bea@example.org")
    failed = [line for line in logs if line["event"] == "NOTIFICATION_DELIVERY_FAILED"]
    assert {line["audience"] for line in failed} == {"buyer", "seller"}
    while fan_out():
        pass
    alert = Delivery.objects.get(template="staff_deliveries_exhausted")  # one incident, one alert
    assert alert.incident is not None
    assert (alert.audience, alert.incident.count) == ("staff:olu@lockbay.example", 2)
    assert cast.bea().contacts.get().dead_at is not None
    assert all(told.told_at is None for told in told_of(event.pk))


def test_a_failed_staff_mail_sets_off_no_alert_about_itself(event: Event) -> None:
    staff = next(claimed for claimed in sending.claim("email", 10) if claimed.delivery.is_for_staff)
    sending.settle(staff, AddressDead("550"), address="olu@lockbay.example")
    assert not Event.objects.filter(kind=Kind.DELIVERIES_EXHAUSTED).exists()


def test_a_message_that_was_not_tried_after_all_counts_no_try(event: Event) -> None:
    claimed = bea_claims(event)
    assert sending.put_back(claimed, due_at=clock.real_now())
    row = the_delivery(event, "buyer")
    assert (row.state, row.attempts, row.tries.count()) == ("queued", 0, 0)
    assert Attempt.objects.filter(delivery=bea_claims(event).delivery).count() == 1
