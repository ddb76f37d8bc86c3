"""The sender: paced, in order per chat, urgent first; every 429 obeyed; what is lost is tried once more only."""

import asyncio
import time

import pytest

from escrows.actions.accept import accept_escrow
from escrows.actions.mark_delivered import mark_delivered
from escrows.models import Escrow
from lockbay import clock
from lockbay.people.models import User
from notifications.fanout import fan_out
from notifications.models import Delivery, DeliveryState
from telegrambot import pacing
from tests import cast
from tests.telegrambot.house import House, labels_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def acting(house):
    house.play_cast()
    return house


def notices(house: House, person: str) -> list[str]:
    return [message["text"] for message in house.people.messages(person) if message["from_bot"]]


def a_paid_trade_after_the_other_notices(house: House) -> None:
    """So that the offer is told by the payment alone."""
    agreement = cast.an_agreement()
    house.pump()
    cast.paid(agreement)


def due_now() -> None:
    Delivery.objects.filter(state=DeliveryState.QUEUED).update(due_at=clock.real_now())


def test_a_notice_arrives_with_its_buttons_and_is_marked_sent_with_telegrams_id(acting):
    a_paid_trade_after_the_other_notices(acting)
    acting.pump()
    offer = acting.last("sol")
    assert any("Accept" in label for label in labels_of(offer))
    row = Delivery.objects.get(template="trade_offered", channel="telegram")
    assert (row.state, row.provider_id) == (DeliveryState.SENT, str(offer["message_id"]))


def test_a_storm_of_429_is_obeyed_and_loses_nothing_and_keeps_the_order_of_a_chat(acting, monkeypatch):
    monkeypatch.setattr(pacing, "CHAT_PAUSE_SECONDS", 0.05)
    acting.restart()
    escrow = cast.a_paid_trade()
    accept_escrow(actor=cast.sol(), escrow_id=escrow.pk)
    mark_delivered(actor=cast.sol(), escrow_id=escrow.pk)
    before = len(notices(acting, "bea"))
    acting.people.faults(too_many={"count": 3, "retry_after": 1})
    started = time.monotonic()
    while (
        Delivery.objects.filter(channel="telegram", state__in=[DeliveryState.QUEUED, DeliveryState.SENDING]).exists()
        or not Delivery.objects.exists()
    ):
        acting.pump()
        assert time.monotonic() - started < 30
        time.sleep(0.02)
    assert time.monotonic() - started > 1.0
    told = notices(acting, "bea")[before:]
    order = [next(i for i, text in enumerate(told) if words in text) for words in ("joined", "confirmed", "delivered")]
    assert order[1:] == sorted(order[1:])
    assert len(told) == len(set(told))
    overtaken = Delivery.objects.filter(channel="telegram").exclude(state=DeliveryState.SENT)
    assert set(overtaken.values_list("template", "state", "error")) == {
        ("trade_offered", "skipped", "the trade has moved on"),
        ("trade_accepted", "skipped", "the trade has moved on"),
    }


def test_an_urgent_notice_overtakes_a_reminder_in_the_line(acting):
    cast.a_paid_trade()
    fan_out()
    Delivery.objects.filter(template="party_joined").update(priority=2)
    acting.pump()
    told = [text for text in notices(acting, "bea") if "joined" in text or "confirmed" in text]
    assert "confirmed" in told[0]


def test_a_person_who_blocked_the_bot_is_noted_and_not_tried_again(acting):
    acting.people.set_blocked("sol", True)
    cast.a_paid_trade()
    acting.pump()
    assert User.objects.get(pk=cast.sol().pk).blocked_bot_at is not None
    row = Delivery.objects.filter(recipient=cast.sol(), channel="telegram").first()
    assert row is None or row.state in (DeliveryState.FAILED, DeliveryState.SKIPPED)
    acting.people.start("sol")
    acting.pump()
    assert User.objects.get(pk=cast.sol().pk).blocked_bot_at is None


