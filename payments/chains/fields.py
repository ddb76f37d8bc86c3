"""Reading single fields of a node's answer. What is not as promised is the node's fault: the next one is asked."""

from datetime import UTC, datetime, timedelta
from typing import Any

from payments.chains.endpoint import NodeFault

_HIGHEST = 2_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def object_in(value: Any, name: str) -> dict[str, Any]:
    """A JSON object. Raises: NodeFault."""
    if not isinstance(value, dict):
        raise malformed(name)
    return value


def list_in(value: Any, name: str) -> list[Any]:
    """A JSON array; null is an empty one. Raises: NodeFault."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise malformed(name)
    return value


def rows_in(value: Any, name: str) -> list[dict[str, Any]]:
    """A JSON array of objects; null is none: it must not pass for "nothing there". Raises: NodeFault."""
    if value is None:
        raise malformed(name)
    return [object_in(row, name) for row in list_in(value, name)]


def text_in(value: Any, name: str, *, longest: int = 150) -> str:
    """A text that is not empty. Raises: NodeFault."""
    if not isinstance(value, str) or not 0 < len(value) <= longest:
        raise malformed(name)
    return value


def int_in(value: Any, name: str) -> int:
    """A whole number, zero or more, as a number or as decimal text. Raises: NodeFault."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 78:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise malformed(name)
    return value


def height_in(value: Any, name: str) -> int:
    """The number of a block, or of confirmations: what fits a database column. Raises: NodeFault."""
    height = int_in(value, name)
    if height > _HIGHEST:
        raise malformed(name)
    return height


def moment_in(value: Any, name: str, *, per_second: int = 1) -> datetime:
    """A moment counted since 1970 in units of which `per_second` make a second. Raises: NodeFault."""
    try:
        return _EPOCH + timedelta(microseconds=int_in(value, name) * 1_000_000 // per_second)
    except OverflowError:
        raise malformed(name) from None


def malformed(name: str) -> NodeFault:
    """The fault of an answer whose field `name` is missing or wrong."""
    return NodeFault("malformed", name)
