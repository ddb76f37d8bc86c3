"""Ties the sandbox's parts together and runs what happens by itself."""

import asyncio
import json
import logging
from collections.abc import Coroutine
from contextlib import suppress

from . import world as worlds
from .bot_webhook import push_updates
from .config import SandboxConfig
from .faults import Faults
from .mailbox import Mailbox
from .storage import Storage
from .virtual_clock import VirtualClock
from .webhooks import WebhookSender
from .world import World

log = logging.getLogger(__name__)

SAVE_EVERY_SECONDS = 0.25
LOOK_EVERY_SECONDS = 0.5


class Sandbox:
    """Everything one sandbox process holds."""

    def __init__(self, config: SandboxConfig) -> None:
        self.config = config
        self.storage = Storage(config.state_path)
        self.world = World(self.storage.read(), staff_chat_id=config.staff_chat_id)
        self.clock = VirtualClock(config)
        self.faults = Faults()
        self.mailbox = Mailbox(config.email_folder)
        self.webhooks = WebhookSender(self.world, config.webhook_secret)
        self.loop: asyncio.AbstractEventLoop
        self._tasks: list[asyncio.Task[None]] = []
        self._beside: set[asyncio.Task[None]] = set()
        self._saved_version = self.world.version

    async def start(self) -> None:
        """Starts saving, watching and what a stopped sandbox left undelivered."""
        self.loop = asyncio.get_running_loop()
        await self.clock.refresh()
        self.mailbox.refresh()
        self.webhooks.resume()
        self._tasks = [asyncio.create_task(job) for job in (self._save(), self._look(), push_updates(self.world))]

    async def stop(self) -> None:
        """Stops everything and saves one last time."""
        self.world.close()
        await self.webhooks.close()
        for task in [*self._tasks, *self._beside]:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        self._write()

    def _write(self) -> None:
        self.storage.write(json.dumps(worlds.dump(self.world.data), ensure_ascii=False))
        self._saved_version = self.world.version

    def run_beside(self, work: Coroutine[None, None, None]) -> None:
        """Runs something until it is done, or the sandbox stops."""
        task = asyncio.create_task(work)
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)

    def close_from_thread(self) -> None:
        """Ends every long poll; may be called from another thread."""
        self.loop.call_soon_threadsafe(self.world.close)

    async def _save(self) -> None:
        while True:
            await asyncio.sleep(SAVE_EVERY_SECONDS)
            if self.world.version == self._saved_version or self.config.state_path is None:
                continue
            text = json.dumps(worlds.dump(self.world.data), ensure_ascii=False)
            self._saved_version = self.world.version
            await asyncio.to_thread(self.storage.write, text)

    async def _look(self) -> None:
        """Notices what others change: the clock, the mail folder, a bot that comes or goes."""
        listening = self.world.is_bot_listening()
        while True:
            await asyncio.sleep(LOOK_EVERY_SECONDS)
            try:
                moved = await self.clock.refresh()
                mail = await asyncio.to_thread(self.mailbox.refresh)
            except Exception:  # the database or the folder may be away for a while; the page must live on
                log.exception("sandbox_look_failed")
                continue
            before, listening = listening, self.world.is_bot_listening()
            if moved or mail or before != listening or self.world.stop_typing():
                self.world.touch()
