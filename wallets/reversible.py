"""Which operations may be reversed by themselves (A3): not those that a trade, a payment or a withdrawal relies on.

Rooms say for their kinds of operations, by prefix, which repair is the right one instead. What touches money that is
kept for a purpose is never reversed alone, whoever posted it.
"""

from wallets.accounts import HELD, HOLD, PAYOUT
from wallets.errors import RepairRefused
from wallets.models import Operation

_KEPT = frozenset({HELD, HOLD, PAYOUT})
_advice: dict[str, str] = {}


def advise_instead(prefix: str, code: str) -> None:
    """Operations whose kind starts with `prefix` are refused with `code`, which names the right repair."""
    _advice[prefix] = code


def require_reversible(operation: Operation) -> None:
    """Raises: RepairRefused."""
    done = Operation.objects.filter(reverses=operation).values_list("key", flat=True).first()
    if done is not None:
        raise RepairRefused("reversed_already", key=done)
    code = next((code for prefix, code in _advice.items() if operation.kind.startswith(prefix)), "")
    if not code and operation.entries.filter(account__kind__in=_KEPT).exists():
        code = "reverse_kept"
    if code:
        raise RepairRefused(code, kind=operation.kind)
