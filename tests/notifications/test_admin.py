"""Staff see what happened to each message and send again what failed; nothing can be typed into a row."""

import pytest
from django.test import Client
from django.urls import reverse

from lockbay.events.kinds import Kind
from lockbay.events.models import Event
from notifications import sending
from notifications.actions.resend_delivery import resend_delivery
from notifications.channels.base import AddressDead
from notifications.errors import NotResendable, ReasonMissing
from notifications.models import Delivery
from tests import cast
from tests.notifications.stories import PAID, the_delivery, told

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def failed() -> Delivery:
    """Sol blocked the bot."""
    event = told(Kind.ESCROW_PAYMENT_CONFIRMED, cast.a_paid_trade(), **PAID)
    for claimed in sending.claim("telegram", 10):
        if claimed.delivery.audience == "seller":
            sending.settle(claimed, AddressDead("Forbidden: bot was blocked by the user"))
    return the_delivery(event, "seller")


@pytest.fixture
def desk(client: Client) -> Client:
    client.force_login(cast.olu())
    return client


def test_lists_states_and_finds_by_trade(desk: Client, failed: Delivery) -> None:
    page = desk.get(reverse("admin:notifications_delivery_changelist"), {"q": failed.event.data["public_id"].lower()})
    assert page.status_code == 200
    body = page.content.decode()
    assert "trade_offered" in body
    assert "bot was blocked" in body
    nothing = desk.get(reverse("admin:notifications_delivery_changelist"), {"q": "ES010125AAAA"})
    assert "bot was blocked" not in nothing.content.decode()


def test_shows_every_try_and_offers_no_field_to_type_in(desk: Client, failed: Delivery) -> None:
    body = desk.get(reverse("admin:notifications_delivery_change", args=[failed.pk])).content.decode()
    assert "Forbidden" in body
    assert 'name="state"' not in body
    assert "Send again" in body


def _button(delivery: Delivery) -> str:
    return reverse("admin:notifications_delivery_send_again", args=[delivery.pk])


def test_the_button_queues_it_again_with_the_reason(desk: Client, failed: Delivery) -> None:
    assert desk.get(_button(failed)).status_code == 200
    answer = desk.post(_button(failed), {"reason": "Sol says he unblocked the bot"})
    assert answer.status_code == 302
    failed.refresh_from_db()
    assert (failed.state, failed.attempts) == ("queued", 1)
    said = Event.objects.get(kind=Kind.DELIVERY_RESENT)
    assert (said.actor_id, said.data["reason"]) == (cast.olu().pk, "Sol says he unblocked the bot")
    assert any(claimed.delivery_id == failed.pk for claimed in sending.claim("telegram", 10))


def test_the_button_wants_a_reason(desk: Client, failed: Delivery) -> None:
    page = desk.post(_button(failed), {"reason": "  "})
    assert "write down why" in page.content.decode()
    failed.refresh_from_db()
    assert failed.state == "failed"


def test_a_stranger_cannot_press_it(client: Client, failed: Delivery) -> None:
    client.force_login(cast.max_())  # staff without the right
    assert client.post(_button(failed), {"reason": "x"}).status_code in (302, 403)
    failed.refresh_from_db()
    assert failed.state == "failed"


@pytest.mark.parametrize("state", ["queued", "sending", "sent", "delivered", "opened"])
def test_refuses_what_is_on_its_way_or_arrived(failed: Delivery, state: str) -> None:
    Delivery.objects.filter(pk=failed.pk).update(state=state)
    with pytest.raises(NotResendable):
        resend_delivery(actor=cast.olu(), delivery_id=failed.pk, reason="because")
    failed.refresh_from_db()
    assert failed.state == state
    assert not Event.objects.filter(kind=Kind.DELIVERY_RESENT).exists()


def test_refuses_without_a_reason(failed: Delivery) -> None:
    with pytest.raises(ReasonMissing):
        resend_delivery(actor=cast.olu(), delivery_id=failed.pk, reason="\n ")
