"""move(): the only writer of an escrow's status (E2). amend(): the only writer of its other facts.

Both are one guarded UPDATE a kind of change, whatever the number of rows: the status must be one from which the table
allows the step, and the version the one that was read. Each raises the version by one, so that a button which shows
an older one is refused (E5).
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from escrows.errors import WrongStatus
from escrows.models import Escrow
from escrows.states import Status, sources_of
from lockbay.setsql import update_each


@dataclass(frozen=True)
class StatusChange:
    """`escrow` goes to `to` and gets `fields` (column names → values)."""

    escrow: Escrow
    to: Status
    fields: dict[str, Any] = field(default_factory=dict)


def move(changes: Sequence[StatusChange]) -> None:
    """Writes the changes and brings the objects up to date. The caller holds the rows' locks.

    Raises: WrongStatus for the first row that is not where the table needs it; the transaction is then to be given up.
    """
    alike: dict[tuple[Status, tuple[str, ...]], list[StatusChange]] = defaultdict(list)
    for change in changes:
        alike[change.to, tuple(sorted(change.fields))].append(change)
    for (to, _names), group in alike.items():
        rows = [{**change.fields, "status": to.value} for change in group]
        _write([change.escrow for change in group], rows, allowed=sources_of(to), wanted=to)


def amend_each(escrows: Sequence[Escrow], rows: Sequence[dict[str, Any]], *, allowed: Collection[Status]) -> None:
    """amend() for many rows, which set the same fields: one statement. Raises: WrongStatus."""
    if any("status" in row for row in rows):
        raise ValueError("The status is moved, not amended.")
    if escrows:
        _write(escrows, rows, allowed=allowed, wanted=Status(escrows[0].status))


def amend(escrow: Escrow, fields: dict[str, Any], *, allowed: Collection[Status]) -> None:
    """Sets facts other than the status while the status is in `allowed`. Raises: WrongStatus."""
    if "status" in fields:
        raise ValueError("The status is moved, not amended.")
    _write([escrow], [dict(fields)], allowed=allowed, wanted=Status(escrow.status))


def start_clock(escrow: Escrow, column: str, ends: datetime) -> None:
    """Sets a deadline that waited, once. No amount and no choice changes with it, so the version stays: a button that
    was sent in this very moment goes on working. The caller holds the row's lock."""
    Escrow.objects.filter(pk=escrow.pk, status=escrow.status, **{f"{column}__isnull": True}).update(**{column: ends})
    setattr(escrow, column, ends)


def require_unmoved(planned: Iterable[tuple[Escrow, int]]) -> None:
    """Raises: WrongStatus when a trade is no longer of the version that was planned on: something else of the same
    batch has moved it, and each is to be applied by itself."""
    for escrow, version in planned:
        if escrow.version != version:
            raise WrongStatus(escrow.status, escrow.status)


def _write(
    escrows: Sequence[Escrow], rows: Sequence[dict[str, Any]], *, allowed: Collection[Status], wanted: Status
) -> None:
    places = ", ".join(["%s"] * len(allowed))
    values = [
        {"id": escrow.pk, "version": escrow.version + 1, **row} for escrow, row in zip(escrows, rows, strict=True)
    ]
    changed = set(
        update_each(
            Escrow,
            values,
            where=f"t.version + 1 = v.c1 AND t.status IN ({places or 'NULL'})",  # c1: the new version
            where_values=sorted(status.value for status in allowed),
        )
    )
    for escrow, row in zip(escrows, rows, strict=True):
        if escrow.pk not in changed:
            raise WrongStatus(_status_now(escrow), wanted)
        escrow.version += 1
        for name, value in row.items():
            setattr(escrow, name, value)


def _status_now(escrow: Escrow) -> str:
    return Escrow.objects.filter(pk=escrow.pk).values_list("status", flat=True).first() or "missing"
