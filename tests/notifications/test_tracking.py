"""What channels report moves deliveries, opens the next channel, and tells who was told when (N3, N6, N8)."""

import json
from datetime import timedelta
from typing import Any

import pytest

from escrows.models import Escrow, Side
from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.people.models import Contact
from notifications import jobs, sending
from notifications.mail_reports import _view_of_provider
from notifications.models import Delivery, DeliveryState, TrackingReport
from notifications.queries import receipts_for
from notifications.told import start_waiting_clocks
from notifications.tracking import forget_old_reports, match_early_reports, note_opened
from tests import cast
from tests.at_once import at_once
from tests.escrows.actions.test_start_deadline import an_untold_delivery, an_untold_offer
from tests.notifications import tracking_wires as wires
from tests.notifications.stories import PAID, has_email, the_delivery, told
from tests.notifications.tracking_wires import report

# Every one that anymail has tracking for.
PROVIDERS = ["amazon_ses", "brevo", "mailersend", "mailgun", "mailjet", "mailtrap", "mandrill", "postal", "postmark"]
PROVIDERS += ["resend", "sendgrid", "sparkpost", "unisender_go"]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _channels(settings: Any) -> None:
    wires.configure(settings)


def offered(trade: Escrow) -> Delivery:
    """The seller's offer, queued on Telegram."""
    return the_delivery(told(Kind.ESCROW_PAYMENT_CONFIRMED, trade, **PAID), "seller")


def taken(delivery: Delivery, channel: str, provider_id: str = "m-1") -> Delivery:
    """The channel takes it, by our own way of sending."""
    Delivery.objects.filter(pk=delivery.pk).update(channel=channel)
    claimed = next(one for one in sending.claim(channel, 10) if one.delivery_id == delivery.pk)
    assert sending.mark_sent(claimed, provider_id)
    delivery.refresh_from_db()
    return delivery


def test_a_bounce_opens_the_next_channel_at_once_and_marks_the_address() -> None:
    contact = has_email(cast.bea(), "Bea@example.org")
    trade = cast.an_active_trade()
    message = wires.sent(told(Kind.ESCROW_ACCEPTED, trade), "buyer", "email", "m-1")
    assert report("email", "m-1", "bounced") == 200
    message.refresh_from_db()
    contact.refresh_from_db()
    assert (message.state, message.fallback_at) == (DeliveryState.FAILED, None)
    assert contact.dead_at is not None


def test_a_soft_bounce_leaves_the_address_alive() -> None:
    has_email(cast.bea(), "bea@example.org")
    message = wires.sent(told(Kind.ESCROW_ACCEPTED, cast.an_active_trade()), "buyer", "email", "m-1")
    assert wires.post_mail(wires.mail_event("m-1", "soft_bounce")) == 200
    message.refresh_from_db()
    assert (message.state, Contact.objects.get().dead_at) == (DeliveryState.FAILED, None)


def test_what_was_spared_for_a_message_that_failed_after_all_goes_out() -> None:
    trade = cast.an_active_trade()
    message = wires.sent(told(Kind.ESCROW_ACCEPTED, trade), "buyer", "email", "m-1")
    spared = Delivery.objects.get(pk=message.pk)
    spared.pk, spared.channel, spared.state, spared.error = None, "sms", DeliveryState.SKIPPED, "told by email"
    spared.provider_id, spared.sent_at = "", None
    spared.save(force_insert=True)
    assert report("email", "m-1", "failed") == 200
    spared.refresh_from_db()
    assert (spared.state, spared.error) == (DeliveryState.QUEUED, "")


def test_a_report_that_overtakes_our_own_mark_is_taken_up_by_the_sweep() -> None:
    message = offered(an_untold_offer())
    assert report("sms", "m-1", "delivered") == 200
    assert TrackingReport.objects.get().delivery is None
    taken(message, "sms")
    assert (match_early_reports(), match_early_reports()) == (1, 0)
    message.refresh_from_db()
    assert message.state == DeliveryState.DELIVERED


def test_the_time_to_accept_starts_when_telegram_takes_the_offer() -> None:
    trade = an_untold_offer()
    taken(offered(trade), "telegram")
    trade.refresh_from_db()
    assert trade.accept_by is not None


@pytest.mark.parametrize("channel", ["email", "sms", "whatsapp"])
def test_where_a_channel_reports_its_report_starts_the_time(channel: str) -> None:
    trade = an_untold_offer()
    taken(offered(trade), channel)
    trade.refresh_from_db()
    assert trade.accept_by is None
    assert start_waiting_clocks() == 0
    assert report(channel, "m-1", "delivered") == 200
    trade.refresh_from_db()
    assert trade.accept_by is not None


