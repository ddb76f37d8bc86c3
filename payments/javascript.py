"""JSON as JavaScript writes it again: some providers sign such a text and not the bytes that they send.

Numbers keep the text they were written with: no float comes between, and 100, 1e-7 and 0.10 stay as they are.
"""

import json
from typing import Any


class NumberText(str):
    """A number as it is written."""

    __slots__ = ()


def read(raw: bytes) -> Any:
    """The value in `raw`, numbers as NumberText. Raises: ValueError, RecursionError."""
    return json.loads(raw.decode(), parse_int=NumberText, parse_float=NumberText, parse_constant=_refuse)


def write(value: Any) -> str:
    """JSON.stringify(value): compact, keys in the order they have. Raises: RecursionError."""
    if isinstance(value, NumberText):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{write(str(key))}:{write(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(write, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _refuse(text: str) -> Any:
    raise ValueError(text)
