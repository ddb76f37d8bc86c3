"""One field finds a message by whatever staff have in their hands, at the same cost for many rows as for none."""

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from escrows.models import Escrow
from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.models import Event
from lockbay.events.recording import NewEvent, record
from lockbay.people.models import Contact, User
from notifications.desk import finding
from notifications.desk.finding import find_deliveries
from notifications.fanout import fan_out, new_row
from notifications.models import Delivery, TrackingReport, What
from notifications.tracking import Report, apply_tracking
from payments.models import Deposit
from tests import cast
from tests.notifications.stories import PAID, forget_the_past, happened, has_email
from tests.payments.money_in import an_intent
from tests.withdrawals.stories import a_request

pytestmark = pytest.mark.django_db
REFERENCE = "h3Kx9vQ2mZ8rTfWp"


@pytest.fixture
def trade() -> Escrow:
    """Bea's payment, told to her, to Sol and to staff; and, apart from it, a top-up of Eve's."""
    trade = cast.a_paid_trade()
    forget_the_past()
    happened(Kind.ESCROW_PAYMENT_CONFIRMED, trade, **PAID)
    recorded(Kind.DEPOSIT_CREDITED, "deposit", 77, user_id=cast.stranger().pk, value="5.00 USD", received="5.00 USD")
    fan_out()
    return trade


def recorded(kind: Kind, subject_type: str, subject_id: int, **data: object) -> Event:
    with transaction.atomic():
        return record([NewEvent(kind, subject_type, subject_id, data=data, correlation_id=REFERENCE)])[0]


def found(text: str) -> set[tuple[str, str]]:
    """(audience, channel) of what a text finds."""
    return set(find_deliveries(Delivery.objects.all(), text).rows.values_list("audience", "channel"))


ALL_OF_TRADE = {("buyer", "telegram"), ("seller", "telegram"), ("staff:olu@lockbay.example", "email")}
EVES = {("user", "telegram")}


def test_by_the_public_id_of_a_trade_in_any_case(trade: Escrow) -> None:
    assert found(trade.public_id) == found(f" {trade.public_id.lower()} ") == ALL_OF_TRADE


def test_by_the_number_of_a_person_or_their_telegram_account(trade: Escrow) -> None:
    eve = cast.stranger()
    assert found(str(eve.pk)) >= EVES
    assert found(str(eve.telegram_id)) == EVES
    assert found(f"Eve #{eve.pk}") == found(f"#{eve.pk}") == EVES


def test_by_a_part_of_any_name_of_a_person(trade: Escrow) -> None:
    User.objects.filter(pk=cast.stranger().pk).update(first_name="Evelyn Adé", username="shop_owner")
    for text in ("evelyn", "lyn Adé", "SHOP_owner", "@eve_on_telegram", "eve_on"):
        assert found(text) == EVES, text


def test_by_the_number_of_an_event(trade: Escrow) -> None:
    event = Event.objects.filter(kind=Kind.ESCROW_PAYMENT_CONFIRMED).latest("pk")
    assert found(f"E{event.pk}") == found(f"e{event.pk}") == ALL_OF_TRADE
    assert found(str(event.pk)) >= ALL_OF_TRADE


@pytest.mark.parametrize("text", ["escrow.payment_confirmed", "payment_confirmed", "PAYMENT_CONFIRMED"])
def test_by_what_happened(trade: Escrow, text: str) -> None:
    assert found(text) == ALL_OF_TRADE


def test_by_the_name_of_a_notice(trade: Escrow) -> None:
    assert found("trade_offered") == {("seller", "telegram")}


def test_by_a_support_reference_from_its_first_six_characters_on(trade: Escrow) -> None:
    assert found(REFERENCE) == found(REFERENCE[:6]) == EVES
    assert found(REFERENCE[:5]) == set()


def test_by_the_channels_own_id(trade: Escrow) -> None:
    Delivery.objects.filter(audience="buyer").update(provider_id="SM0123abc")
    assert found("SM0123abc") == {("buyer", "telegram")}


def test_by_an_address_of_staff(trade: Escrow) -> None:
    assert found("Olu@lockbay.example") == {("staff:olu@lockbay.example", "email")}
    Delivery.objects.filter(channel="email").update(audience="staff:+2348010000000", channel="sms")
    assert found("+234 801 000 0000") == {("staff:+2348010000000", "sms")}