def test_where_a_channel_cannot_report_its_acceptance_starts_the_time(settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    trade = an_untold_delivery()
    message = the_delivery(told(Kind.ESCROW_DELIVERED, trade), "buyer")
    taken(message, "email")
    trade.refresh_from_db()
    assert trade.inspection_ends_at is not None


def test_killed_between_the_acceptance_and_the_start_the_sweep_finishes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    trade = an_untold_offer()
    message = offered(trade)
    with monkeypatch.context() as patched:
        patched.setattr(sending, "start_clock_of", lambda _row: None)  # killed here
        taken(message, "telegram")
    trade.refresh_from_db()
    assert trade.accept_by is None
    jobs.note_who_was_told()
    trade.refresh_from_db()
    assert trade.accept_by is not None
    assert start_waiting_clocks() == 0


def test_a_message_that_nobody_took_starts_nothing_and_staff_hear_of_it() -> None:
    trade = an_untold_offer()
    message = offered(trade)
    Delivery.objects.filter(pk=message.pk).update(state=DeliveryState.FAILED, is_uncertain=True)
    with cast.later(hours=25):
        assert start_waiting_clocks() == 0
    trade.refresh_from_db()
    assert trade.accept_by is None
    jobs.fan_out()
    assert Delivery.objects.filter(template="staff_party_untold", audience__startswith="staff:").exists()


def test_a_pressed_button_means_that_the_message_was_opened() -> None:
    trade = an_untold_offer()
    message = taken(offered(trade), "telegram", "77")
    assert not note_opened(999, 77)
    assert not note_opened(cast.sol().telegram_id or 0, 78)
    assert [note_opened(cast.sol().telegram_id or 0, 77) for _ in range(2)] == [True, False]
    message.refresh_from_db()
    assert (message.state, message.opened_at is not None) == (DeliveryState.OPENED, True)


def test_the_other_side_sees_how_and_when_but_never_where() -> None:
    has_email(cast.sol(), "sol@example.org")
    trade = an_untold_offer()
    message = offered(trade)
    assert [(one.template, one.told_at) for one in receipts_for(trade, Side.BUYER)] == [("trade_offered", None)]
    taken(message, "email")
    assert [one.is_arrived for one in receipts_for(trade, Side.BUYER)] == [False]
    report("email", "m-1", "opened")
    receipt = receipts_for(trade, Side.BUYER)[0]
    assert (receipt.channel, receipt.is_arrived, receipt.opened_at is not None) == ("email", True, True)
    assert "@" not in repr(receipt)
    assert [one.template for one in receipts_for(trade, Side.SELLER)] == ["payment_confirmed"]


def test_words_that_come_at_one_moment_move_it_once_each_and_never_back() -> None:
    message = wires.sent(told(Kind.ESCROW_ACCEPTED, cast.an_active_trade()), "buyer", "sms", "m-1")
    answers = at_once(lambda what: report("sms", "m-1", what), ["delivered", "opened"] * 4)
    message.refresh_from_db()
    assert (set(answers), message.state) == ({200}, DeliveryState.OPENED)
    assert message.delivered_at is not None
    assert TrackingReport.objects.filter(delivery=message).count() == 2


@pytest.mark.parametrize("provider", PROVIDERS)
def test_reports_of_every_provider_need_the_secret(provider: str, settings: Any) -> None:
    settings.EMAIL_BACKEND = f"anymail.backends.{provider}.EmailBackend"
    assert _view_of_provider() is not None
    assert wires.post_mail(b"{}", secret="brevo:wrong") in {400, 401}  # 400: its own keys are not set here
    assert not TrackingReport.objects.exists()


def test_another_provider_than_brevo_is_read_too(settings: Any) -> None:
    settings.EMAIL_BACKEND = "anymail.backends.postmark.EmailBackend"
    message = wires.sent(told(Kind.ESCROW_ACCEPTED, cast.an_active_trade()), "buyer", "email", "m-1")
    said = {"RecordType": "Delivery", "MessageID": "m-1", "Recipient": "bea@example.org"}
    assert wires.post_mail(json.dumps({**said, "DeliveredAt": "2024-11-05T16:33:54Z"}).encode()) == 200
    message.refresh_from_db()
    assert message.state == DeliveryState.DELIVERED


def test_a_backend_without_reports_takes_none(settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    assert wires.post_mail(wires.mail_event("m-1", "delivered")) == 401


def test_old_reports_are_forgotten() -> None:
    report("sms", "m-1", "delivered")
    report("sms", "m-2", "delivered")
    TrackingReport.objects.filter(provider_id="m-1").update(received_at=clock.real_now() - timedelta(days=8))
    assert (forget_old_reports(), TrackingReport.objects.count()) == (1, 1)
