"""The sender: paced, in order per chat, urgent first; every 429 obeyed; what is lost is tried once more only."""

import asyncio
import time
from collections import Counter

import pytest

from escrows.actions.accept import accept_escrow
from escrows.actions.mark_delivered import mark_delivered
from escrows.models import Escrow
from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.people.models import User
from notifications.fanout import fan_out
from notifications.models import Attempt, Delivery, DeliveryState
from telegrambot import line, outgoing, pacing
from tests import cast
from tests.telegrambot.crowd import crowd_of, happened_to
from tests.telegrambot.house import TELEGRAM_IDS, House, labels_of

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


def test_who_was_behind_an_answer_that_came_during_the_look_is_not_left_waiting(acting, monkeypatch):
    take, hand_over = line._take, outgoing.hand_over

    def look_until_answered(most, pausing):
        batch = take(most, pausing)
        if not batch.claimed and not pausing:  # not the look ahead, which leaves out whom it is on its way to
            wait_until_answered()
        return batch

    async def hand_over_slowly(*given):
        await asyncio.sleep(0.5)
        return await hand_over(*given)

    a_paid_trade_after_the_other_notices(acting)
    accept_escrow(actor=cast.sol(), escrow_id=Escrow.objects.get().pk)
    monkeypatch.setattr(line, "_take", look_until_answered)
    monkeypatch.setattr(outgoing, "hand_over", hand_over_slowly)
    acting.pump()
    assert set(Delivery.objects.filter(recipient=cast.bea(), channel="telegram").values_list("state", flat=True)) == {
        DeliveryState.SENT
    }


def wait_until_answered() -> None:
    """And until the sender has heard of it."""
    ends = time.monotonic() + 10
    while Delivery.objects.filter(state=DeliveryState.SENDING).exists() and time.monotonic() < ends:
        time.sleep(0.01)
    time.sleep(0.2)


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
    order = [next(i for i, text in enumerate(told) if words in text) for words in ("confirmed", "delivered")]
    assert order == sorted(order)
    assert len(told) == len(set(told))
    overtaken = Delivery.objects.filter(channel="telegram").exclude(state=DeliveryState.SENT)
    assert set(overtaken.values_list("template", "state", "error")) == {
        ("party_joined", "skipped", "the trade has moved on"),
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


def test_what_was_taken_ahead_is_given_back_untried_when_the_sender_stops(acting, monkeypatch):
    from telegrambot import line

    happened_to(crowd_of(10, acting.people), Kind.DEPOSIT_CREDITED)
    taken = []
    real_claim = line.claim
    monkeypatch.setattr(line, "claim", lambda *a, **k: taken.append(real_claim(*a, **k)) or taken[-1])

    async def run() -> None:
        await acting.sender.send_next()
        acting.stopping.set()
        await acting.sender.wait_for_answers()

    acting.run(run())
    sent, ahead = (len(batch) for batch in taken)
    assert ahead > 0
    states = Delivery.objects.filter(template="deposit_credited").values_list("state", "attempts", "lease_token")
    assert Counter(states) == {("sent", 1, ""): sent, ("queued", 0, ""): 10 - sent}
    assert Attempt.objects.filter(delivery__template="deposit_credited").count() == sent


def test_what_waited_for_its_slot_longer_than_its_lease_is_not_sent(acting, monkeypatch):
    from telegrambot import line

    a_paid_trade_after_the_other_notices(acting)
    real_take = line._take

    def take_and_freeze(most, pausing):
        batch = real_take(most, pausing)
        for each in batch.ready:
            each.one.delivery.lease_until = clock.real_now()
        return batch

    before = len(notices(acting, "sol"))
    monkeypatch.setattr(line, "_take", take_and_freeze)
    acting.run(acting.sender.send_next())
    acting.run(acting.sender.wait_for_answers())
    assert len(notices(acting, "sol")) == before
    monkeypatch.setattr(line, "_take", real_take)
    acting.pump()
    assert any("has paid" in text for text in notices(acting, "sol"))


def test_an_answer_that_breaks_the_library_leads_to_one_more_copy_and_no_third(acting, monkeypatch):
    a_paid_trade_after_the_other_notices(acting)
    fan_out()
    Delivery.objects.filter(template="payment_confirmed").update(state=DeliveryState.SKIPPED)
    real_send = type(acting.sending_bot).send_message

    async def send_and_break(self, *args, **options):
        await real_send(self, *args, **options)
        raise KeyError("message_id")

    monkeypatch.setattr(type(acting.sending_bot), "send_message", send_and_break)
    for _ in range(4):
        due_now()
        acting.pump()
    row = Delivery.objects.get(template="trade_offered", channel="telegram")
    assert (row.state, row.is_uncertain, row.attempts, row.error) == ("failed", True, 2, "KeyError while sending")
    assert sum("has paid" in text for text in notices(acting, "sol")) == 2


def test_one_that_cannot_be_marked_takes_no_other_with_it(acting, monkeypatch):
    from telegrambot import marks

    a_paid_trade_after_the_other_notices(acting)
    poison = sole_delivery_of("sol")
    real_settle = marks.settle

    def settle_all_but_the_poison(claimed, answer):
        if claimed.delivery_id == poison:
            raise ValueError("cannot be marked")
        return real_settle(claimed, answer)

    def settle_none(answers):
        raise ValueError("cannot be marked")

    monkeypatch.setattr(marks, "settle_accepted", settle_none)
    monkeypatch.setattr(marks, "settle", settle_all_but_the_poison)
    acting.pump()
    row = Delivery.objects.get(pk=poison)
    assert (row.state, row.sent_at) == ("sending", None), "its lease runs out, then it is uncertain"
    others = Delivery.objects.filter(channel="telegram", state="sending").exclude(pk=poison)
    assert not others.exists()
    assert any("confirmed" in text for text in notices(acting, "bea"))


def sole_delivery_of(person: str) -> int:
    fan_out()
    return Delivery.objects.get(recipient__telegram_id=TELEGRAM_IDS[person], state="queued", channel="telegram").pk
