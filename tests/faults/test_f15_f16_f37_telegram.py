"""F15, F16 and F37 as Telegram says them, on the wire: a lost reply, people who are gone, chats that moved, texts that
Telegram cannot read."""

import pytest

from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.people.models import User
from notifications.fanout import fan_out
from notifications.models import Attempt, Delivery, DeliveryState
from telegrambot.sandbox.testing import SandboxClient
from tests.notifications.stories import has_email
from tests.telegrambot.crowd import crowd_of, happened_to
from tests.telegrambot.house import House

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def person(phones: SandboxClient) -> User:
    """Somebody with a phone and e-mail, who is about to hear of money."""
    (user,) = crowd_of(1, phones)
    has_email(user)
    return user


def told(house: House, person: User) -> Delivery:
    """Money arrived; the bot does all it can now. The Telegram delivery."""
    happened_to([person], Kind.DEPOSIT_CREDITED)
    send(house)
    return Delivery.objects.get(channel="telegram")


def send(house: House) -> None:
    async def run() -> None:
        while await house.sender.send_next():
            pass
        await house.sender.wait_for_answers()

    house.run(run())


def send_again(house: House) -> None:
    """As if the pause before the next try were over."""
    Delivery.objects.filter(channel="telegram", state=DeliveryState.QUEUED).update(due_at=clock.real_now())
    send(house)


def texts(phones: SandboxClient) -> list[str]:
    return [message["text"] for message in phones.messages("p0") if message["from_bot"]]


def test_f15_a_lost_reply_is_one_more_copy_at_most_and_recorded(
    house: House, person: User, phones: SandboxClient
) -> None:
    phones.faults(lose_reply=2)
    row = told(house, person)
    assert (row.state, row.is_uncertain) == ("queued", True)
    for _ in range(3):
        send_again(house)
    row.refresh_from_db()
    assert (row.state, row.is_uncertain, row.attempts) == ("failed", True, 2)
    assert len(texts(phones)) == 2
    assert Delivery.objects.get(channel="email").state == "queued", "nobody knows, so the next channel tells it"


@pytest.mark.parametrize("how", ["blocked", "deleted", "never started"])
def test_f16_who_is_gone_is_told_by_the_next_channel_at_once_and_remembered(
    house: House, person: User, phones: SandboxClient, how: str
) -> None:
    if how == "blocked":
        phones.set_blocked("p0", True)
    elif how == "deleted":
        phones.faults(delete_account=person.telegram_id)
    else:
        never = phones.add_person("never", first_name="Never", username="never")
        User.objects.filter(pk=person.pk).update(telegram_id=never)
    row = told(house, person)
    assert (row.state, row.attempts) == ("failed", 1)
    assert row.error.startswith("Forbidden")
    assert Delivery.objects.get(channel="email").state == "queued"
    assert User.objects.get(pk=person.pk).blocked_bot_at is not None
    happened_to([person], Kind.DEPOSIT_CREDITED, times=2)
    while fan_out():
        pass
    assert Delivery.objects.filter(channel="telegram").count() == 1, "no loop: the bot is not asked again"


def test_f16_a_chat_that_moved_is_followed_and_remembered(house: House, person: User, phones: SandboxClient) -> None:
    moved = phones.add_person("moved", first_name="Moved", username="moved")
    phones.start("moved")
    phones.faults(move_chat={"from": person.telegram_id, "to": moved})
    row = told(house, person)
    assert (row.state, row.attempts, row.is_uncertain) == ("sent", 1, False)
    assert [message["text"].count("21.00 USD") for message in phones.messages("moved") if message["from_bot"]]
    assert User.objects.get(pk=person.pk).telegram_id == moved


@pytest.mark.parametrize(
    "words", ['can\'t parse entities: Unsupported start tag "x" at byte offset 0', "message is too long"]
)
def test_f37_a_text_that_telegram_refuses_arrives_plain(
    house: House, person: User, phones: SandboxClient, words: str
) -> None:
    phones.faults(refuse_text={"count": 1, "as": words})
    row = told(house, person)
    assert (row.state, row.attempts) == ("sent", 1)
    (text,) = texts(phones)
    assert "21.00 USD is in your wallet" in text
    assert "<b>" not in text
    (message,) = [message for message in phones.messages("p0") if message["from_bot"]]
    assert message["buttons"], "the buttons stay"


@pytest.mark.parametrize(
    "received",
    ["<b>&lt;", "x" * 6_000, "*_`[", "👨‍👩‍👧" * 900, "\u202e\u200b\u200f21.00", "شيك" * 2_000],
    ids=["markup", "6,000 characters", "Markdown", "emoji", "marks", "right to left"],
)
def test_f37_hostile_words_arrive_once_whole_and_within_the_limit(
    house: House, person: User, phones: SandboxClient, received: str
) -> None:
    from django.db import transaction

    from lockbay.events.recording import NewEvent, record

    facts = {"value": "21.00 USD", "received": received, "user_id": person.pk}
    with transaction.atomic():
        record([NewEvent(Kind.DEPOSIT_CREDITED, "deposit", 1, data=facts)])
    send(house)
    assert Delivery.objects.get(channel="telegram").state == "sent"
    (text,) = texts(phones)
    assert "21.00 USD is in your wallet" in text
    assert len(text.encode("utf-16-le")) // 2 <= 4_096


def test_f15_and_f16_are_visible_try_by_try(house: House, person: User, phones: SandboxClient) -> None:
    phones.faults(lose_reply=1)
    told(house, person)
    send_again(house)
    assert list(Attempt.objects.order_by("number").values_list("outcome", flat=True)) == ["uncertain", "sent"]
