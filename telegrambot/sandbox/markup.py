"""Telegram's HTML: read as strictly as Telegram reads it, and rendered for the page through a whitelist.

Rules: https://core.telegram.org/bots/api#html-style
"""

import re
from dataclasses import dataclass, field
from html import escape, unescape

from .errors import BadRequest

# Telegram's tag → (the tag shown on the page, the type of the MessageEntity)
_TAGS = {
    "b": ("b", "bold"),
    "strong": ("b", "bold"),
    "i": ("i", "italic"),
    "em": ("i", "italic"),
    "u": ("u", "underline"),
    "ins": ("u", "underline"),
    "s": ("s", "strikethrough"),
    "strike": ("s", "strikethrough"),
    "del": ("s", "strikethrough"),
    "code": ("code", "code"),
    "pre": ("pre", "pre"),
    "a": ("a", "text_link"),
    "blockquote": ("blockquote", "blockquote"),
    "tg-spoiler": ("tg-spoiler", "spoiler"),
    "span": ("tg-spoiler", "spoiler"),
}
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9-]*)?([^<>]*)>")
_ATTRIBUTE = re.compile(r"""([a-zA-Z-]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|(\S+)))?""")
_NAMED = re.compile(r"&(?:lt|gt|amp|quot|#\d{1,7}|#[xX][0-9a-fA-F]{1,6});")
_LINK = re.compile(
    r"(?P<url>(?:https?://|t\.me/)[^\s<>\"]+[^\s<>\".,:;!?)\]'])|(?P<command>(?<![\w/])/[A-Za-z0-9_]{1,32}\b)"
)
_START_LINK = re.compile(r"(?:https?://)?t\.me/(\w+)\?start=([\w-]{0,64})", re.ASCII)
_COMMAND = re.compile(r"(?<!\S)/[A-Za-z0-9_]{1,32}(?:@\w+)?")
_BREAK_AFTER_BLOCK = re.compile(r"(</(?:blockquote|pre)>)\n")
_SAFE_LINK = re.compile(r"(?:https?|tg|mailto):", re.IGNORECASE)


@dataclass(frozen=True)
class Formatted:
    """A text as Telegram keeps it (plain text plus entities, offsets in UTF-16 units) and as the page shows it."""

    text: str
    entities: list[dict[str, object]]
    html: str


@dataclass
class _Open:
    tag: str
    shown: str
    kind: str
    offset: int
    href: str = ""


@dataclass
class _Reader:
    text: list[str] = field(default_factory=list)
    html: list[str] = field(default_factory=list)
    stack: list[_Open] = field(default_factory=list)
    entities: list[dict[str, object]] = field(default_factory=list)
    length: int = 0

    def add_text(self, piece: str) -> None:
        plain = _NAMED.sub(lambda match: unescape(match.group()), piece)
        literal = any(opened.shown in ("a", "code", "pre") for opened in self.stack)
        self.text.append(plain)
        self.html.append(escape(plain) if literal else _link(plain))
        self.length += _utf16_length(plain)


def read_html(source: str) -> Formatted:
    """The formatted text of an HTML message.

    Raises: BadRequest when a tag is unknown, left open or closed out of order.
    """
    reader = _Reader()
    position = 0
    while (bracket := source.find("<", position)) != -1:
        reader.add_text(source[position:bracket])
        match = _TAG.match(source, bracket)
        if match is None:
            raise _unreadable(source, bracket, "Unclosed start tag")
        if match.group(1):
            _close(reader, source, match)
        else:
            _open(reader, source, match)
        position = match.end()
    reader.add_text(source[position:])
    if reader.stack:
        raise BadRequest(
            f"can't parse entities: Can't find end tag corresponding to start tag \"{reader.stack[-1].tag}\""
        )
    # A quote ends its own line: the line break after it is no empty line, neither in Telegram nor on the page.
    shown = _BREAK_AFTER_BLOCK.sub(r"\1", "".join(reader.html))
    return Formatted("".join(reader.text), reader.entities, shown)


def read_plain(source: str) -> Formatted:
    """The formatted text of a message without markup; commands become entities, as in Telegram."""
    entities: list[dict[str, object]] = [
        {
            "type": "bot_command",
            "offset": _utf16_length(source[: match.start()]),
            "length": _utf16_length(match.group()),
        }
        for match in _COMMAND.finditer(source)
    ]
    return Formatted(source, entities, _link(source))


def _open(reader: _Reader, source: str, match: re.Match[str]) -> None:
    name = (match.group(2) or "").lower()
    attributes = {
        found[0].lower(): unescape(found[1] or found[2] or found[3]) for found in _ATTRIBUTE.findall(match.group(3))
    }
    if name not in _TAGS or (name == "span" and attributes.get("class") != "tg-spoiler"):
        raise _unreadable(source, match.start(), f'Unsupported start tag "{name}"')
    shown, kind = _TAGS[name]
    opened = _Open(name, shown, kind, reader.length, attributes.get("href", ""))
    reader.html.append(_opening(opened))
    reader.stack.append(opened)


def _close(reader: _Reader, source: str, match: re.Match[str]) -> None:
    name = (match.group(2) or "").lower()
    if not reader.stack:
        raise _unreadable(source, match.start(), "Unexpected end tag")
    opened = reader.stack.pop()
    if name != opened.tag:
        raise _unreadable(source, match.start(), f'Unmatched end tag, expected "</{opened.tag}>", found "</{name}>"')
    reader.html.append(f"</{opened.shown}>")
    entity: dict[str, object] = {"type": opened.kind, "offset": opened.offset, "length": reader.length - opened.offset}
    if opened.href:
        entity["url"] = opened.href
    if entity["length"]:
        reader.entities.append(entity)


def _opening(opened: _Open) -> str:
    return _anchor(opened.href) if opened.shown == "a" else f"<{opened.shown}>"


def _anchor(href: str) -> str:
    """An opening <a>; invitations to the bot carry their payload, and what is no web link leads nowhere."""
    start = _START_LINK.match(href)
    if start:
        return f'<a href="{escape(href)}" data-bot="{start.group(1)}" data-start="{start.group(2)}">'
    if not _SAFE_LINK.match(href):
        return "<a>"
    return f'<a href="{escape(href)}" target="_blank" rel="noopener noreferrer">'


def _link(plain: str) -> str:
    """Escaped text in which addresses and commands can be clicked, as Telegram does by itself."""
    parts: list[str] = []
    position = 0
    for match in _LINK.finditer(plain):
        parts.append(escape(plain[position : match.start()]))
        shown = escape(match.group())
        if match.group("command"):
            parts.append(f'<a href="#" data-command="{shown}">{shown}</a>')
        else:
            url = match.group("url")
            parts.append(f"{_anchor(url if '://' in url else 'https://' + url)}{shown}</a>")
        position = match.end()
    parts.append(escape(plain[position:]))
    return "".join(parts)


def _unreadable(source: str, position: int, reason: str) -> BadRequest:
    return BadRequest(f"can't parse entities: {reason} at byte offset {len(source[:position].encode())}")


def _utf16_length(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2
