"""Money that makes a frozen trade whole again (P7), wherever it came from: what is noted, written and told."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from django.db import transaction

from escrows.freezing import stood_still, thawed_fields
from escrows.missing import fill_missing
from escrows.models import Escrow, VanishedFunding
from escrows.recounting import escrow_event
from lockbay.events.kinds import Kind
from lockbay.events.recording import NewEvent
from lockbay.people.models import User
from wallets.money import Money

logger = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Thaw:
    """A trade that is whole again: the columns to write, and the fact to record after it."""

    escrow: Escrow
    fields: dict[str, Any]
    event: NewEvent


def thaw(
    escrow: Escrow,
    rows: Sequence[VanishedFunding],
    *,
    actor: User | None,
    reference: str,
    now: datetime,
    facts: dict[str, Any],
    deposit_id: int | None = None,
) -> Thaw:
    """Closes the open `rows` of the trade; nothing is written yet. `facts` say what came."""
    missing = Money(sum(row.missing_minor for row in rows), escrow.asset)
    fill_missing(rows, missing, now, deposit_id=deposit_id)
    fields = thawed_fields(escrow, reference=reference, now=now)
    seconds = int(stood_still(escrow, now).total_seconds())
    told = {"extended_by": seconds, "frozen_at": escrow.frozen_at, "missing": missing, "deposit_reference": reference}
    return Thaw(escrow, fields, escrow_event(Kind.ESCROW_UNFROZEN, escrow, actor, **told, **facts))


def log_after_commit(escrow: Escrow) -> None:
    """A line once it is true."""
    public_id = escrow.public_id
    transaction.on_commit(lambda: logger.info("ESCROW_UNFROZEN", public_id=public_id))
