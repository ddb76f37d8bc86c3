"""What staff are told goes to their group as well: paced as a group, followed when it moves, red when it is gone."""

import pytest
from django.contrib.auth.models import Group

from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.people.models import User
from lockbay.people.roles import OPERATOR, install_roles
from notifications import staff_chat
from notifications.actions.acknowledge_incident import acknowledge_incident
from notifications.fanout import fan_out
from notifications.models import Delivery, DeliveryState, Incident, StaffChat
from telegrambot import pacing, staff_room
from tests import cast
from tests.notifications.stories import happened
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
    ids = [next(trade.public_id for trade in trades if trade.public_id in text) for text in room_texts(acting)]
    expected = [trade.public_id for trade in trades]
    # Two by two: without the pause between them, which tests leave out, two are under way at a time.
    assert [set(ids[:2]), set(ids[2:])] == [set(expected[:2]), set(expected[2:])]


@pytest.fixture
def alarmed(acting):
    """An incident is open, and the group has read of it."""
    happened(Kind.ESCROW_FROZEN, cast.an_agreement(), value="21.00 USD", taken="21.00 USD", missing="21.00 USD")
    acting.pump()
    return acting


def a_member_of_staff(settings, *roles: str) -> User:
    """The account that presses in the sandbox's group, at the desk too."""
    install_roles()
    user = User.objects.create(
        username="ola", first_name="Ola", is_staff=True, telegram_id=settings.SANDBOX_STAFF_TELEGRAM_ID
    )
    user.groups.set(Group.objects.filter(name__in=roles))
    return user


def press(house: House, **by: str) -> dict:
    """Somebody presses "Got it" under the alert; returns the alert as it is then."""
    alert = house.people.messages("staff")[-1]
    house.people.press("staff", alert["message_id"], "👍 Got it", **by)
    house.pump()
    return house.people.messages("staff")[-1]


def test_an_alert_can_be_taken_on_and_then_says_who_has_it(alarmed, settings):
    ola = a_member_of_staff(settings, OPERATOR)
    incident = Incident.objects.get()
    alert = alarmed.people.messages("staff")[-1]
    assert labels_of(alert) == ["👍 Got it", "🖥 Open the desk"]
    desk = f"{settings.PUBLIC_URL}/admin/notifications/incident/{incident.pk}/change/"
    assert alert["buttons"][1][0]["url"] == desk
    after = press(alarmed)
    incident.refresh_from_db()
    assert incident.acknowledged_by == ola
    assert alarmed.toast() == "You have it. Nobody else is called."
    assert "👍 Ola has it since " in after["text"]
    assert after["text"].startswith(alert["text"])
    assert labels_of(after) == ["🖥 Open the desk"]
    assert to_the_room().state == DeliveryState.OPENED


def test_a_stranger_in_the_group_is_refused_kindly_and_gets_no_account(alarmed, settings):
    before = User.objects.count()
    after = press(alarmed)
    assert "Only operators and owners" in alarmed.toast()
    assert labels_of(after) == ["👍 Got it", "🖥 Open the desk"]
    assert Incident.objects.get().acknowledged_at is None
    assert User.objects.count() == before


@pytest.mark.parametrize("change", [{"is_active": False}, {"is_staff": False}, {"telegram_id": 5}, {}])
def test_neither_former_staff_nor_one_without_the_right_nor_a_party_takes_it_on(alarmed, settings, change):
    user = a_member_of_staff(settings, *([OPERATOR] if change else []))
    User.objects.filter(pk=user.pk).update(**change)
    press(alarmed)
    assert "Only operators and owners" in alarmed.toast()
    press(alarmed, by="bea")
    assert "Only operators and owners" in alarmed.toast()
    assert Incident.objects.get().acknowledged_at is None


def test_pressed_by_a_second_it_says_who_was_first(alarmed, settings):
    a_member_of_staff(settings, OPERATOR)
    acknowledge_incident(actor=cast.olu(), incident_id=Incident.objects.get().pk)
    after = press(alarmed)
    assert alarmed.toast() == "Olu has it already."
    assert "👍 Olu has it since " in after["text"]
    assert Incident.objects.get().acknowledged_by == cast.olu()


def test_pressed_when_it_is_over_or_gone_it_says_so_and_so_does_a_forged_button(alarmed, settings):
    a_member_of_staff(settings, OPERATOR)
    Incident.objects.update(closed_at=clock.real_now())
    assert labels_of(press(alarmed)) == ["🖥 Open the desk"]
    assert alarmed.toast() == "It is over: nobody has to take it on."
    for number, data in enumerate(
        ("alert!:999999::", "alert!:99999999999999999999::", "alert!:x::", "menu:::", "nonsense"), start=700
    ):
        alarmed.handle(group_press(number, data, settings.SANDBOX_STAFF_TELEGRAM_ID))
    assert len(alarmed.people.messages("staff")) == 1
    assert staff_room.take_press(telegram_id=1, message_id=999, data="nonsense").screen is None


def group_press(number: int, data: str, telegram_id: int) -> dict:
    chat = {"id": GROUP, "type": "supergroup", "title": "Staff"}
    message = {"message_id": 1, "date": 1_790_000_000, "chat": chat, "text": "an alert"}
    sender = {"id": telegram_id, "is_bot": False, "first_name": "Ola"}
    query = {"id": f"q{number}", "from": sender, "message": message, "chat_instance": "1", "data": data}
    return {"update_id": number, "callback_query": query}


def test_words_in_the_group_are_not_read(acting):
    count = len(acting.people.messages("staff"))
    for number, text in enumerate(("/start", "hello", "/cancel"), start=700):
        chat = {"id": GROUP, "type": "supergroup", "title": "Staff"}
        entities = [{"type": "bot_command", "offset": 0, "length": len(text)}] if text.startswith("/") else []
        sender = {"id": 99, "is_bot": False, "first_name": "Eve"}
        message = {"message_id": number, "date": 1, "chat": chat, "from": sender, "text": text, "entities": entities}
        acting.handle({"update_id": number, "message": message})
    assert len(acting.people.messages("staff")) == count
    assert not User.objects.filter(telegram_id=99).exists()
