"""Checks inline keyboards as Telegram does before a message is accepted."""

from typing import Any

from .errors import BadRequest

LONGEST_CALLBACK_DATA_BYTES = 64
LONGEST_COPY_TEXT = 256
_ACTIONS = {
    "callback_data",
    "url",
    "copy_text",
    "web_app",
    "login_url",
    "switch_inline_query",
    "switch_inline_query_current_chat",
}


def read_keyboard(markup: Any) -> dict[str, Any] | None:
    """The inline keyboard of a reply_markup parameter; None for no keyboard and for those of other kinds.

    Raises: BadRequest for a button that Telegram would refuse.
    """
    if markup is None:
        return None
    if not isinstance(markup, dict):
        raise BadRequest("object expected as reply markup")
    rows = markup.get("inline_keyboard")
    if rows is None:
        return None
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise BadRequest('field "inline_keyboard" of the InlineKeyboardMarkup must be an Array of Arrays')
    for row in rows:
        for button in row:
            _require_button(button)
    return {"inline_keyboard": rows} if any(rows) else None


def find_button(markup: dict[str, Any] | None, wanted: str) -> dict[str, Any] | None:
    """The callback button with that data or that label."""
    buttons = [
        button for row in (markup or {}).get("inline_keyboard", []) for button in row if "callback_data" in button
    ]
    return next((button for button in buttons if wanted in (button["callback_data"], button["text"])), None)


def _require_button(button: Any) -> None:
    if not isinstance(button, dict) or not isinstance(button.get("text"), str):
        raise BadRequest('can\'t parse inline keyboard button: Field "text" must be of type String')
    if not button["text"].strip():
        raise BadRequest("inline keyboard button text is empty")
    if len(_ACTIONS & button.keys()) != 1:
        raise BadRequest("can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")
    data = button.get("callback_data")
    if data is not None and not 1 <= len(str(data).encode()) <= LONGEST_CALLBACK_DATA_BYTES:
        raise BadRequest("BUTTON_DATA_INVALID")
    copied = button.get("copy_text")
    if copied is not None and not 1 <= len(str(copied.get("text", ""))) <= LONGEST_COPY_TEXT:
        raise BadRequest("BUTTON_COPY_TEXT_INVALID")
