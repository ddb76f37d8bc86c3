"""The bot process: one event loop, five loops in it, one orderly end."""

import asyncio
import signal
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import structlog
from django.conf import settings
from telegram.error import TelegramError

from notifications.start_test import note_start
from payments.rates.prewarm import prewarm
from telegrambot.application import BotApplication
from telegrambot.bot_client import LockBayBot, build_bot, patiently
from telegrambot.commands import publish_commands
from telegrambot.database import in_database
from telegrambot.dispatcher import Dispatcher
from telegrambot.live_screens import LiveScreens
from telegrambot.outgoing import Sender
from telegrambot.pacing import Pace
from telegrambot.signs_of_life import SignsOfLife
from telegrambot.updates import RawUpdate, store_updates
from telegrambot.updates_loop import poll_updates, watch_webhook
from telegrambot.webhook import ask_for_webhook

log = structlog.get_logger(__name__)

STOP_SECONDS = 4.5
_DATABASE_THREADS = 8


async def run_bot(stopping: asyncio.Event | None = None) -> None:
    """Runs until SIGTERM, SIGINT or `stopping`; what is under way is finished, within STOP_SECONDS.

    Raises: telegram.error.InvalidToken, or whatever broke one of the loops: the supervisor starts it again.
    """
    stopping = stopping or asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(_DATABASE_THREADS, thread_name_prefix="bot-database"))
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    work = asyncio.create_task(_work(stopping))
    stop = asyncio.create_task(stopping.wait())
    await asyncio.wait({work, stop}, return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    _done, unfinished = await asyncio.wait({work}, timeout=STOP_SECONDS)
    if unfinished:
        log.warning("BOT_STOPPED_IN_THE_MIDDLE")  # nothing is lost: rows say what is unfinished
        work.cancel()
        await asyncio.wait({work})
        return
    work.result()
    log.info("BOT_STOPPED")


async def _work(stopping: asyncio.Event) -> None:
    pace = Pace()
    bot, sending_bot = build_bot(pace=pace), build_bot()
    prewarming = asyncio.create_task(_prewarm())
    await patiently(bot.initialize, stopping)
    await patiently(sending_bot.initialize, stopping)
    await asyncio.wait({prewarming}, timeout=settings.RATE_PREWARM_SECONDS)
    if stopping.is_set():
        return
    application = BotApplication(bot)
    await application.start()
    await _publish(bot)
    life = SignsOfLife()
    dispatcher = Dispatcher(application, stopping, on_handled=life.note_handled)
    log.info("BOT_STARTED", username=bot.username)
    await in_database(note_start, "bot")
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_take_updates(bot, dispatcher, life, stopping))
            group.create_task(dispatcher.run())
            group.create_task(Sender(sending_bot, stopping, pace).run())
            group.create_task(LiveScreens(bot, stopping).run())
            group.create_task(life.run(stopping))
    finally:
        await application.stop()
        await sending_bot.shutdown()


async def _take_updates(bot: LockBayBot, dispatcher: Dispatcher, life: SignsOfLife, stopping: asyncio.Event) -> None:
    """By the mode of the settings; changing it drops no update that waits at Telegram (T1)."""
    if settings.TELEGRAM_MODE == "webhook":
        await patiently(partial(ask_for_webhook, bot), stopping)
        await watch_webhook(bot.get_webhook_info, stopping, on_polled=life.note_poll)
    else:
        await patiently(partial(bot.delete_webhook, drop_pending_updates=False), stopping)
        await poll_updates(bot, _storing(dispatcher), stopping, on_polled=life.note_poll)


def _storing(dispatcher: Dispatcher):  # type: ignore[no-untyped-def]
    async def store(batch: Sequence[RawUpdate]) -> None:
        await in_database(store_updates, batch)
        dispatcher.wake()

    return store


async def _prewarm() -> None:
    """Rates first (R3). Its failure is a red health entry, not a bot that does not start."""
    try:
        await in_database(prewarm, "bot")
    except Exception:
        log.exception("BOT_PREWARM_FAILED")


async def _publish(bot) -> None:  # type: ignore[no-untyped-def]
    try:
        await publish_commands(bot)
    except TelegramError as error:
        log.warning("COMMANDS_NOT_PUBLISHED", error=str(error))
