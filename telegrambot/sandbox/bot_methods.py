"""Bot API methods that send nothing: identity, updates, commands, chats, files, answers to buttons."""

import time
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request

from .errors import BadRequest, BotApiError
from .parameters import Parameters
from .people import require_chat
from .runtime import Sandbox

MOST_UPDATES = 100
LONGEST_POLL_SECONDS = 50
TYPING_SECONDS = 5
KEPT_TOASTS = 50

Method = Callable[[Sandbox, Parameters, Request], Awaitable[Any]]


def bot_user(sandbox: Sandbox) -> dict[str, Any]:
    """Telegram's User object of the bot."""
    config = sandbox.config
    return {"id": config.bot_id, "is_bot": True, "first_name": "LockBay", "username": config.bot_username}


async def get_me(sandbox: Sandbox, parameters: Parameters, request: Request) -> dict[str, Any]:
    """Who the bot is."""
    rights = {"can_join_groups": False, "can_read_all_group_messages": False, "supports_inline_queries": False}
    return {**bot_user(sandbox), **rights}


async def get_updates(sandbox: Sandbox, parameters: Parameters, request: Request) -> list[dict[str, Any]]:
    """Waits for updates; the offset acknowledges the earlier ones, unacknowledged ones come again.

    Raises: BotApiError 409 when a webhook is set or another poll takes over.
    """
    world = sandbox.world
    if world.data.webhook.get("url"):
        raise BotApiError(
            409,
            "Conflict: can't use getUpdates method while webhook is active; "
            "use deleteWebhook to delete the webhook first",
        )
    world.acknowledge(parameters.integer("offset"))
    limit = min(max(parameters.integer("limit", MOST_UPDATES), 1), MOST_UPDATES)
    deadline = time.monotonic() + min(max(parameters.integer("timeout"), 0), LONGEST_POLL_SECONDS)
    world.poll_number += 1
    own_number, world.polling = world.poll_number, True
    world.touch()
    try:
        while not world.data.updates and time.monotonic() < deadline and not world.closing:
            # a second at most, to notice a bot that died while it waited
            await world.wait_for_change(min(1.0, deadline - time.monotonic()))
            if world.poll_number != own_number:
                raise BotApiError(
                    409,
                    "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running",
                )
            if await request.is_disconnected():
                break
        return world.data.updates[:limit]
    finally:
        if world.poll_number == own_number:
            world.polling, world.last_poll_at = False, time.monotonic()


async def set_webhook(sandbox: Sandbox, parameters: Parameters, request: Request) -> bool:
    """Sends updates to an address from now on; an empty one ends that."""
    if parameters.flag("drop_pending_updates"):
        sandbox.world.acknowledge(sandbox.world.data.last_update_id + 1)
    url = parameters.text("url")
    sandbox.world.data.webhook = {"url": url, "secret_token": parameters.text("secret_token")} if url else {}
    sandbox.world.touch()
    return True


async def delete_webhook(sandbox: Sandbox, parameters: Parameters, request: Request) -> bool:
    """Goes back to polling."""
    parameters.values.pop("url", None)
    return await set_webhook(sandbox, parameters, request)


async def get_webhook_info(sandbox: Sandbox, parameters: Parameters, request: Request) -> dict[str, Any]:
    """Where updates go and how many wait."""
    data = sandbox.world.data
    return {
        "url": data.webhook.get("url", ""),
        "has_custom_certificate": False,
        "pending_update_count": len(data.updates),
    }


async def set_my_commands(sandbox: Sandbox, parameters: Parameters, request: Request) -> bool:
    """Publishes the commands of one language."""
    commands = parameters.object("commands") or []
    if not isinstance(commands, list) or not all(isinstance(command, dict) for command in commands):
        raise BadRequest("can't parse commands: expected an Array of BotCommand")
    sandbox.world.data.commands[parameters.text("language_code")] = commands
    sandbox.world.touch()
    return True


async def get_my_commands(sandbox: Sandbox, parameters: Parameters, request: Request) -> list[dict[str, str]]:
    """The commands published for one language."""
    return sandbox.world.data.commands.get(parameters.text("language_code"), [])


async def send_chat_action(sandbox: Sandbox, parameters: Parameters, request: Request) -> bool:
    """Shows that the bot is typing."""
    person = require_chat(sandbox.world, parameters)
    sandbox.world.typing[person.key] = time.monotonic() + TYPING_SECONDS
    sandbox.world.touch()
    return True


async def get_chat(sandbox: Sandbox, parameters: Parameters, request: Request) -> dict[str, Any]:
    """Telegram's ChatFullInfo object, as far as anybody looks at it."""
    person = require_chat(sandbox.world, parameters, reachable=False)
    gifts = {
        "unlimited_gifts": False,
        "limited_gifts": False,
        "unique_gifts": False,
        "premium_subscription": False,
        "gifts_from_channels": False,
    }
    return {**person.as_chat(), "accent_color_id": 0, "max_reaction_count": 11, "accepted_gift_types": gifts}


async def get_file(sandbox: Sandbox, parameters: Parameters, request: Request) -> dict[str, Any]:
    """Where a file can be fetched."""
    row = sandbox.world.data.files.get(parameters.text("file_id"))
    if row is None:
        raise BadRequest("wrong file_id or the file is temporarily unavailable")
    file_id = row["file_id"]
    return {
        "file_id": file_id,
        "file_unique_id": file_id[-16:],
        "file_size": row["size"],
        "file_path": f"files/{file_id}",
    }


async def answer_callback_query(sandbox: Sandbox, parameters: Parameters, request: Request) -> bool:
    """Ends the spinner of a pressed button and shows the answer as a toast."""
    world = sandbox.world
    callback = world.data.callbacks.get(parameters.text("callback_query_id"))
    if callback is None or callback["answered"]:
        raise BadRequest("query is too old and response timeout expired or query ID is invalid")
    callback["answered"] = True
    text = parameters.text("text")
    if text:
        number = world.toasts[-1]["number"] + 1 if world.toasts else world.version
        world.toasts.append(
            {"number": number, "person": callback["person"], "text": text, "alert": parameters.flag("show_alert")}
        )
        del world.toasts[:-KEPT_TOASTS]
    world.touch()
    return True


METHODS: dict[str, Method] = {
    "getMe": get_me,
    "getUpdates": get_updates,
    "setWebhook": set_webhook,
    "deleteWebhook": delete_webhook,
    "getWebhookInfo": get_webhook_info,
    "setMyCommands": set_my_commands,
    "getMyCommands": get_my_commands,
    "sendChatAction": send_chat_action,
    "getChat": get_chat,
    "getFile": get_file,
    "answerCallbackQuery": answer_callback_query,
}
