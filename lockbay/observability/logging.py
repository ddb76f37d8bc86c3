"""Structured logs: one JSON line (or a readable console line) an event, with a correlation id and secrets removed.

Every record, ours or a library's, passes the same chain of processors, so nothing slips past the redaction (O6).
"""

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import structlog

_SECRET_KEYS = re.compile(r"(secret|token|password|authorization|api[_-]?key|signature)", re.IGNORECASE)
_BOT_TOKEN = re.compile(r"(?<!\d)\d{6,}:[A-Za-z0-9_-]{20,}")  # in an address it follows the word "bot" without a gap
_EMAIL = re.compile(r"([A-Za-z0-9._%+-])[A-Za-z0-9._%+-]*@([A-Za-z0-9.-]+\.[A-Za-z]{2,})")
_PHONE = re.compile(r"\+[1-9]\d{4,12}(\d{2})(?!\d)")  # E.164
_REDACTED = "[redacted]"
_HARMLESS = (bool, int, float, Decimal, datetime, type(None))


def redact(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    """A structlog processor that removes secrets by key, at any depth; by shape bot tokens, e-mail names and phone
    numbers."""
    return {key: _REDACTED if _SECRET_KEYS.search(key) else _cleaned(value) for key, value in event.items()}


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return _PHONE.sub(r"+***\1", _EMAIL.sub(r"\1***@\2", _BOT_TOKEN.sub(_REDACTED, value)))
    if isinstance(value, _HARMLESS):
        return value
    if isinstance(value, Mapping):
        return {
            _cleaned(str(key)): _REDACTED if _SECRET_KEYS.search(str(key)) else _cleaned(held)
            for key, held in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [_cleaned(held) for held in value]
    return _cleaned(repr(value))


def logging_config(*, level: str, style: str) -> dict[str, Any]:
    """The dictConfig for settings.LOGGING. `style` is "json" or "console"."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.PositionalArgumentsFormatter(),
    ]
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    # Tracebacks become text before the redaction, without the values of local variables.
    console = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    last = structlog.processors.JSONRenderer() if style == "json" else console
    tail = [structlog.processors.format_exc_info, redact, last]
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "structured": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": [*shared, structlog.stdlib.ExtraAdder()],
                "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *tail],
            }
        },
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "structured"}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            # These print whole URLs, and a bot's URL carries its token.
            "httpx": {"level": "WARNING"},
            "httpcore": {"level": "WARNING"},
            "django.db.backends": {"level": "INFO"},
        },
    }
