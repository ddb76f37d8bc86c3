"""Webhook mode: hands updates to the bot's address instead of waiting for getUpdates."""

import asyncio
import json

from .posting import post
from .world import World


async def push_updates(world: World) -> None:
    """Posts updates in order, each until it is accepted, for as long as a webhook is set.

    Source: https://core.telegram.org/bots/api#setwebhook
    """
    while not world.closing:
        if not world.data.webhook.get("url") or not world.data.updates:
            await world.wait_for_change(30)
        elif not await _push(world):
            await asyncio.sleep(1)


async def _push(world: World) -> bool:
    update = world.data.updates[0]
    headers = {
        "Content-Type": "application/json",
        "X-Telegram-Bot-Api-Secret-Token": world.data.webhook.get("secret_token", ""),
    }
    status = await post(world.data.webhook["url"], json.dumps(update).encode(), headers)
    is_taken = 200 <= status < 300
    if is_taken:
        world.acknowledge(update["update_id"] + 1)
    return is_taken
