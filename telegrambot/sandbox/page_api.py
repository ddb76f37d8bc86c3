"""What the page's script and the tests call: /sandbox/api/…; JSON in, JSON out."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from . import payments, people
from .bot_api import send_file
from .errors import SandboxRefusal
from .runtime import Sandbox
from .snapshot import show_message, show_payment, take_snapshot

LONGEST_WAIT_SECONDS = 25.0
LONGEST_STEP_SECONDS = 400 * 24 * 3600

Handler = Callable[[Request], Awaitable[Response]]


async def show_state(request: Request) -> Response:
    """The snapshot; with ?seen=<version> it waits until there is a newer one, or answers 204."""
    sandbox = _sandbox(request)
    seen = _whole(request.query_params.get("seen"), -1)
    if seen == sandbox.world.version:
        await sandbox.world.wait_for_change(LONGEST_WAIT_SECONDS)
        if seen == sandbox.world.version:
            return Response(status_code=204)
    return JSONResponse(take_snapshot(sandbox))


async def add_person(request: Request) -> Response:
    """A further phone: {"key", "first_name"?, "username"?, "language_code"?}."""
    body = await _read_body(request)
    key = str(body.get("key", "")).strip().lower()
    if not (key.isascii() and key.isalnum() and len(key) <= 20):
        raise SandboxRefusal(400, "bad_key")
    person = _sandbox(request).world.add_person(
        key=key,
        first_name=str(body.get("first_name") or key.title())[:64],
        username=str(body.get("username") or f"{key}_sandbox")[:32],
        language_code=str(body.get("language_code") or "en")[:8],
    )
    return JSONResponse({"key": person.key, "id": person.id}, status_code=201)


async def send_text(request: Request) -> Response:
    """A person writes {"text"} to the bot."""
    sandbox, body = _sandbox(request), await _read_body(request)
    api = people.send_text(sandbox, sandbox.world.person(request.path_params["person"]), str(body.get("text", "")))
    return JSONResponse({"message_id": api["message_id"]})


async def press_start(request: Request) -> Response:
    """A person presses Start, perhaps with {"payload"} of an invitation."""
    sandbox, body = _sandbox(request), await _read_body(request)
    person = sandbox.world.person(request.path_params["person"])
    api = people.press_start(sandbox, person, str(body.get("payload", "")))
    return JSONResponse({"message_id": api["message_id"]})


async def press_button(request: Request) -> Response:
    """A person presses a button: {"message_id", "button": callback data or label, "by"?: who, in a group}."""
    sandbox, body = _sandbox(request), await _read_body(request)
    person = sandbox.world.person(request.path_params["person"])
    callback_id = people.press_button(
        sandbox,
        person,
        _whole(body.get("message_id"), 0),
        str(body.get("button", "")),
        presser=sandbox.world.person(str(body["by"])) if body.get("by") else None,
    )
    return JSONResponse({"callback_query_id": callback_id})


async def set_blocked(request: Request) -> Response:
    """A person blocks the bot or lifts the block: {"blocked": bool}."""
    sandbox, body = _sandbox(request), await _read_body(request)
    people.set_blocked(sandbox, sandbox.world.person(request.path_params["person"]), blocked=bool(body.get("blocked")))
    return JSONResponse({"ok": True})


async def list_messages(request: Request) -> Response:
    """A person's chat, oldest first."""
    world = _sandbox(request).world
    person = world.person(request.path_params["person"])
    return JSONResponse([show_message(message, acknowledged=world.data.acknowledged) for message in person.messages])


async def list_payments(request: Request) -> Response:
    """Payments with their deliveries, newest first."""
    sandbox = _sandbox(request)
    return JSONResponse([show_payment(sandbox, payment) for payment in reversed(sandbox.world.data.payments.values())])


async def pay(request: Request) -> Response:
    """Pays: {"how", "amount"?: decimal text, "confirm_after"?: seconds}; answers when every webhook had a first try."""
    body = await _read_body(request)
    after = body.get("confirm_after")
    result = await payments.pay(
        _sandbox(request),
        request.path_params["payment_id"],
        str(body.get("how", "exact")),
        amount=str(body.get("amount") or "").strip(),
        confirm_after=None if after is None else float(_whole(after, 0)),
    )
    return JSONResponse(result)


async def list_emails(request: Request) -> Response:
    """E-mails with their bodies, newest first."""
    sandbox = _sandbox(request)
    sandbox.mailbox.refresh()
    return JSONResponse(sandbox.mailbox.newest())


async def advance_clock(request: Request) -> Response:
    """Moves the virtual clock: {"seconds"}."""
    sandbox, body = _sandbox(request), await _read_body(request)
    seconds = _whole(body.get("seconds"), 0)
    if not 0 < seconds <= LONGEST_STEP_SECONDS:
        raise SandboxRefusal(400, "bad_seconds")
    await sandbox.clock.advance(seconds)
    sandbox.world.touch()
    return JSONResponse({"now": sandbox.clock.iso(), "offset": sandbox.clock.offset})


async def order_faults(request: Request) -> Response:
    """Arms faults, see Faults.order; {"block": person} and {"unblock": person} as well."""
    sandbox, body = _sandbox(request), await _read_body(request)
    sandbox.faults.order(body)
    if "move_chat" in body:
        sandbox.world.move_group(int(body["move_chat"]["from"]), int(body["move_chat"]["to"]))
    for name, blocked in (("block", True), ("unblock", False)):
        if name in body:
            people.set_blocked(sandbox, sandbox.world.person(str(body[name])), blocked=blocked)
    sandbox.world.touch()
    return JSONResponse(sandbox.faults.as_json())


async def reset(request: Request) -> Response:
    """Empties chats, payments and faults; the clock stays where it is."""
    sandbox = _sandbox(request)
    await _read_body(request)
    sandbox.world.reset()
    sandbox.faults.order({"clear": True})
    return JSONResponse({"ok": True})


async def show_file(request: Request) -> Response:
    """A picture or document that the bot sent."""
    return send_file(_sandbox(request), request.path_params["file_id"])


def _sandbox(request: Request) -> Sandbox:
    sandbox: Sandbox = request.app.state.sandbox
    return sandbox


async def _read_body(request: Request) -> dict[str, Any]:
    # a foreign page in the same browser can send forms and plain text across origins, but not JSON
    if not request.headers.get("content-type", "").startswith("application/json"):
        raise SandboxRefusal(415, "json_expected")
    try:
        body = json.loads(await request.body() or b"{}")
    except ValueError as error:
        raise SandboxRefusal(400, "not_json") from error
    if not isinstance(body, dict):
        raise SandboxRefusal(400, "not_an_object")
    return body


def _whole(value: Any, default: int) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        return default
