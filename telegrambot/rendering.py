"""Screens and phrases from templates/telegram/, autoescaped, in the reader's language, cut to what Telegram takes."""

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation
from telegram import CopyTextButton, InlineKeyboardButton, InlineKeyboardMarkup

from lockbay import clock
from telegrambot.turn import Button, Document, Keyboard, Screen

LONGEST_TEXT, LONGEST_CAPTION, LONGEST_TOAST = 4096, 1024, 200
LONGEST_COPY = 256
_ELLIPSIS = "…"
_TOKEN = re.compile(r"<(/?)([a-z][a-z-]*)[^>]*>|&(?:#?\w+);|.", re.DOTALL | re.IGNORECASE)
_LINE = re.compile(r"^\s*([a-z0-9_]+):[ \t]*(.+?)\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Rendered:
    """Ready to be sent: HTML text, keyboard, and a photo when the text is its caption."""

    text: str
    markup: InlineKeyboardMarkup | None = None
    photo: bytes | None = None
    photo_key: str = ""
    document: Document | None = None


def render_screen(screen: Screen, *, language: str) -> Rendered:
    """Renders a screen with its keyboard; `now`, `bot_username` and `support_contact` are there for every template."""
    with translation.override(language):
        text = render_template(f"telegram/screens/{screen.name}.html", screen.context)
        markup = render_keyboard(screen.keyboard)
    longest = LONGEST_TEXT if screen.photo is None and screen.document is None else LONGEST_CAPTION
    return Rendered(cut_html(text, longest), markup, screen.photo, screen.photo_key, screen.document)


def render_template(name: str, context: Mapping[str, Any]) -> str:
    """A template in the active language, tidied: no indentation, no blank line twice."""
    always = {
        "now": clock.now(),
        "bot_username": settings.TELEGRAM_BOT_USERNAME,
        "support_contact": settings.SUPPORT_CONTACT,
        "is_sandbox": settings.SANDBOX,
    }
    return tidy(render_to_string(name, {**always, **context}))


def render_keyboard(keyboard: Keyboard) -> InlineKeyboardMarkup | None:
    """Telegram's form of a keyboard, in the active language; None for an empty one."""
    rows = [[_button(button) for button in row] for row in keyboard if row]
    return InlineKeyboardMarkup(rows) if rows else None


def phrase(file: str, name: str, words: Mapping[str, Any] | None = None) -> str:
    """One line of templates/telegram/<file>.txt (`name: text`), plain text. Raises: KeyError for an unknown name."""
    lines = phrases(file, words) if words else _fixed_phrases(file, translation.get_language())
    return lines[name]


def phrases(file: str, words: Mapping[str, Any] | None = None) -> dict[str, str]:
    """Every line of a phrase file in the active language."""
    return dict(_LINE.findall(render_to_string(f"telegram/{file}.txt", dict(words or {}))))


@lru_cache(maxsize=64)
def _fixed_phrases(file: str, language: str | None) -> Mapping[str, str]:
    # Every button asks for its label, and a file holds dozens: without words they are the same each time.
    return MappingProxyType(phrases(file))


def plain_text(text: str) -> str:
    """HTML without its tags, for places that take plain text only."""
    return html.unescape(re.sub(r"<[^>]+>", "", text)).strip()


def cut_plain(text: str, longest: int) -> str:
    """At most `longest` characters; a cut shows."""
    return text if len(text) <= longest else text[: longest - 1].rstrip() + _ELLIPSIS


def tidy(text: str) -> str:
    """No spaces at the ends of lines, at most one blank line in a row, none at the ends."""
    lines = "\n".join(line.strip() for line in text.splitlines())
    return re.sub(r"\n{3,}", "\n\n", lines).strip()


def cut_html(text: str, longest: int) -> str:
    """At most `longest` visible characters (in UTF-16 units, as Telegram counts): never inside a tag, all closed."""
    if _visible_length(text) <= longest:
        return text
    kept: list[str] = []
    open_tags: list[str] = []
    room = longest - 1
    for match in _TOKEN.finditer(text):
        token, tag = match[0], match[2]
        if tag:
            _follow(open_tags, tag.lower(), is_end=bool(match[1]))
        else:
            room -= _visible_length(token)
            if room < 0:
                break
        kept.append(token)
    return "".join(kept).rstrip() + _ELLIPSIS + "".join(f"</{tag}>" for tag in reversed(open_tags))


def _follow(open_tags: list[str], tag: str, *, is_end: bool) -> None:
    if not is_end:
        open_tags.append(tag)
    elif open_tags:
        open_tags.pop()


def _visible_length(text: str) -> int:
    return len(html.unescape(re.sub(r"<[^>]+>", "", text)).encode("utf-16-le")) // 2


def _button(button: Button) -> InlineKeyboardButton:
    label = cut_plain(phrase("buttons", button.label, button.words), 60)
    if button.url:
        return InlineKeyboardButton(label, url=button.url)
    if button.copy:
        return InlineKeyboardButton(label, copy_text=CopyTextButton(button.copy[:LONGEST_COPY]))
    if button.press is None:
        raise ValueError(f"button {button.label} does nothing")
    return InlineKeyboardButton(label, callback_data=button.press.encode())
