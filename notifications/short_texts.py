"""A notice for a channel where every character costs: the title, what fits of the rest, and always the link (F37)."""

from notifications.texts import cut_units, units_of

_ELLIPSIS = "…"
_MOST_CUTS = 2
_PLAIN_ELLIPSIS = "..."
_PLAIN_SIGNS: dict[str, str | int | None] = {
    _ELLIPSIS: _PLAIN_ELLIPSIS,
    "·": "-",
    "•": "-",
    "–": "-",
    "—": "-",
    "“": '"',
    "”": '"',
    "‘": "'",
    "’": "'",
    "\u00a0": " ",
}


def short_text(title: str, paragraphs: list[str], link: str, longest: int) -> str:
    """At most `longest` UTF-16 units. `link` may be "".

    Paragraphs go from the middle first: the first says what happened, the last what to do next. These two are cut only
    when they do not fit without the others.
    """
    kept = list(paragraphs)
    while len(kept) > 2 and units_of(_join(title, kept, link)) > longest:
        kept.pop(-2)
    text = _join(title, kept, link)
    if units_of(text) <= longest:
        return text
    room = longest - units_of(_join(title, [""] * len(kept), link))
    if room < len(kept):
        return _join(_cut(title, longest - units_of(link) - 1), [], link)
    return _join(title, _share(kept, room), link)


def sms_text(title: str, paragraphs: list[str], link: str, longest: int) -> str:
    """The same in the signs that every phone knows: one other sign more than halves what a part of an SMS holds
    (GSM 03.38). Letters of other scripts stay."""
    cuts = _MOST_CUTS * (len(_PLAIN_ELLIPSIS) - 1)
    return plain_signs(short_text(plain_signs(title), [plain_signs(part) for part in paragraphs], link, longest - cuts))


def plain_signs(text: str) -> str:
    """Typographic signs as those of a typewriter."""
    return text.translate(str.maketrans(_PLAIN_SIGNS))


def _share(kept: list[str], room: int) -> list[str]:
    """The first paragraph gets what the last leaves, but at least half; the last gets the rest."""
    first = _cut(kept[0], max(room - sum(units_of(part) for part in kept[1:]), room // len(kept)))
    return [first, *(_cut(part, room - units_of(first)) for part in kept[1:])]


def _join(title: str, paragraphs: list[str], link: str) -> str:
    return "\n".join([title, *paragraphs, *([link] if link else [])])


def _cut(text: str, longest: int) -> str:
    return text if units_of(text) <= longest else cut_units(text, max(longest - 1, 0)) + _ELLIPSIS
