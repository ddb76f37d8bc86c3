"""Typed readers of the environment: a missing or malformed variable stops the start and is named.

Only settings.py calls these; nothing else in the project reads the environment.
"""

import os
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, TypeVar

import environ
from django.core.exceptions import ImproperlyConfigured

T = TypeVar("T")
_MISSING = object()


def read_str(name: str, default: Any = _MISSING) -> str:
    """The variable as text. Raises: ImproperlyConfigured naming it when it is missing and has no default."""
    return _read(name, default, str, "text")


def read_int(name: str, default: Any = _MISSING, *, least: int | None = None, most: int | None = None) -> int:
    """The variable as a whole number within `least`..`most`."""
    value = _read(name, default, int, "a whole number")
    if (least is not None and value < least) or (most is not None and value > most):
        raise ImproperlyConfigured(f"{name}={value} is out of range: expected {least} to {most}.")
    return value


def read_int_or_off(name: str, default: int, *, least: int, most: int) -> int | None:
    """The variable as a whole number within `least`..`most`; None when it is set to nothing, which switches it off."""
    if os.environ.get(name, str(default)).strip() == "":
        return None
    return read_int(name, default, least=least, most=most)


def read_decimal(name: str, default: Any = _MISSING) -> Decimal:
    """The variable as an exact decimal number."""
    return _read(name, default, _decimal, "a decimal number")


def read_percent(name: str, default: Decimal, *, most: int = 100) -> Decimal:
    """The variable as an exact percentage within 0..`most`."""
    value = read_decimal(name, default)
    if not 0 <= value <= most:
        raise ImproperlyConfigured(f"{name}={value} is out of range: expected 0 to {most}.")
    return value


def read_bool(name: str, default: Any = _MISSING) -> bool:
    """The variable as yes or no (true/false, yes/no, on/off, 1/0)."""
    return _read(name, default, _bool, "true or false")


def read_list(name: str, default: Sequence[str] | None = None) -> list[str]:
    """The variable as a list, cut at commas; blanks are dropped."""
    raw = os.environ.get(name)
    if raw is None:
        return list(default or [])
    return [part.strip() for part in raw.split(",") if part.strip()]


def read_ranges(name: str, default: Sequence[str]) -> dict[str, tuple[int, int]]:
    """The variable as ranges by name ("email=10-600,sms=15-600"); names that are not there keep their default."""
    ranges: dict[str, tuple[int, int]] = {}
    for part in [*default, *read_list(name)]:
        key, _, text = part.partition("=")
        least, _, most = text.partition("-")
        is_known = part in default or key in ranges
        if not is_known or not (least.isdecimal() and most.isdecimal() and 0 < int(least) <= int(most)):
            raise ImproperlyConfigured(f"{name} is malformed at {part!r}: expected {'|'.join(ranges)}=least-most.")
        ranges[key] = (int(least), int(most))
    return ranges


def read_choice(name: str, choices: Sequence[str], default: Any = _MISSING) -> str:
    """The variable as one of `choices`."""
    value = read_str(name, default)
    if value not in choices:
        raise ImproperlyConfigured(f"{name}={value!r} is not known: expected one of {', '.join(choices)}.")
    return value


def read_path(name: str, default: Path) -> Path:
    """The variable as a file-system path."""
    return Path(os.environ.get(name) or default)


def read_database(name: str) -> dict[str, Any] | None:
    """The variable as a Django database dict parsed from an URL; None when it is not set."""
    raw = os.environ.get(name)
    if not raw:
        return None
    if not raw.startswith(("postgres://", "postgresql://")):
        raise ImproperlyConfigured(f"{name} must be a postgresql:// address; leave it unset for SQLite.")
    return dict(environ.Env.db_url_config(raw))


def _read(name: str, default: Any, convert: Callable[[str], T], expected: str) -> T:
    raw = os.environ.get(name)
    if raw is None or raw == "":
        if default is _MISSING:
            raise ImproperlyConfigured(f"{name} is not set: expected {expected}. See .env.example.")
        return default  # type: ignore[no-any-return]
    try:
        return convert(raw)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} is malformed: expected {expected}.") from error


def _bool(raw: str) -> bool:
    lowered = raw.strip().lower()
    if lowered in {"1", "true", "yes", "on"}:
        return True
    if lowered in {"0", "false", "no", "off"}:
        return False
    raise ValueError(raw)


def _decimal(raw: str) -> Decimal:
    try:
        value = Decimal(raw)
    except InvalidOperation as error:
        raise ValueError(raw) from error
    if not value.is_finite():
        raise ValueError(raw)
    return value
