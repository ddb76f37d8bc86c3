"""Reports that come late, in crowds, by machines, or about an address that was proved again (N3, N6, N8)."""

from datetime import timedelta
from typing import Any

import pytest

from escrows.models import Side
from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.people.models import Contact
from notifications import tracking
from notifications.models import Delivery, DeliveryState
from notifications.queries import receipts_for
from notifications.tracking import match_early_reports
from tests import cast
from tests.notifications import tracking_wires as wires
from tests.notifications.stories import PAID, has_email, the_delivery, told
from tests.notifications.tracking_wires import report

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _channels(settings: Any) -> None:
    wires.configure(settings)


def a_mail_to_bea() -> Delivery:
    return wires.sent(told(Kind.ESCROW_ACCEPTED, cast.an_active_trade()), "buyer", "email", "m-1")


def test_reports_about_other_peoples_messages_do_not_hold_up_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracking, "_MOST_EARLY", 3)
    for number in range(4):
        report("sms", f"not-ours-{number}", "delivered")
    report("email", "m-1", "delivered")
    message = a_mail_to_bea()
    assert match_early_reports() == 1
    message.refresh_from_db()
    assert message.state == DeliveryState.DELIVERED


def test_a_late_bounce_of_an_old_message_spares_an_address_that_was_proved_again() -> None:
    contact = has_email(cast.bea(), "bea@example.org")
    message = a_mail_to_bea()
    Delivery.objects.filter(pk=message.pk).update(sent_at=clock.real_now() - timedelta(hours=2))
    Contact.objects.filter(pk=contact.pk).update(verified_at=clock.real_now() - timedelta(hours=1))
    assert report("email", "m-1", "bounced") == 200
    contact.refresh_from_db()
    assert contact.dead_at is None


def test_a_bounce_after_the_server_had_taken_it_marks_the_address_all_the_same() -> None:
    contact = has_email(cast.bea(), "bea@example.org")
    message = a_mail_to_bea()
    report("email", "m-1", "delivered")
    report("email", "m-1", "bounced")
    message.refresh_from_db()
    contact.refresh_from_db()
    assert (message.state, contact.dead_at is not None) == (DeliveryState.DELIVERED, True)


def test_a_machine_that_fetches_the_pictures_has_opened_nothing() -> None:
    message = a_mail_to_bea()
    for word in ("unique_proxy_open", "proxy_open"):
        assert wires.post_mail(wires.mail_event("m-1", word)) == 200
    message.refresh_from_db()
    assert (message.state, message.opened_at) == (DeliveryState.DELIVERED, None)
    assert report("email", "m-1", "opened") == 200  # at the same moment by Brevo's clock
    message.refresh_from_db()
    assert message.state == DeliveryState.OPENED


def test_what_was_spared_and_goes_out_after_all_has_its_limit_again(settings: Any) -> None:
    settings.WHATSAPP_PHONE_NUMBER_ID = settings.WHATSAPP_ACCESS_TOKEN = "x"
    settings.WHATSAPP_TEMPLATE = settings.WHATSAPP_CODE_TEMPLATE = "x"
    message = a_mail_to_bea()
    number = "+2348012345678"
    for channel in ("sms", "whatsapp"):
        Contact.objects.create(user=cast.bea(), channel=channel, address=number, verified_at=clock.real_now())
    spared = Delivery.objects.get(pk=message.pk)
    spared.pk, spared.channel, spared.state, spared.error = None, "sms", DeliveryState.SKIPPED, "told by email"
    spared.provider_id, spared.sent_at = "", None
    spared.save(force_insert=True)
    assert report("email", "m-1", "failed") == 200
    spared.refresh_from_db()
    assert (spared.state, spared.fallback_at is not None) == (DeliveryState.QUEUED, True)


def test_the_other_side_sees_the_channel_that_told_most() -> None:
    trade = cast.a_paid_trade()
    opened = the_delivery(told(Kind.ESCROW_PAYMENT_CONFIRMED, trade, **PAID), "seller")
    now = clock.real_now()
    Delivery.objects.filter(pk=opened.pk).update(state=DeliveryState.OPENED, sent_at=now, opened_at=now)
    mail = Delivery.objects.get(pk=opened.pk)
    mail.pk, mail.channel, mail.state, mail.opened_at = None, "email", DeliveryState.SENT, None
    mail.save(force_insert=True)
    (receipt,) = receipts_for(trade, Side.BUYER)
    assert (receipt.channel, receipt.is_arrived, receipt.opened_at) == ("telegram", True, now)


def test_what_was_spared_stays_so_when_another_channel_told_it() -> None:
    message = a_mail_to_bea()
    for channel, state, error in (
        ("telegram", DeliveryState.SENT, ""),
        ("sms", DeliveryState.SKIPPED, "told by email"),
    ):
        row = Delivery.objects.get(pk=message.pk)
        row.pk, row.channel, row.state, row.error, row.provider_id = None, channel, state, error, ""
        row.save(force_insert=True)
    assert report("email", "m-1", "failed") == 200
    assert Delivery.objects.get(event=message.event, channel="sms").state == DeliveryState.SKIPPED
