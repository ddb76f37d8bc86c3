"""What staff are told goes to their group as well: paced as a group, followed when it moves, red when it is gone."""

import pytest

from notifications import staff_chat
from notifications.fanout import fan_out
from notifications.models import Delivery, DeliveryState, StaffChat
from telegrambot import pacing
from tests import cast
from tests.telegrambot.house import House, labels_of

pytestmark = pytest.mark.django_db(transaction=True)
GROUP, MOVED = -1002147001001, -1002147009999


@pytest.fixture
def room(settings):
    settings.STAFF_CHAT_ID = GROUP


@pytest.fixture
def acting(room, house):
    house.play_cast()
    return house


def room_texts(house: House) -> list[str]:
    return [message["text"] for message in house.people.messages("staff")]


def to_the_room() -> Delivery:
    return Delivery.objects.get(audience=staff_chat.AUDIENCE)


def test_staff_read_of_a_payment_in_their_group_with_a_way_to_the_desk(acting, settings):
    escrow = cast.a_paid_trade()
    acting.pump()
    [message] = [one for one in acting.people.messages("staff") if "Payment confirmed" in one["text"]]
    assert escrow.public_id in message["text"]
    assert labels_of(message) == ["🖥 Open the desk"]
    assert message["buttons"][0][0]["url"] == f"{settings.PUBLIC_URL}/admin/escrows/escrow/{escrow.pk}/change/"
    row = Delivery.objects.get(audience=staff_chat.AUDIENCE, template="staff_payment_confirmed")
    assert (row.state, row.channel, row.recipient) == (DeliveryState.SENT, "telegram", None)
    assert row.provider_id == str(message["message_id"])


def test_without_a_group_nothing_is_queued_for_it(settings):
    assert settings.STAFF_CHAT_ID == 0
    cast.a_paid_trade()
    fan_out()
    assert not Delivery.objects.filter(audience=staff_chat.AUDIENCE).exists()


def test_a_group_that_moved_is_followed_and_remembered_and_another_setting_starts_afresh(acting, settings):
    acting.people.faults(move_chat={"from": GROUP, "to": MOVED})
    cast.a_paid_trade()
    acting.pump()
    assert to_the_room().state == DeliveryState.SENT
    assert len(room_texts(acting)) == 1
    assert staff_chat.chat_id() == MOVED
    cast.a_paid_trade(description="A second lamp")
    acting.pump()
    assert len(room_texts(acting)) == 2
    settings.STAFF_CHAT_ID = -100999
    assert staff_chat.chat_id() == -100999
    staff_chat.note_moved(GROUP, -5)
    assert StaffChat.objects.get().moved_to == MOVED


def test_a_bot_that_was_put_out_of_the_group_says_so_at_the_row_and_everybody_else_is_told(acting):
    acting.people.set_blocked("staff", True)
    cast.a_paid_trade()
    acting.pump()
    row = to_the_room()
    assert row.state == DeliveryState.FAILED
    assert "kicked from the supergroup" in row.error
    others = Delivery.objects.exclude(pk=row.pk).filter(channel="telegram", template="trade_offered")
    assert set(others.values_list("state", flat=True)) == {DeliveryState.SENT}
    acting.people.set_blocked("staff", False)
    cast.a_paid_trade(description="A second lamp")
    acting.pump()
    assert len(room_texts(acting)) == 1


def test_the_groups_minute_holds_up_nobody_and_keeps_the_order(acting, monkeypatch):
    monkeypatch.setattr(pacing, "MOST_PER_GROUP_MINUTE", 2)
    trades = [cast.a_paid_trade(description=f"Lamp {number}") for number in range(4)]
    acting.pump()
    assert len(room_texts(acting)) == 2
    people = Delivery.objects.filter(channel="telegram", recipient__isnull=False)
    assert not people.filter(state=DeliveryState.QUEUED).exists()
    waiting = Delivery.objects.filter(audience=staff_chat.AUDIENCE, state=DeliveryState.QUEUED)
    assert set(waiting.values_list("attempts", flat=True)) == {0}
    acting.restart()  # a pace that knows of no minute
    acting.pump()
    assert [trade.public_id in text for trade, text in zip(trades, room_texts(acting), strict=True)] == [True] * 4
