"""The local Bot API: tokens, envelopes, faults; the methods themselves are in bot_methods.py and bot_messages.py.

Source of the wire format: https://core.telegram.org/bots/api#making-requests
"""

import asyncio
import secrets
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from . import bot_messages, bot_methods
from .errors import BotApiError
from .faults import LostReply
from .parameters import read_parameters
from .runtime import Sandbox

_METHODS = {name.lower(): handle for name, handle in {**bot_methods.METHODS, **bot_messages.METHODS}.items()}
# what Telegram counts against its limits, and what a lost answer makes doubtful
_SENDING = {name.lower() for name in bot_messages.METHODS}


async def call_method(request: Request) -> Response:
    """Answers /bot<token>/<method>."""
    sandbox: Sandbox = request.app.state.sandbox
    try:
        _require_token(sandbox, request.path_params["token"])
        sandbox.faults.require_up()
        name = request.path_params["method"].lower()
        if name not in _METHODS:
            raise BotApiError(404, "Not Found: method not found")
        parameters = await read_parameters(request)
        if name in _SENDING:
            chat_id = parameters.integer("chat_id")
            sandbox.faults.require_pace(chat_id)
            sandbox.faults.require_deliverable(chat_id)
        result = await _METHODS[name](sandbox, parameters, request)
    except BotApiError as error:
        return _refusal(error)
    if name in _SENDING and (silence := sandbox.faults.seconds_of_silence()):
        await asyncio.sleep(silence)
    if name in _SENDING and sandbox.faults.takes_reply():
        return LostReply()
    return JSONResponse({"ok": True, "result": result})


async def download_file(request: Request) -> Response:
    """Answers /file/bot<token>/<path>."""
    sandbox: Sandbox = request.app.state.sandbox
    try:
        _require_token(sandbox, request.path_params["token"])
    except BotApiError as error:
        return _refusal(error)
    return send_file(sandbox, request.path_params["path"].rpartition("/")[2])


def send_file(sandbox: Sandbox, file_id: str) -> Response:
    """The content of a file that the bot uploaded; only pictures are shown, everything else is a download."""
    row = sandbox.world.data.files.get(file_id)
    content = sandbox.storage.read_file(file_id) if row else None
    if row is None or content is None:
        return Response("Not Found", status_code=404)
    headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "max-age=3600"}
    if not row["width"]:
        headers["Content-Disposition"] = "attachment"
    return Response(content, media_type=row["content_type"], headers=headers)


def _require_token(sandbox: Sandbox, token: str) -> None:
    if not secrets.compare_digest(token.encode(), sandbox.config.token.encode()):
        raise BotApiError(401, "Unauthorized")


def _refusal(error: BotApiError) -> JSONResponse:
    body: dict[str, Any] = {"ok": False, "error_code": error.code, "description": error.description}
    headers = {}
    if error.parameters:
        body["parameters"] = error.parameters
        headers["Retry-After"] = str(error.parameters.get("retry_after", 1))
    return JSONResponse(body, status_code=error.code, headers=headers)
