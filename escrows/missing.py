"""Money that a live trade relied on and that is gone (P7): what is missing, and how the rows that say so are kept."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from escrows.models import Escrow, VanishedFunding
from escrows.states import MissingState
from lockbay.setsql import insert_new, update_each
from wallets.money import Money

_CHANGING = ("state", "taken_minor", "tolerance_minor", "missing_minor", "reference", "vanished_at", "closed_at")


def open_missing_of(escrows: Iterable[Escrow]) -> dict[int, list[VanishedFunding]]:
    """The open rows of those of the trades that are frozen, by escrow, oldest first; no query when none is."""
    frozen = {escrow.pk: escrow for escrow in escrows if escrow.frozen_at is not None}
    found: dict[int, list[VanishedFunding]] = {}
    for row in VanishedFunding.objects.filter(escrow_id__in=frozen, state=MissingState.OPEN).order_by("pk"):
        row.escrow = frozen[row.escrow_id]
        found.setdefault(row.escrow_id, []).append(row)
    return found


def missing_of(escrow: Escrow) -> Money:
    """What the hold of a frozen trade lacks; nothing when it is not frozen."""
    return total_missing(escrow, open_missing_of([escrow]).get(escrow.pk, []))


def total_missing(escrow: Escrow, rows: Iterable[VanishedFunding]) -> Money:
    """The sum of what is missing in `rows`."""
    return Money(sum(row.missing_minor for row in rows), escrow.asset)


def last_vanished_of(escrow: Escrow) -> VanishedFunding | None:
    """The newest row, open or not: a second click asks what the first has done."""
    return VanishedFunding.objects.filter(escrow_id=escrow.pk).order_by("-pk").first()


def fill_missing(
    rows: Sequence[VanishedFunding], money: Money, now: datetime, *, deposit_id: int | None = None
) -> None:
    """Notes on the rows that `money` came into the hold: first on the deposit's own, then on the oldest."""
    left = money.minor
    for row in sorted(rows, key=lambda row: (row.deposit_id != deposit_id, row.pk)):
        part = min(left, row.missing_minor)
        row.missing_minor -= part
        left -= part
        if not row.missing_minor:
            row.state, row.closed_at = MissingState.RESTORED, now


def end_missing(escrow: Escrow, now: datetime) -> None:
    """The trade ends without the money: what is missing stays noted on its rows. The caller holds the lock."""
    VanishedFunding.objects.filter(escrow_id=escrow.pk, state=MissingState.OPEN).update(
        state=MissingState.ENDED, closed_at=now
    )


def write_missing(rows: Sequence[VanishedFunding]) -> None:
    """Stores new and changed rows: two statements at most."""
    new = [row for row in rows if row.pk is None]
    insert_new(VanishedFunding, [_values(row, "escrow", "deposit_id", *_CHANGING) for row in new])
    known = [row for row in rows if row.pk is not None]
    update_each(VanishedFunding, [{"id": row.pk, **_values(row, *_CHANGING)} for row in known])


def _values(row: VanishedFunding, *names: str) -> dict[str, Any]:
    return {name: row.escrow_id if name == "escrow" else getattr(row, name) for name in names}
