"""Writes the money that is kept for a trade though it is too short: many rows, a constant number of statements."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.conf import settings

from escrows.models import Escrow, ShortPayment
from escrows.moving import StatusChange, amend_each, move
from escrows.states import SHORT_OPEN, Status
from lockbay.setsql import insert_new, update_each

_CHANGING = ("state", "held_minor", "reference", "proposal", "closed_at")


def opened_short(escrow: Escrow, now: datetime) -> ShortPayment:
    """A new one, not stored yet: the buyer has the whole choice window from `now`."""
    return ShortPayment(escrow=escrow, choose_by=now + settings.CHOICE_WINDOW, opened_at=now)


def write_kept(shorts: Sequence[ShortPayment]) -> None:
    """Stores the rows; a trade whose money still waits stays open until the buyer must have chosen.

    The caller holds the locks of their escrows. Raises: WrongStatus.
    """
    new = [short for short in shorts if short.pk is None]
    insert_new(ShortPayment, [_row(short, "escrow", "choose_by", "opened_at", *_CHANGING) for short in new])
    known = [short for short in shorts if short.pk is not None]
    update_each(ShortPayment, [{"id": short.pk, **_row(short, *_CHANGING)} for short in known])
    _keep_open([short for short in shorts if short.state in SHORT_OPEN])


def write_lowered(shorts: Sequence[ShortPayment], *, expires_at: datetime) -> None:
    """Stores rows from which money vanished (P7); their trades can be paid until `expires_at` at least.

    The caller holds the locks of their escrows. Raises: WrongStatus.
    """
    update_each(ShortPayment, [{"id": short.pk, **_row(short, *_CHANGING)} for short in shorts])
    escrows = [short.escrow for short in shorts]
    rows = [{"expires_at": max(escrow.expires_at or expires_at, expires_at)} for escrow in escrows]
    amend_each(escrows, rows, allowed={Status.PAYMENT_PENDING})


def _row(short: ShortPayment, *names: str) -> dict[str, Any]:
    return {name: short.escrow_id if name == "escrow" else getattr(short, name) for name in names}


def _keep_open(shorts: Sequence[ShortPayment]) -> None:
    pending = [short for short in shorts if short.escrow.status == Status.PAYMENT_PENDING]
    rows = [_longer(short) for short in pending]
    amend_each([short.escrow for short in pending], rows, allowed={Status.PAYMENT_PENDING})
    started = [short for short in shorts if short.escrow.status == Status.CREATED]
    move([StatusChange(short.escrow, Status.PAYMENT_PENDING, _longer(short)) for short in started])


def _longer(short: ShortPayment) -> dict[str, Any]:
    ends = short.escrow.expires_at
    return {"expires_at": short.choose_by if ends is None else max(ends, short.choose_by)}
