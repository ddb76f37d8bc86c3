"""PostgreSQL's text form of an array, written directly: psycopg's general dumper costs several times as much."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from psycopg import Binary
from psycopg.types.json import Jsonb


def array_literal(values: Iterable[Any]) -> str:
    """`{1,NULL,"a text"}` for a parameter that is cast to an array. Raises: TypeError for a type that is not known."""
    return "{" + ",".join([_element(value) for value in values]) + "}"


def _element(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, datetime):
        return f'"{value.isoformat()}"'
    if isinstance(value, Jsonb):
        return _quoted(_json_text(value))
    if isinstance(value, Binary):
        return f'"\\\\x{bytes(value.obj).hex()}"'
    raise TypeError(f"no array element: {type(value).__name__}")


def _quoted(text: str) -> str:
    return '"' + str(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _json_text(value: Jsonb) -> str:
    assert value.dumps is not None  # noqa: S101  Django always names its encoder
    dumped = value.dumps(value.obj)
    return dumped if isinstance(dumped, str) else dumped.decode()