def test_by_an_address_of_a_person_what_went_there_and_codes_to_it_alone(trade: Escrow) -> None:
    sol = cast.sol()
    mail = has_email(sol, "sol@example.org")
    phone = Contact.objects.create(user=sol, channel="sms", address="+2348010000000")
    event = Event.objects.latest("pk")
    for audience, channel in (("seller", "email"), (f"contact:{phone.pk}", "sms"), (f"contact:{mail.pk}", "email")):
        row(event, sol, audience, channel)
    assert found("SOL@example.org") == {("seller", "email"), (f"contact:{mail.pk}", "email")}
    assert found("+234 801 000-0000") == {(f"contact:{phone.pk}", "sms")}


def test_by_the_address_that_a_channel_reported(trade: Escrow) -> None:
    Delivery.objects.filter(audience="buyer").update(provider_id="m-1", state="sent", channel="email")
    apply_tracking(Report("email", "m-1", What.DELIVERED, clock.real_now(), "k", address="old@example.org"))
    assert TrackingReport.objects.get().delivery is not None
    assert found("old@example.org") == {("buyer", "email")}


def test_by_a_withdrawal(trade: Escrow) -> None:
    withdrawal = a_request()
    fan_out()
    event = Event.objects.get(kind=Kind.WITHDRAWAL_REQUESTED, subject_id=withdrawal.pk)
    about = find_deliveries(Delivery.objects.all(), withdrawal.public_id.lower()).rows
    assert {row.event_id for row in about} == {event.pk}


def test_by_a_payment_request_whose_deposit_was_told(trade: Escrow) -> None:
    request = an_intent(who=cast.sol())
    paid = Deposit.objects.create(
        intent=request, provider="sandbox", provider_payment_id="p", chain="TRC20", asset="USDT", minor=1,
        raw_amount="1", first_seen_at=clock.now(),
    )  # fmt: skip
    recorded(Kind.DEPOSIT_CREDITED, "deposit", paid.pk, user_id=cast.sol().pk, value="1 USD", received="1 USD")
    fan_out()
    about = find_deliveries(Delivery.objects.all(), request.public_id).rows
    assert [row.recipient for row in about] == [cast.sol()]


def test_what_is_nowhere_finds_nothing_and_no_text_finds_all(trade: Escrow) -> None:
    for text in ("ES010125AAAA", "nobody", "E999999", "999999999999999999", "x" * 300, "%", "_"):
        assert found(text) == set(), text
    assert find_deliveries(Delivery.objects.all(), "   ").rows.count() == 0


def test_says_so_when_more_fits_than_it_takes(trade: Escrow, monkeypatch: pytest.MonkeyPatch, client: Client) -> None:
    monkeypatch.setattr(finding, "MOST_EVENTS", 0)
    client.force_login(cast.olu())
    page = client.get(reverse("admin:notifications_delivery_changelist"), {"q": trade.public_id})
    assert "More fits than is looked through" in page.content.decode()


def test_costs_the_same_for_many_rows_as_for_few(trade: Escrow, client: Client) -> None:
    client.force_login(cast.olu())
    few = queries_of(client, trade.public_id)
    event = Event.objects.filter(kind=Kind.ESCROW_PAYMENT_CONFIRMED).latest("pk")
    for number in range(30):
        row(event, cast.bea(), f"user:{number}", "email")
    assert queries_of(client, trade.public_id) == few


def row(event: Event, person: User, audience: str, channel: str) -> Delivery:
    """A delivery as the fan-out makes it."""
    fields = new_row(
        event_id=event.pk, recipient_id=person.pk, audience=audience, channel=channel, template="payment_confirmed",
        priority=0, now=clock.real_now() - timedelta(minutes=1),
    )  # fmt: skip
    return Delivery.objects.create(**fields)


def queries_of(client: Client, text: str) -> int:
    with CaptureQueriesContext(connection) as seen:
        page = client.get(reverse("admin:notifications_delivery_changelist"), {"q": text})
    assert page.status_code == 200
    return len(seen)
