"""Bot API methods that send, edit and delete messages."""

from typing import Any

from starlette.requests import Request

from . import markup
from .bot_methods import Method, bot_user
from .errors import BadRequest
from .files import as_document, as_photo, keep_file
from .keyboards import read_keyboard
from .parameters import Parameters
from .people import require_chat
from .runtime import Sandbox
from .world import Message, Person

LONGEST_TEXT = 4096
LONGEST_CAPTION = 1024


async def send_message(sandbox: Sandbox, parameters: Parameters, request: Request) -> dict[str, Any]:
    """A text message."""
    person = require_chat(sandbox.world, parameters)
    formatted = _read_text(parameters)
    return _add(sandbox, person, parameters, {"text": formatted.text, "entities": formatted.entities}, formatted.html)


async def send_photo(sandbox: Sandbox, parameters: Parameters, request: Request) -> dict[str, Any]:
    """A picture with a caption."""
    person = require_chat(sandbox.world, parameters)
    caption = _read_caption(parameters.text("caption"), parameters.text("parse_mode"))
    row = keep_file(sandbox, parameters.file("photo"), kind="photo")
    return _add(sandbox, person, parameters, {"photo": as_photo(row), **_caption_fields(caption)}, caption.html)


async def send_document(sandbox: Sandbox, parameters: Parameters, request: Request) -> dict[str, Any]:
    """A file with a caption."""
    person = require_chat(sandbox.world, parameters)
    caption = _read_caption(parameters.text("caption"), parameters.text("parse_mode"))
    row = keep_file(sandbox, parameters.file("document"), kind="document")
    return _add(sandbox, person, parameters, {"document": as_document(row), **_caption_fields(caption)}, caption.html)


async def edit_message_text(sandbox: Sandbox, parameters: Parameters, request: Request) -> dict[str, Any]:
    """New text, and a new keyboard or none."""
    message = _find_own(sandbox, parameters)
    formatted = _read_text(parameters)
    if "text" not in message.api:
        raise BadRequest("there is no text in the message to edit")
    return _edit(sandbox, message, parameters, {"text": formatted.text, "entities": formatted.entities}, formatted.html)


async def edit_message_caption(sandbox: Sandbox, parameters: Parameters, request: Request) -> dict[str, Any]:
    """New caption, and a new keyboard or none."""
    message = _find_own(sandbox, parameters)
    caption = _read_caption(parameters.text("caption"), parameters.text("parse_mode"))
    if "text" in message.api:
        raise BadRequest("there is no caption in the message to edit")
    return _edit(sandbox, message, parameters, _caption_fields(caption), caption.html)


async def edit_message_reply_markup(sandbox: Sandbox, parameters: Parameters, request: Request) -> dict[str, Any]:
    """A new keyboard or none."""
    message = _find_own(sandbox, parameters)
    return _edit(sandbox, message, parameters, {}, message.html)


async def edit_message_media(sandbox: Sandbox, parameters: Parameters, request: Request) -> dict[str, Any]:
    """Another picture or document with its caption."""
    message = _find_own(sandbox, parameters)
    media = parameters.object("media")
    if not isinstance(media, dict) or media.get("type") not in ("photo", "document"):
        raise BadRequest("can't parse input media")
    caption = _read_caption(str(media.get("caption") or ""), str(media.get("parse_mode") or ""))
    row = keep_file(sandbox, parameters.follow(str(media.get("media") or ""), "media"), kind=media["type"])
    read_keyboard(parameters.object("reply_markup"))
    for name in ("text", "entities", "photo", "document"):
        message.api.pop(name, None)
    shown: dict[str, Any] = {"photo": as_photo(row)} if media["type"] == "photo" else {"document": as_document(row)}
    return _edit(sandbox, message, parameters, {**shown, **_caption_fields(caption)}, caption.html)


async def delete_message(sandbox: Sandbox, parameters: Parameters, request: Request) -> bool:
    """Takes a message out of the chat."""
    person = require_chat(sandbox.world, parameters, reachable=False)
    message = person.find_message(parameters.integer("message_id"))
    if message is None:
        raise BadRequest("message to delete not found")
    person.messages.remove(message)
    sandbox.world.touch()
    return True


def _read_text(parameters: Parameters) -> markup.Formatted:
    formatted = _read_formatted(parameters.text("text"), parameters.text("parse_mode"))
    if not formatted.text.strip():
        raise BadRequest("message text is empty")
    if len(formatted.text) > LONGEST_TEXT:
        raise BadRequest("message is too long")
    return formatted


def _read_caption(source: str, parse_mode: str) -> markup.Formatted:
    caption = _read_formatted(source, parse_mode)
    if len(caption.text) > LONGEST_CAPTION:
        raise BadRequest("message caption is too long")
    return caption


def _read_formatted(source: str, parse_mode: str) -> markup.Formatted:
    if parse_mode.lower() == "html":
        return markup.read_html(source)
    if parse_mode:
        raise BadRequest("unsupported parse_mode")
    return markup.read_plain(source)


def _caption_fields(caption: markup.Formatted) -> dict[str, Any]:
    return {"caption": caption.text, "caption_entities": caption.entities} if caption.text else {"caption": ""}


def _add(
    sandbox: Sandbox, person: Person, parameters: Parameters, content: dict[str, Any], html: str
) -> dict[str, Any]:
    keyboard = read_keyboard(parameters.object("reply_markup"))
    api = {"from": bot_user(sandbox), "chat": person.as_chat(), "date": sandbox.clock.timestamp(), **content}
    if keyboard:
        api["reply_markup"] = keyboard
    person.add_message(Message(api, html))
    sandbox.world.typing.pop(person.key, None)
    sandbox.world.touch()
    return _shown(api)


def _find_own(sandbox: Sandbox, parameters: Parameters) -> Message:
    person = require_chat(sandbox.world, parameters)
    message = person.find_message(parameters.integer("message_id"))
    if message is None:
        raise BadRequest("message to edit not found")
    if not message.api["from"]["is_bot"]:
        raise BadRequest("message can't be edited")
    return message


def _edit(
    sandbox: Sandbox, message: Message, parameters: Parameters, content: dict[str, Any], html: str
) -> dict[str, Any]:
    keyboard = read_keyboard(parameters.object("reply_markup"))
    unchanged = all(message.api.get(name) == value for name, value in content.items())
    if unchanged and message.api.get("reply_markup") == keyboard:
        raise BadRequest(
            "message is not modified: specified new message content and reply markup are exactly the same "
            "as a current content and reply markup of the message"
        )
    message.api.update(content)
    message.api.pop("reply_markup", None)
    if keyboard:
        message.api["reply_markup"] = keyboard
    if content:
        message.api["edit_date"] = sandbox.clock.timestamp()
    message.html = html
    sandbox.world.touch()
    return _shown(message.api)


def _shown(api: dict[str, Any]) -> dict[str, Any]:
    """The Message object without the empty caption that is kept for comparing."""
    return {name: value for name, value in api.items() if name != "caption" or value}


METHODS: dict[str, Method] = {
    "sendMessage": send_message,
    "sendPhoto": send_photo,
    "sendDocument": send_document,
    "editMessageText": edit_message_text,
    "editMessageCaption": edit_message_caption,
    "editMessageReplyMarkup": edit_message_reply_markup,
    "editMessageMedia": edit_message_media,
    "deleteMessage": delete_message,
}
