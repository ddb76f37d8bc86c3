"""Who is told of what happens to a withdrawal, on which channels, and in which words (N1, W7, W8)."""

from datetime import timedelta
from typing import Any

import pytest

from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.models import Event
from lockbay.observability.metrics import metrics_text
from notifications.fanout import fan_out
from notifications.ladder import open_next_channel, skip_later_channels
from notifications.models import Delivery, DeliveryState
from notifications.rendering import render
from tests.cast import bea, later, olu, usd
from tests.notifications.stories import forget_the_past, has_email, lines_of
from tests.withdrawals.stories import S, a_destination, a_request, a_withdrawal_in, ada, approved, failed, sent, unknown
from wallets.actions.destinations import remove_destination
from wallets.actions.payout_stops import stop_payouts
from wallets.actions.reject_withdrawal import reject_withdrawal
from wallets.actions.report_overdue import report_overdue
from wallets.actions.settle_withdrawal import settle_withdrawal
from wallets.jobs import report_overdue_payouts
from wallets.models import Withdrawal

pytestmark = pytest.mark.django_db(transaction=True)
STAFF = "staff:olu@lockbay.example"


@pytest.fixture(autouse=True)
def _one_address_of_staff(settings: Any) -> None:
    settings.STAFF_EMAILS = ["olu@lockbay.example"]


def told(kind: Kind) -> Event:
    """The newest fact of that kind, fanned out."""
    while fan_out():
        pass
    return Event.objects.filter(kind=kind).latest("pk")


def words_of(event: Event, audience: str, channel: str = "telegram") -> str:
    return render(Delivery.objects.get(event=event, audience=audience, channel=channel), channel).text


def test_a_new_destination_is_announced_on_every_channel_and_none_spares_the_other() -> None:
    has_email(bea())
    target = a_destination(bea(), address="TAnnounced9f3c")
    event = told(Kind.DESTINATION_ADDED)
    assert lines_of(event) == {
        ("user", "telegram", "destination_added"),
        ("user:email", "email", "destination_added"),
    }
    for audience, channel in (("user", "telegram"), ("user:email", "email")):
        words = words_of(event, audience, channel)
        assert "…9f3c" in words
        assert "TAnnounced" not in words
        assert "If this was not you" in words
    skip_later_channels(Delivery.objects.get(event=event, audience="user"))  # as when Telegram has taken it
    assert Delivery.objects.get(event=event, audience="user:email").state == DeliveryState.QUEUED
    remove_destination(actor=bea(), destination_id=target.pk)
    assert ("user:email", "email", "destination_removed") in lines_of(told(Kind.DESTINATION_REMOVED))


def test_an_announcement_whose_address_is_dead_opens_no_further_channel() -> None:
    has_email(bea())
    a_destination(bea())
    event = told(Kind.DESTINATION_ADDED)
    assert not open_next_channel(Delivery.objects.get(event=event, audience="user:email"))
    assert Delivery.objects.filter(event=event).count() == 2


def test_staff_are_told_that_approval_is_needed_and_again_for_the_second_person() -> None:
    request = a_request("300.00")
    asked = told(Kind.WITHDRAWAL_REQUESTED)
    assert lines_of(asked) == {(STAFF, "email", "staff_withdrawal_waiting")}
    words = words_of(asked, STAFF, "email")
    assert f"{request.public_id} waits for approval: 300.00 USD" in words
    assert f"/admin/wallets/withdrawal/{request.pk}/change/" in words
    approved(request)
    assert lines_of(told(Kind.WITHDRAWAL_APPROVED)) == {(STAFF, "email", "staff_withdrawal_second")}
    approved(request, ada())
    assert lines_of(told(Kind.WITHDRAWAL_APPROVED)) == {("user", "telegram", "withdrawal_approved")}


def test_nobody_of_staff_is_asked_when_the_system_approves(settings: Any) -> None:
    settings.WITHDRAWAL_AUTO_APPROVE_USD = usd("100.00").decimal()
    a_request()
    assert lines_of(told(Kind.WITHDRAWAL_REQUESTED)) == set()


def test_the_owner_reads_why_it_was_refused_or_failed() -> None:
    request = a_request()
    reject_withdrawal(actor=olu(), withdrawal_id=request.pk, revision=1, reason="the name <b>differs</b>")
    words = words_of(told(Kind.WITHDRAWAL_REJECTED), "user")
    assert "Why: the name <b>differs</b>" in words
    assert "All of the money" in words
    failed(approved(a_request()))
    event = told(Kind.WITHDRAWAL_FAILED)
    assert "Why: no such account" in words_of(event, "user")
    assert (STAFF, "email", "staff_withdrawal_failed") in lines_of(event)


def test_staff_hear_of_what_nobody_knows_and_of_what_one_person_saw() -> None:
    lost = unknown(approved(a_request()))
    assert lines_of(told(Kind.WITHDRAWAL_UNKNOWN)) == {(STAFF, "email", "staff_withdrawal_unknown")}
    for person in (olu(), ada()):
        settle_withdrawal(actor=person, withdrawal_id=lost.pk, provider_reference="P-9", reason="seen")
    seen = Event.objects.filter(kind=Kind.WITHDRAWAL_OUTCOME_SEEN).order_by("pk")
    told(Kind.WITHDRAWAL_OUTCOME_SEEN)
    assert [len(lines_of(event)) for event in seen] == [1, 0]
    assert lines_of(told(Kind.WITHDRAWAL_COMPLETED)) == {("user", "telegram", "withdrawal_completed")}


def test_an_approved_payout_to_an_unknown_address_asks_staff_to_register_it() -> None:
    a_withdrawal_in(S.AWAITING_REGISTRATION)
    assert (STAFF, "email", "staff_withdrawal_register") in lines_of(told(Kind.WITHDRAWAL_APPROVED))


def test_what_takes_too_long_is_said_once() -> None:
    slow = approved(a_request())
    gone = sent(approved(a_request()))
    assert report_overdue_payouts() == 0
    with later(minutes=5, seconds=2):
        assert report_overdue_payouts() == 1
        assert report_overdue_payouts() == 0
        event = told(Kind.WITHDRAWAL_OVERDUE)
        assert event.subject_id == slow.pk
        assert "has been processing for 5 minutes" in words_of(event, STAFF, "email")
    assert not report_overdue(actor=None, withdrawal_id=slow.pk)
    assert not report_overdue(actor=None, withdrawal_id=gone.pk)


def test_a_stop_is_told_with_its_reason() -> None:
    forget_the_past()
    stop_payouts(actor=olu(), asset="USDT", reason="the rail behaves oddly")
    assert "Why: the rail behaves oddly" in words_of(told(Kind.PAYOUTS_STOPPED), STAFF, "email")


def test_the_figures_say_how_many_wait_and_how_long_approvals_and_payouts_take() -> None:
    request = a_request()
    Withdrawal.objects.filter(pk=request.pk).update(requested_at=clock.now() - timedelta(hours=2))
    a_withdrawal_in(S.COMPLETED)
    text = metrics_text().decode()
    assert 'lockbay_withdrawals_open{status="pending_approval"} 1.0' in text
    assert 'lockbay_withdrawals_open{status="unknown"} 0.0' in text
    age = next(line for line in text.splitlines() if line.startswith('lockbay_withdrawals_oldest_seconds{status="pend'))
    assert 7200 <= float(age.split()[1]) < 7300
    assert "lockbay_withdrawal_approval_seconds_bucket" in text
    assert 'lockbay_withdrawal_completion_seconds_count{rail="sandbox"}' in text
    assert Delivery.objects.filter(state=DeliveryState.FAILED).count() == 0
