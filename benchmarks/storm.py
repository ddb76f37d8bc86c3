"""N5: a storm of notices against a Telegram that keeps its limits: 3,000 messages to 500 chats, the first answer a 429.

Runs as a process of its own, like the bot, with the bot's pool of connections. Its speed is limited by Telegram's
30 a second, not by the machine: the ratio is told against that ceiling, the wait that the 429 asked
for included.
"""

import asyncio
import os
import subprocess
import sys
import time

from benchmarks.measuring import Ratio

CHATS, EACH, PORT = 500, 2, 23_790  # of each of three kinds
CEILING = 30


def measure() -> list[Ratio]:
    """Two minutes. Raises: CalledProcessError when a message was lost or in doubt, or a 429 came again."""
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks.storm"],
        env={**os.environ, "DATABASE_POOL": "true"},
        check=True,
        capture_output=True,
        text=True,
    )
    sent, seconds, paid_seconds = (float(word) for word in run.stdout.split()[-3:])
    return [
        Ratio("N5", "Telegram, 3,000 notices to 500 chats / 30 a second", sent / seconds, CEILING, 0.95),
        Ratio("N5", "of these the ones about money, sent first", sent / 3 / paid_seconds, CEILING, 0.9),
    ]


def main() -> None:
    """Prints how many were sent, in how many seconds, and when the last one about money was."""
    import django

    django.setup()
    from django.conf import settings

    from telegrambot.sandbox.config import SandboxConfig
    from telegrambot.sandbox.testing import run_sandbox

    settings.TELEGRAM_API_URL = settings.SANDBOX_URL = f"http://127.0.0.1:{PORT}"
    config = SandboxConfig(
        token=settings.TELEGRAM_TOKEN,
        bot_username=settings.TELEGRAM_BOT_USERNAME,
        api_key=settings.SANDBOX_API_KEY,
        webhook_secret=settings.SANDBOX_WEBHOOK_SECRET,
        sandbox_url=settings.SANDBOX_URL,
    )
    with run_sandbox(config, port=PORT) as phones:
        prepare(phones)
        phones.faults(limits={"per_second": CEILING, "chat_per_second": 1, "chat_burst": 3})
        phones.faults(too_many={"count": 1, "retry_after": 1})
        started = time.monotonic()
        paid_after = asyncio.run(send_all())
        seconds = time.monotonic() - started
        require_whole(refused=phones.faults()["refused_for_pace"])
    print(3 * CHATS * EACH, seconds, paid_after)


def prepare(phones) -> None:  # type: ignore[no-untyped-def]
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


async def send_all() -> float:
    """Returns after how many seconds the last message about money was out."""
    from telegrambot.bot_client import build_bot
    from telegrambot.database import in_database
    from telegrambot.outgoing import Sender

    bot, stopping = build_bot(), asyncio.Event()
    await bot.initialize()
    started, paid_after = time.monotonic(), 0.0
    sending = asyncio.create_task(Sender(bot, stopping).run())
    while (left := await in_database(urgencies_left)) and not sending.done():
        if 0 in left:
            paid_after = time.monotonic() - started
        await asyncio.sleep(0.5)
    stopping.set()
    await sending
    await bot.shutdown()
    return paid_after


def urgencies_left() -> set[int]:
    """The priorities of what is not sent yet."""
    from notifications.models import Delivery, DeliveryState

    waiting = Delivery.objects.filter(state__in=[DeliveryState.QUEUED, DeliveryState.SENDING])
    return set(waiting.order_by().values_list("priority", flat=True).distinct())


def require_whole(*, refused: int) -> None:
    """Each message once, one 429 in all. Raises: SystemExit."""
    from notifications.models import Attempt, Delivery, DeliveryState, Outcome

    unsent = Delivery.objects.exclude(state=DeliveryState.SENT, is_uncertain=False).count()
    refusals = Attempt.objects.exclude(outcome=Outcome.SENT).count()
    if unsent or refused or refusals != 1:
        raise SystemExit(f"{unsent} not sent, {refused} broke the limits, {refusals} tries were refused")


if __name__ == "__main__":
    main()
