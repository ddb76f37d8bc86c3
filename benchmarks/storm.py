"""N5: a storm of notices against a Telegram that keeps its limits: 3,000 messages to 500 chats, the first answer a 429.

The sender runs as a process of its own, like the bot, with the bot's pool of connections; Telegram is here. Its speed
is limited by Telegram's 30 a second, not by the machine: the ratio is told against that ceiling, the wait that the 429
asked for included.
"""

import asyncio
import os
import subprocess
import sys
from datetime import timedelta
from typing import TYPE_CHECKING

from benchmarks.measuring import Ratio

if TYPE_CHECKING:
    from telegrambot.sandbox.config import SandboxConfig
    from telegrambot.sandbox.testing import SandboxClient

CHATS, EACH, PORT = 500, 2, 23_790  # of each of three kinds
CEILING = 30
FAR_END = f"http://127.0.0.1:{PORT}"


def measure() -> list[Ratio]:
    """Two minutes. Raises: CalledProcessError, or SystemExit when a message was lost or in doubt, or a 429 came
    again."""
    from telegrambot.sandbox.testing import run_sandbox

    with run_sandbox(far_end(), port=PORT) as phones:
        prepare(phones)
        phones.faults(limits={"per_second": CEILING, "chat_per_second": 1, "chat_burst": 3})
        phones.faults(too_many={"count": 1, "retry_after": 1})
        run = subprocess.run(
            [sys.executable, "-m", "benchmarks.storm"],
            env={**os.environ, "DATABASE_POOL": "true", "TELEGRAM_API_URL": FAR_END},
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        require_whole(refused=phones.faults()["refused_for_pace"])
    seconds, paid_seconds = (float(word) for word in run.stdout.split()[-2:])
    sent = 3 * CHATS * EACH
    return [
        Ratio("N5", "Telegram, 3,000 notices to 500 chats / 30 a second", sent / seconds, CEILING, 0.95),
        Ratio("N5", "of these the ones about money, sent first", sent / 3 / paid_seconds, CEILING, 0.9),
    ]


def main() -> None:
    """Sends all that waits. Prints after how many seconds all was sent, and all that was about money."""
    import django

    django.setup()
    from django.db.models import Max, Min

    from notifications.models import Attempt, Delivery, Priority

    asyncio.run(send_all())
    began = Attempt.objects.aggregate(at=Min("started_at"))["at"]
    about_money = Delivery.objects.filter(priority=Priority.PAYMENT)
    ended = [rows.aggregate(at=Max("sent_at"))["at"] for rows in (Delivery.objects.all(), about_money)]
    print(*((at - began) / timedelta(seconds=1) for at in ended))


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
    from tests.telegrambot.crowd import crowd_of, happened_to

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

    return Delivery.objects.filter(state__in=[DeliveryState.QUEUED, DeliveryState.SENDING]).exists()


def require_whole(*, refused: int) -> None:
    """Each message once, one 429 in all. Raises: SystemExit."""
    from notifications.models import Attempt, Delivery, DeliveryState, Outcome

    unsent = Delivery.objects.exclude(state=DeliveryState.SENT, is_uncertain=False).count()
    refusals = Attempt.objects.exclude(outcome=Outcome.SENT).count()
    if unsent or refused or refusals != 1:
        raise SystemExit(f"{unsent} not sent, {refused} broke the limits, {refusals} tries were refused")


if __name__ == "__main__":
    main()
