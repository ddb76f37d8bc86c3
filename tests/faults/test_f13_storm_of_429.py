"""F13: Telegram keeps its limits with 429 and retry_after. All is sent, in order, money first, and after the first 429
never another one."""

import asyncio
import time

import pytest
from django.conf import LazySettings

from lockbay.events.kinds import Kind
from notifications.fanout import fan_out
from notifications.models import Attempt, Delivery, DeliveryState, Outcome
from telegrambot import pacing
from telegrambot.database import in_database
from telegrambot.sandbox.testing import SandboxClient
from tests.telegrambot.crowd import crowd_of, happened_to
from tests.telegrambot.house import House

pytestmark = pytest.mark.django_db(transaction=True)

PEOPLE, TURNS = 15, 4  # of each of three kinds: 180 messages
CHAT_PAUSE = 0.1


@pytest.fixture
def storm(house: House, phones: SandboxClient, monkeypatch: pytest.MonkeyPatch, settings: LazySettings) -> House:
    """Reminders were made first, then notices about trades, then about money; the limits are Telegram's, ten-fold."""
    monkeypatch.setattr(pacing, "CHAT_PAUSE_SECONDS", CHAT_PAUSE)
    settings.TELEGRAM_SENDS_PER_SECOND = 300
    people = crowd_of(PEOPLE, phones)
    for kind in (Kind.REFERRAL_JOINED, Kind.AFFILIATE_EARNED, Kind.DEPOSIT_CREDITED):
        happened_to(people, kind, times=TURNS)
    while fan_out():
        pass
    phones.faults(limits={"per_second": 300, "chat_per_second": 1 / CHAT_PAUSE, "chat_burst": 3})
    phones.faults(too_many={"count": 1, "retry_after": 1})
    return house


def send_all(house: House) -> None:
    async def run() -> None:
        while await waiting():
            if not await house.sender.send_next():
                await asyncio.sleep(0.02)
        await house.sender.wait_for_answers()

    async def waiting() -> bool:
        return bool(await in_database(_is_anything_waiting))

    house.run(run())


def _is_anything_waiting() -> bool:
    return Delivery.objects.filter(state__in=[DeliveryState.QUEUED, DeliveryState.SENDING]).exists()


def test_all_is_sent_once_money_first_and_no_429_after_the_first(storm: House, phones: SandboxClient) -> None:
    started = time.monotonic()
    send_all(storm)
    assert time.monotonic() - started >= 1.0, "the time that Telegram asked for was kept"
    assert set(Delivery.objects.values_list("state", "is_uncertain")) == {(DeliveryState.SENT, False)}
    assert Delivery.objects.count() == 3 * PEOPLE * TURNS
    assert Attempt.objects.exclude(outcome=Outcome.SENT).count() == 1, "the first 429 and no other"
    assert phones.faults()["refused_for_pace"] == 0
    for place in range(PEOPLE):
        told = [message["text"] for message in phones.messages(f"p{place}") if message["from_bot"]]
        assert len(told) == 3 * TURNS
        kinds = [next(word for word in ("wallet", "earned", "came to") if word in text.split("\n")[0]) for text in told]
        assert kinds == ["wallet"] * TURNS + ["earned"] * TURNS + ["came to"] * TURNS
