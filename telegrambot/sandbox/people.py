"""What people do on their phones: start, write, press, block; and whether the bot may write to them."""

import copy
import secrets
from typing import Any

from . import markup
from .errors import BadRequest, BotApiError, SandboxRefusal
from .keyboards import find_button
from .parameters import Parameters
from .runtime import Sandbox
from .world import Message, Person, World

LONGEST_TEXT = 4096
STAFF_MEMBER = ("Olu", "olu_operates")  # of the desk's demo login
KEPT_CALLBACKS = 500
_SHUT_OUT = {False: "blocked by the user", True: "kicked from the supergroup chat"}


def require_chat(world: World, parameters: Parameters, *, reachable: bool = True) -> Person:
    """The person behind chat_id.

    Raises: BotApiError 400 for an unknown chat; 403, when they must be reachable, for one who never pressed Start
    or blocked the bot.
    """
    person = world.person_by_id(parameters.integer("chat_id"))
    if person is None:
        raise BadRequest("chat not found")
    if reachable and person.blocked:
        raise BotApiError(403, f"Forbidden: bot was {_SHUT_OUT[person.is_group]}")
    if reachable and not person.started:
        raise BotApiError(403, "Forbidden: bot can't initiate conversation with a user")
    return person


def send_text(sandbox: Sandbox, person: Person, text: str) -> dict[str, Any]:
    """Sends a text to the bot. Raises: SandboxRefusal for an empty or overlong text, or while the bot is blocked."""
    if not text.strip() or len(text) > LONGEST_TEXT:
        raise SandboxRefusal(400, "bad_text")
    if person.blocked:
        raise SandboxRefusal(409, "bot_is_blocked")
    if person.is_group:
        raise SandboxRefusal(409, "bot_does_not_read_groups")
    formatted = markup.read_plain(text)
    api = {
        "from": person.as_user(),
        "chat": person.as_chat(),
        "date": sandbox.clock.timestamp(),
        "text": formatted.text,
        "entities": formatted.entities,
    }
    message = Message(api, formatted.html)
    person.add_message(message)
    person.started = True
    message.update_id = sandbox.world.add_update({"message": copy.deepcopy(api)})
    return api


def press_start(sandbox: Sandbox, person: Person, payload: str) -> dict[str, Any]:
    """Presses Start, perhaps through a link that carries a payload; it also lifts a block."""
    if person.blocked:
        set_blocked(sandbox, person, blocked=False)
    return send_text(sandbox, person, f"/start {payload}".strip())


def press_button(
    sandbox: Sandbox, person: Person, message_id: int, wanted: str, *, presser: Person | None = None
) -> str:
    """Presses the button with that callback data or label; returns the id of the callback query. In a group it is the
    member of staff who presses, or `presser`.

    Raises: SandboxRefusal 404 when the message has no such button.
    """
    message = person.find_message(message_id)
    button = find_button(message.api.get("reply_markup"), wanted) if message else None
    if message is None or button is None:
        raise SandboxRefusal(404, "no_such_button")
    callbacks = sandbox.world.data.callbacks
    callback_id = str(secrets.randbits(62))
    callbacks[callback_id] = {
        "person": person.key,
        "message_id": message_id,
        "data": button["callback_data"],
        "answered": False,
    }
    for old in list(callbacks)[:-KEPT_CALLBACKS]:
        del callbacks[old]
    sandbox.world.add_update(
        {
            "callback_query": {
                "id": callback_id,
                "from": _presser_of(sandbox, person, presser),
                "message": copy.deepcopy(message.api),
                "chat_instance": str(person.id * 31),
                "data": button["callback_data"],
            }
        }
    )
    return callback_id


def _presser_of(sandbox: Sandbox, person: Person, presser: Person | None) -> dict[str, Any]:
    if not person.is_group:
        return person.as_user()
    return (presser or Person("", sandbox.config.staff_member_id, *STAFF_MEMBER)).as_user()


def set_blocked(sandbox: Sandbox, person: Person, *, blocked: bool) -> None:
    """Blocks the bot or lifts the block; the bot is told, as in Telegram."""
    if person.blocked == blocked:
        return
    person.blocked = blocked
    bot = {
        "id": sandbox.config.bot_id,
        "is_bot": True,
        "first_name": "LockBay",
        "username": sandbox.config.bot_username,
    }
    states: list[dict[str, Any]] = [
        {"user": bot, "status": "member"},
        {"user": bot, "status": "kicked", "until_date": 0},
    ]
    old, new = states if blocked else reversed(states)
    sandbox.world.add_update(
        {
            "my_chat_member": {
                "chat": person.as_chat(),
                "from": person.as_user(),
                "date": sandbox.clock.timestamp(),
                "old_chat_member": old,
                "new_chat_member": new,
            }
        }
    )
