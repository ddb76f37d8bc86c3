"""One id that follows a piece of work through logs, events and inbox rows (P11, O6)."""

import re
import secrets

import structlog

LONGEST_ID = 64
_SHAPE = re.compile(rf"^[A-Za-z0-9_-]{{6,{LONGEST_ID}}}$")


def new_correlation_id() -> str:
    """A fresh id: 16 URL-safe characters."""
    return secrets.token_urlsafe(12)


def current_correlation_id() -> str:
    """The id bound to this context; "" outside any."""
    return str(structlog.contextvars.get_contextvars().get("correlation_id", ""))


def bind_correlation_id(given: str | None = None) -> str:
    """Binds `given` when it has a safe shape, else a fresh id, and returns what was bound."""
    chosen = given if given and _SHAPE.match(given) else new_correlation_id()
    structlog.contextvars.bind_contextvars(correlation_id=chosen)
    return chosen


def unbind_correlation_id() -> None:
    """Forgets the id, so that pooled threads do not carry it into the next piece of work."""
    structlog.contextvars.unbind_contextvars("correlation_id")
