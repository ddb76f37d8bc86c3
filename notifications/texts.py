"""Text of strangers made fit for a message, and messages cut to what a channel takes (F37)."""

import html
import re
import unicodedata

TELEGRAM_LONGEST, CAPTION_LONGEST = 4096, 1024
_NAME_LONGEST = 64
_FIRST_STRONG_ISOLATE, _POP_ISOLATE = "\u2068", "\u2069"
_ZERO_WIDTH_JOINER = "\u200d"  # holds families of emoji together
_BLANKS = frozenset("\u115f\u1160\u2800\u3164\uffa0")  # letters and signs that show nothing
_MOST_MARKS = 3  # on one letter: more than any script writes, a pile of them covers the lines around
_TAG = re.compile(r"<[^>]+>")


def clean_text(text: str, longest: int) -> str:
    """One line of visible text: no controls, no invisible or direction-changing marks, at most `longest` characters; ""
    when nothing of it can be seen.

    Text that runs right to left is isolated, so that it cannot turn the sentence around it.
    """
    spaced = " ".join(text.split())
    visible = _thinned("".join(character for character in spaced if not _is_hidden(character))).strip()
    if not any(unicodedata.category(character)[0] in "LNPS" for character in visible):
        return ""
    cut = visible if len(visible) <= longest else visible[: longest - 1].rstrip() + "…"
    if any(unicodedata.bidirectional(character) in ("R", "AL", "AN") for character in cut):
        return f"{_FIRST_STRONG_ISOLATE}{cut}{_POP_ISOLATE}"
    return cut


def clean_name(text: str) -> str:
    """A person's name for the inside of a sentence."""
    return clean_text(text, _NAME_LONGEST)


def paragraphs_of(rendered: str) -> list[str]:
    """The paragraphs of a rendered notice: lines trimmed, empty lines between them."""
    lines = "\n".join(line.strip() for line in rendered.splitlines())
    return [part.strip() for part in re.split(r"\n{2,}", lines) if part.strip()]


def plain_text(markup: str) -> str:
    """Telegram's HTML without its tags."""
    return html.unescape(_TAG.sub("", markup))


def visible_length(markup: str) -> int:
    """What Telegram counts: UTF-16 units after the markup is read (https://core.telegram.org/bots/api#sendmessage)."""
    return units_of(plain_text(markup))


def cut_kindly(paragraphs: list[str], longest: int) -> str:
    """The paragraphs as one message of at most `longest` visible units; whole ones are dropped from the end first.

    Every paragraph of a notice closes its own tags, so what stays is well formed.
    """
    kept = list(paragraphs)
    while len(kept) > 1 and visible_length("\n\n".join([*kept, "…"])) > longest:
        kept.pop()
    text = "\n\n".join(kept if len(kept) == len(paragraphs) else [*kept, "…"])
    return text if visible_length(text) <= longest else html.escape(cut_units(plain_text(text), longest - 1)) + "…"


def units_of(text: str) -> int:
    """How long a text is in UTF-16 units, which is what messengers and phones count."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def cut_units(text: str, longest: int) -> str:
    """The beginning of a text, at most `longest` UTF-16 units, no character torn."""
    return text.encode("utf-16-le")[: longest * 2].decode("utf-16-le", "ignore").rstrip()


def _thinned(text: str) -> str:
    kept: list[str] = []
    marks = 0
    for character in text:
        marks = marks + 1 if unicodedata.category(character) in ("Mn", "Me") else 0
        if marks <= _MOST_MARKS:
            kept.append(character)
    return "".join(kept)


def _is_hidden(character: str) -> bool:
    if character in _BLANKS:
        return True
    return unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn") and character != _ZERO_WIDTH_JOINER
