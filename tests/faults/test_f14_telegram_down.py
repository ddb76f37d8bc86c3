"""F14: Telegram is down for an hour while people wait to hear of their money. Everybody hears of it by e-mail in the
minute after the limit, nobody twice by one channel, and when Telegram is back it is not stormed."""

import asyncio
import time
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.conf import LazySettings
from django_q.models import OrmQ

from lockbay import clock, heartbeat
from lockbay.events.kinds import Kind
from lockbay.people.models import Channel, Contact, User
from notifications import jobs
from notifications.fanout import fan_out
from notifications.models import Attempt, Delivery, DeliveryState, Outcome
from telegrambot.sandbox.testing import SandboxClient
from tests.notifications.stories import forget_the_past
from tests.telegrambot.crowd import crowd_of, happened_to
from tests.telegrambot.house import House

pytestmark = pytest.mark.django_db(transaction=True)

WAITING = 1_000
PER_SECOND = 300  # Telegram's limits and our pace, both tenfold; benchmarks/outage.py keeps the real ones


@pytest.fixture
def buyers(phones: SandboxClient, settings: LazySettings) -> list[User]:
    """A thousand people with phones and e-mail; money has just arrived for each."""
    settings.STAFF_EMAILS = []
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    people = crowd_of(WAITING, phones)
    now = clock.real_now()
    Contact.objects.bulk_create(
        Contact(user=user, channel=Channel.EMAIL, address=f"{user.username}@example.org", verified_at=now)
        for user in people
    )
    forget_the_past()
    happened_to(people, Kind.DEPOSIT_CREDITED)
    while fan_out():
        pass
    return people


def work_off_the_queue() -> None:
    """What the worker does of what was asked of it, until nothing is."""
    while OrmQ.objects.exists():
        OrmQ.objects.all().delete()
        jobs.fan_out()


def catch_up(house: House) -> None:
    """The sender runs until nothing is due."""

    async def run() -> None:
        for _round in range(WAITING):
            if not await house.sender.send_next():
                if not await asyncio.to_thread(_is_due):
                    break
                await asyncio.sleep(0.02)
        await house.sender.wait_for_answers()

    house.run(run())


def _is_due() -> bool:
    from django.db import connection

    try:
        waiting = Delivery.objects.filter(channel="telegram", state__in=["queued", "sending"])
        return bool(waiting.exists())
    finally:
        connection.close()


def test_everybody_hears_by_email_in_time_and_telegram_is_not_stormed(
    buyers: list[User], house: House, phones: SandboxClient, mailoutbox: list[Any], settings: LazySettings
) -> None:
    settings.TELEGRAM_SENDS_PER_SECOND = PER_SECOND
    phones.faults(down=3_600)
    for _try in range(3):
        house.run(house.sender.send_next())
    house.run(house.sender.wait_for_answers())
    refused = Attempt.objects.filter(outcome=Outcome.RETRY).count()
    assert refused >= 3, "Telegram was asked and is down"

    with time_machine.travel(clock.real_now(), tick=True) as traveller:
        traveller.shift(timedelta(seconds=61))
        heartbeat.beat("bot")  # the bot lives, it is Telegram that does not
        OrmQ.objects.all().delete()
        jobs.send_fallbacks()
        work_off_the_queue()
    told = Counter(mail.to[0] for mail in mailoutbox)
    assert len(told) == WAITING
    assert set(told.values()) == {1}
    assert all("21.00 USD" in mail.subject for mail in mailoutbox)

    Delivery.objects.filter(channel="telegram", state=DeliveryState.QUEUED).update(due_at=clock.real_now())
    phones.faults(down=0)
    phones.faults(limits={"per_second": PER_SECOND, "chat_per_second": 10, "chat_burst": 3})
    began = time.monotonic()
    catch_up(house)
    assert time.monotonic() - began > 0.9 * WAITING / PER_SECOND - 1, "it was not stormed"
    work_off_the_queue()
    assert phones.faults()["refused_for_pace"] == 0
    chats = [phone for phone in phones.state()["people"] if phone["key"] in {user.username for user in buyers}]
    assert Counter(sum(message["from_bot"] for message in chat["messages"]) for chat in chats) == {1: WAITING}
    assert len(mailoutbox) == WAITING
    states = Counter(Delivery.objects.values_list("channel", "state"))
    assert states["email", "sent"] == WAITING
    assert states["telegram", "sent"] == WAITING
    assert not Delivery.objects.filter(is_uncertain=True).exists()