def test_who_comes_back_hears_first_what_was_missed_the_newest_word_on_each_trade(acting):
    a_paid_trade_after_the_other_notices(acting)
    acting.people.set_blocked("sol", True)
    acting.pump()
    assert not any("has paid" in text for text in notices(acting, "sol"))
    acting.people.set_blocked("sol", False)
    acting.people.start("sol")
    acting.pump()
    missed = [text for text in notices(acting, "sol") if "has paid: accept the trade?" in text]
    assert len(missed) == 1
    acting.people.start("sol")
    acting.pump()
    assert [text for text in notices(acting, "sol") if "has paid: accept the trade?" in text] == missed


def test_who_comes_back_after_the_trade_has_ended_is_not_offered_it_any_more(acting):
    a_paid_trade_after_the_other_notices(acting)
    acting.people.set_blocked("sol", True)
    acting.pump()
    cast.cancelled(Escrow.objects.get())
    acting.pump()
    acting.people.set_blocked("sol", False)
    acting.people.start("sol")
    acting.pump()
    assert not any("accept the trade?" in text for text in notices(acting, "sol"))
    assert sum("ended and the buyer was refunded" in text for text in notices(acting, "sol")) == 1


def test_a_lost_reply_is_marked_uncertain_and_tried_once_more(acting):
    a_paid_trade_after_the_other_notices(acting)
    fan_out()
    Delivery.objects.filter(template="payment_confirmed").update(state=DeliveryState.SKIPPED)
    acting.people.faults(lose_reply=1)
    acting.pump()
    row = Delivery.objects.get(template="trade_offered", channel="telegram")
    assert row.is_uncertain
    due_now()
    acting.pump()
    row.refresh_from_db()
    assert (row.state, row.attempts) == (DeliveryState.SENT, 2)
    assert sum("has paid" in text for text in notices(acting, "sol")) == 2


def test_a_sender_that_was_killed_after_it_claimed_leaves_nothing_behind(acting):
    from notifications.sending import claim

    cast.a_paid_trade()
    fan_out()
    claimed = claim("telegram", 10)
    assert claimed
    acting.restart()
    acting.run(acting.sender._take_over())
    acting.pump()
    assert any("has paid" in text for text in notices(acting, "sol"))


def test_telegram_being_down_is_waited_for(acting):
    acting.people.faults(down=1)
    cast.a_paid_trade()
    with pytest.raises(Exception, match="Internal Server Error"):
        acting.fetch()
    acting.run(acting.sender.send_next())
    acting.run(acting.sender.wait_for_answers())
    time.sleep(1.1)
    due_now()
    deadline = time.monotonic() + 10
    while not any("has paid" in text for text in notices(acting, "sol")) and time.monotonic() < deadline:
        due_now()
        acting.pump()
    assert any("has paid" in text for text in notices(acting, "sol"))


def test_slots_pace_the_sends(acting, monkeypatch, settings):
    settings.TELEGRAM_SENDS_PER_SECOND = 10
    sender = acting.sender
    for number in range(3):
        cast.a_paid_trade(description=f"Lamp {number}")
    started = time.monotonic()
    acting.pump()
    sent = Delivery.objects.filter(channel="telegram", state=DeliveryState.SENT).count()
    assert sent >= 6
    assert time.monotonic() - started >= (sent - 1) * 0.1
    assert not sender._in_flight


def test_a_chat_gets_one_notice_a_second_and_another_chat_does_not_wait(acting, monkeypatch):
    monkeypatch.setattr(pacing, "CHAT_PAUSE_SECONDS", 60.0)
    acting.restart()
    cast.a_paid_trade()
    fan_out()
    acting.pump()
    waiting = Delivery.objects.filter(channel="telegram", state=DeliveryState.QUEUED)
    assert set(waiting.values_list("attempts", flat=True)) <= {0}
    assert (
        Delivery.objects.filter(channel="telegram", state=DeliveryState.SENT).values("recipient").distinct().count()
        == 2
    )


def test_the_sender_stops_when_it_is_told_to(acting):
    async def run() -> None:
        acting.stopping.set()
        await asyncio.wait_for(acting.sender.run(), 2)

    acting.run(run())
