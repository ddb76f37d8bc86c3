"""F14 whole: a thousand people wait to hear of their money while Telegram is down for an hour. Each is told by e-mail
when Telegram's limit is over, none twice by one channel, and when Telegram is back it is not stormed."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

from benchmarks.measuring import Ratio

if TYPE_CHECKING:
    from lockbay.people.models import User
    from telegrambot.sandbox.testing import SandboxClient

WAITING = 1_000
TRIES_WHILE_DOWN = 5
MINUTE = 60.0


def measure(phones: "SandboxClient", *, first: int, ceiling: int) -> list[Ratio]:
    """A minute. The people are p<first> and those after; `phones` keeps Telegram's limits once it is back.

    Raises: SystemExit when somebody was not told, or told twice by one channel, or Telegram answered 429.
    """
    from benchmarks.storm import run_sender, seconds_of

    people = prepare(phones, first=first)
    asyncio.run(try_in_vain(phones))
    mailed_in = fall_back_to_email(people)
    come_back(phones, ceiling=ceiling)
    run_sender()
    require_told_once(phones, people)
    seconds = seconds_of(deliveries_of(people).filter(channel="telegram"), outcome="sent")
    return [
        Ratio("F14", "a minute / e-mail to 1,000 whom Telegram could not tell, seconds", MINUTE, mailed_in, 1),
        Ratio("F14", "Telegram is back, 1,000 waiting notices / 30 a second", WAITING / seconds, ceiling, 0.95),
    ]


def prepare(phones: "SandboxClient", *, first: int) -> "list[User]":
    """People with phones and e-mail; money has just arrived for each."""
    from lockbay import clock
    from lockbay.events.kinds import Kind
    from lockbay.people.models import Channel, Contact
    from notifications.fanout import fan_out
    from tests.telegrambot.crowd import crowd_of, happened_to

    people, now = crowd_of(WAITING, phones, first=first), clock.real_now()
    Contact.objects.bulk_create(
        Contact(user=user, channel=Channel.EMAIL, address=f"{user.username}@example.org", verified_at=now)
        for user in people
    )
    happened_to(people, Kind.DEPOSIT_CREDITED)
    while fan_out():
        pass
    return people


async def try_in_vain(phones: "SandboxClient") -> None:
    """Telegram goes down, and the bot asks it all the same."""
    from telegrambot.bot_client import build_bot
    from telegrambot.outgoing import Sender

    async with build_bot() as bot:
        await asyncio.to_thread(phones.faults, down=3_600)
        sender = Sender(bot, asyncio.Event())
        for _try in range(TRIES_WHILE_DOWN):
            await sender.send_next()
        await sender.wait_for_answers()


def fall_back_to_email(people: "list[User]") -> float:
    """The limit passes; the worker does what it is woken for. Returns the seconds from the limit to the last mail."""
    import time_machine
    from django.core import mail
    from django.test import override_settings
    from django_q.models import OrmQ

    from lockbay import clock
    from notifications import jobs

    mail.outbox = []
    in_memory = override_settings(EMAIL_BACKEND="django.core.mail.backends.locmem.EmailBackend", STAFF_EMAILS=[])
    limit = deliveries_of(people).earliest("fallback_at").fallback_at
    with in_memory, time_machine.travel(limit, tick=True):
        jobs.send_fallbacks()
        while OrmQ.objects.exists():
            OrmQ.objects.all().delete()
            jobs.fan_out()
        seconds = (clock.real_now() - limit) / timedelta(seconds=1)
    told = Counter(message.to[0] for message in mail.outbox)
    if told != Counter(f"{user.username}@example.org" for user in people):
        raise SystemExit(f"{len(told)} of {WAITING} were told by e-mail, {max(told.values(), default=0)} times at most")
    return seconds


def come_back(phones: "SandboxClient", *, ceiling: int) -> None:
    """An hour has passed, and everything is due at once: nothing could be worse for Telegram."""
    from lockbay import clock
    from notifications.models import Delivery, DeliveryState

    Delivery.objects.filter(channel="telegram", state=DeliveryState.QUEUED).update(due_at=clock.real_now())
    phones.faults(down=0)
    phones.faults(limits={"per_second": ceiling, "chat_per_second": 1, "chat_burst": 3})


def require_told_once(phones: "SandboxClient", people: "list[User]") -> None:
    """One message a channel for everybody, no 429. Raises: SystemExit."""
    refused = phones.faults()["refused_for_pace"]
    copies = Counter(sum(message["from_bot"] for message in phones.messages(user.username)) for user in people)
    states = Counter(deliveries_of(people).values_list("channel", "state", "is_uncertain"))
    wanted = {("telegram", "sent", False): WAITING, ("email", "sent", False): WAITING}
    if refused or copies != {1: WAITING} or states != wanted:
        raise SystemExit(f"{refused} broke the limits, copies {dict(copies)}, {dict(states)}")


def deliveries_of(people: "list[User]"):  # type: ignore[no-untyped-def]
    """Theirs."""
    from notifications.models import Delivery

    return Delivery.objects.filter(recipient__in=[user.pk for user in people])
