"""Reading JSON that strangers wrote: exact numbers, no surprises, one reason code for each way of being wrong (F11).

Money is read as Decimal, never as float. Refused: NaN and infinities, numbers of more than 80 characters, duplicate
keys,
lone surrogates, null bytes, nesting deeper than the parser goes, anything that is not an object.
"""

import hashlib
import json
import re
from decimal import Decimal, DecimalException
from typing import Any

from payments.errors import Unreadable

Number = int | Decimal
_LONGEST_NUMBER = 80
_AMOUNT = re.compile(r"\d{1,30}(\.\d{1,40})?", re.ASCII)
_LARGEST_EXPONENT = 24
_SMALLEST_EXPONENT = -40


def read_object(raw: bytes) -> dict[str, Any]:
    """The JSON object in `raw`. Raises: Unreadable with reason empty, not_utf8, not_json, too_deep, not_an_object,
    bad_number, duplicate_key or bad_text."""
    if not raw.strip():
        raise Unreadable("empty")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Unreadable("not_utf8") from error
    try:
        value = json.loads(
            text,
            parse_float=_read_decimal,
            parse_int=_read_int,
            parse_constant=_refuse_constant,
            object_pairs_hook=_unique_keys,
        )
        if "\\u" in text or "\x00" in text:
            _require_clean_text(value)
    except RecursionError as error:
        raise Unreadable("too_deep") from error
    except json.JSONDecodeError as error:
        raise Unreadable("not_json", f"at {error.pos}") from error
    if not isinstance(value, dict):
        raise Unreadable("not_an_object")
    return value


def read_amount(value: object) -> Decimal:
    """A coin amount sent as number or plain ASCII decimal text; never negative.

    Raises: Unreadable with reason bad_amount.
    """
    if isinstance(value, bool):
        raise Unreadable("bad_amount")
    if isinstance(value, int):
        amount = Decimal(value)
    elif isinstance(value, Decimal):
        amount = value
    elif isinstance(value, str) and _AMOUNT.fullmatch(value):
        amount = Decimal(value)
    else:
        raise Unreadable("bad_amount", type(value).__name__)
    is_sane = amount.is_finite() and not amount.is_signed()
    if not is_sane or (amount and not _SMALLEST_EXPONENT <= amount.adjusted() <= _LARGEST_EXPONENT):
        raise Unreadable("bad_amount", "out of range")
    return amount


def read_text(value: object, *, name: str, longest: int = 160) -> str:
    """A text field; None is "". Numbers are refused. Raises: Unreadable with reason bad_field."""
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > longest:
        raise Unreadable("bad_field", name)
    return value


def require_text(body: dict[str, Any], name: str) -> str:
    """A text field that must be there and say something. Raises: Unreadable with reason bad_field."""
    text = read_text(body.get(name), name=name)
    if not text:
        raise Unreadable("bad_field", name)
    return text


def short_id(text: str, longest: int = 150) -> str:
    """`text` when a database can store and compare it as it is, else its digest."""
    if len(text) <= longest and text.isprintable():
        return text
    return "sha256:" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _read_decimal(text: str) -> Decimal:
    if len(text) > _LONGEST_NUMBER:
        raise Unreadable("bad_number")
    try:
        return Decimal(text)
    except DecimalException as error:
        raise Unreadable("bad_number") from error


def _read_int(text: str) -> int:
    if len(text) > _LONGEST_NUMBER:
        raise Unreadable("bad_number")
    return int(text)


def _refuse_constant(text: str) -> Any:
    raise Unreadable("bad_number", text)


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Unreadable("duplicate_key")
    return found


def _require_clean_text(value: Any) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            _require_clean_text(key)
            _require_clean_text(inner)
    elif isinstance(value, list):
        for inner in value:
            _require_clean_text(inner)
    elif isinstance(value, str) and any(
        character == "\x00" or "\ud800" <= character <= "\udfff" for character in value
    ):
        raise Unreadable("bad_text")
