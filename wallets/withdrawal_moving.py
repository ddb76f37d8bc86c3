"""move_withdrawal(): the only writer of a withdrawal's status. amend_withdrawal(): the only writer of its other facts.

Both are one guarded UPDATE: the status must be one from which the table allows the step, and the count of moves and
the revision those that were read (W2). Whoever was slower is refused, whatever lock he forgot.
"""

from collections.abc import Collection
from typing import Any

from wallets.errors import WrongWithdrawalStatus
from wallets.models import Withdrawal
from wallets.withdrawal_states import WithdrawalStatus, sources_of


def lock_withdrawal(pk: int) -> Withdrawal:
    """The row under lock. Raises: Withdrawal.DoesNotExist.

    Without a join: PostgreSQL would look again at a row that a rival has changed with the old other side of the join,
    and find nothing when the destination was changed.
    """
    return Withdrawal.objects.locked(pk).get()


def move_withdrawal(withdrawal: Withdrawal, to: WithdrawalStatus, **fields: Any) -> None:
    """Takes the step, sets `fields` with it and brings the object up to date. Raises: WrongWithdrawalStatus."""
    values = {**fields, "status": to.value, "moves": withdrawal.moves + 1}
    _write(withdrawal, values, allowed=sources_of(to), wanted=to)


def amend_withdrawal(withdrawal: Withdrawal, *, allowed: Collection[WithdrawalStatus], **fields: Any) -> None:
    """Sets facts other than the status while the status is in `allowed`. Raises: WrongWithdrawalStatus."""
    if "status" in fields or "moves" in fields:
        raise ValueError("The status is moved, not amended.")
    _write(withdrawal, fields, allowed=allowed, wanted=WithdrawalStatus(withdrawal.status))


def _write(
    withdrawal: Withdrawal,
    values: dict[str, Any],
    *,
    allowed: Collection[WithdrawalStatus],
    wanted: WithdrawalStatus,
) -> None:
    as_read = Withdrawal.objects.filter(
        pk=withdrawal.pk, moves=withdrawal.moves, revision=withdrawal.revision, status__in=sorted(allowed)
    )
    if not as_read.update(**values):
        current = Withdrawal.objects.filter(pk=withdrawal.pk).values_list("status", flat=True).first()
        raise WrongWithdrawalStatus(current or "missing", wanted)
    for name, value in values.items():
        setattr(withdrawal, name, value)
