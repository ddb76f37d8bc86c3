"""N5: a storm of notices against a Telegram that keeps its limits: 3,000 messages to 500 chats, the first answer a 429.

The sender runs as a process of its own, like the bot, with the bot's pool of connections; Telegram is here. Its speed
is limited by Telegram's 30 a second, not by the machine: the ratio is told against that ceiling, the wait that the 429
asked for included. Then Telegram is down for an hour, see outage.py.
"""

import asyncio
import os
import subprocess
import sys
from datetime import timedelta
from typing import TYPE_CHECKING

from benchmarks import outage
from benchmarks.measuring import Ratio

if TYPE_CHECKING:
    from telegrambot.sandbox.config import SandboxConfig
    from telegrambot.sandbox.testing import SandboxClient

CHATS, EACH, PORT = 500, 2, 23_790  # of each of three kinds
CEILING = 30
FAR_END = f"http://127.0.0.1:{PORT}"


def measure() -> list[Ratio]:
    """Three minutes. Raises: CalledProcessError, or SystemExit when a message was lost or in doubt, or a 429 came
    again."""
    from django.test import override_settings

    from notifications.models import Delivery, Priority
    from telegrambot.sandbox.testing import run_sandbox

    with override_settings(TELEGRAM_API_URL=FAR_END), run_sandbox(far_end(), port=PORT) as phones:
        prepare(phones)
        phones.faults(limits={"per_second": CEILING, "chat_per_second": 1, "chat_burst": 3})
        phones.faults(too_many={"count": 1, "retry_after": 1})
        run_sender()
        require_whole(refused=phones.faults()["refused_for_pace"])
        sent = 3 * CHATS * EACH
        seconds = seconds_of(Delivery.objects.all())
        paid_seconds = seconds_of(Delivery.objects.filter(priority=Priority.PAYMENT))
        return [
            Ratio("N5", "Telegram, 3,000 notices to 500 chats / 30 a second", sent / seconds, CEILING, 0.95),
            Ratio("N5", "of these the ones about money, sent first", sent / 3 / paid_seconds, CEILING, 0.9),
            *outage.measure(phones, first=CHATS, ceiling=CEILING),
        ]


def run_sender() -> None:
    """Sends all that waits, in a process of its own. Raises: CalledProcessError."""
    environment = {**os.environ, "DATABASE_POOL": "true", "TELEGRAM_API_URL": FAR_END}
    subprocess.run([sys.executable, "-m", "benchmarks.storm"], env=environment, check=True)


def seconds_of(deliveries, **tries: str) -> float:  # type: ignore[no-untyped-def]
    """From the first try of those messages (among `tries`) to the moment when the last was sent."""
    from django.db.models import Max, Min

    from notifications.models import Attempt

    began = Attempt.objects.filter(delivery__in=deliveries, **tries).aggregate(at=Min("started_at"))["at"]
    return (deliveries.aggregate(at=Max("sent_at"))["at"] - began) / timedelta(seconds=1)


def main() -> None:
    """The sender's process: ends when all is sent."""
    import django

    django.setup()
    asyncio.run(send_all())


def far_end() -> "SandboxConfig":
    """Telegram as this machine plays it."""
    from django.conf import settings

    from telegrambot.sandbox.config import SandboxConfig

    return SandboxConfig(
        token=settings.TELEGRAM_TOKEN,
        bot_username=settings.TELEGRAM_BOT_USERNAME,
        api_key=settings.SANDBOX_API_KEY,
        webhook_secret=settings.SANDBOX_WEBHOOK_SECRET,
        sandbox_url=FAR_END,
    )


def prepare(phones: "SandboxClient") -> None:
    """The least urgent were made first."""
    from django.db import connection

    from lockbay.events.kinds import Kind
    from notifications.fanout import fan_out
    from tests.notifications.stories import forget_the_past
    from tests.telegrambot.crowd import crowd_of, happened_to

    forget_the_past()  # what the other parts' trades have to tell
    people = crowd_of(CHATS, phones)
    for kind in (Kind.REFERRAL_JOINED, Kind.AFFILIATE_EARNED, Kind.DEPOSIT_CREDITED):
        happened_to(people, kind, times=EACH)
    while fan_out():
        pass
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")  # as in a house that has run for a while, see drain.age_the_house


async def send_all() -> None:
    """Returns when nothing waits any more."""
    from telegrambot.bot_client import build_bot
    from telegrambot.database import in_database
    from telegrambot.outgoing import Sender
    from telegrambot.pausing import wait_for_event

    bot, stopping = build_bot(), asyncio.Event()
    await bot.initialize()
    sending = asyncio.create_task(Sender(bot, stopping).run())
    while await in_database(is_anything_left) and not sending.done():
        await wait_for_event(stopping, 0.5)
    stopping.set()
    await sending
    await bot.shutdown()


def is_anything_left() -> bool:
    """Whether something is not sent yet."""
    from notifications.models import Delivery, DeliveryState

    waiting = Delivery.objects.filter(channel="telegram", state__in=[DeliveryState.QUEUED, DeliveryState.SENDING])
    return bool(waiting.exists())


def require_whole(*, refused: int) -> None:
    """Each message once, one 429 in all. Raises: SystemExit."""
    from notifications.models import Attempt, Delivery, DeliveryState, Outcome

    unsent = Delivery.objects.exclude(state=DeliveryState.SENT, is_uncertain=False).count()
    refusals = Attempt.objects.exclude(outcome=Outcome.SENT).count()
    if unsent or refused or refusals != 1:
        raise SystemExit(f"{unsent} not sent, {refused} broke the limits, {refusals} tries were refused")


if __name__ == "__main__":
    main()
