"""What a deposit that is gone takes back from its trade (P7): the counterpart of escrows/funding.py.

What the deposit put into the hold is taken from there as far as it still lies there, the rest from its payer's wallet,
and what the wallet lacks becomes the payer's recorded debt. A trade that is short of its payment then waits for one as
before; a live one that relied on the money is frozen; one that has ended is not touched, but its chain says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction

from escrows.errors import NotFound
from escrows.freezing import frozen_fields
from escrows.identifiers import operation_reference
from escrows.keeping import write_lowered
from escrows.legs import taken_back_legs
from escrows.missing import total_missing, write_missing
from escrows.models import Escrow, ShortPayment, VanishedFunding
from escrows.moving import amend_each, require_unmoved
from escrows.origins import Origins
from escrows.recounting import escrow_event
from escrows.states import HOLDS_MONEY, ShortState
from lockbay.events.kinds import Kind
from lockbay.events.recording import NewEvent
from payments.purposes import Plan, VanishedDeposit
from wallets.accounts import AVAILABLE, AccountCode, user_account
from wallets.debts import taking_legs
from wallets.ledger import NewOperation
from wallets.money import Money

logger = structlog.get_logger(__name__)


def plan_taking_back(
    escrows: dict[str, Escrow],
    kept: dict[int, ShortPayment],
    missing: dict[int, list[VanishedFunding]],
    vanished: Sequence[VanishedDeposit],
    now: datetime,
) -> Plan:
    """One operation and one fact a deposit, in the order given; the trades' rows are locked. Locks all holds and
    wallets concerned in one call. Raises: NotFound."""
    lost = next((one for one in vanished if one.intent.reference not in escrows), None)
    if lost is not None:
        raise NotFound(lost.intent.reference)
    origins = Origins.of([(escrows[one.intent.reference], one) for one in vanished])
    undone = _Undone(now, dict(kept), {pk: list(rows) for pk, rows in missing.items()}, origins)
    for one in vanished:
        undone.take(escrows[one.intent.reference], one)
    return Plan(operations=undone.operations, events=undone.events, apply=undone.apply)


@dataclass
class _Undone:
    """The plan as it grows."""

    now: datetime
    kept: dict[int, ShortPayment]
    missing: dict[int, list[VanishedFunding]]
    origins: Origins
    operations: list[NewOperation] = field(default_factory=list)
    events: list[NewEvent] = field(default_factory=list)
    lowered: dict[int, ShortPayment] = field(default_factory=dict)
    frozen: dict[int, Escrow] = field(default_factory=dict)
    planned: dict[int, tuple[Escrow, int]] = field(default_factory=dict)  # with the versions that were planned on

    def take(self, escrow: Escrow, one: VanishedDeposit) -> None:
        """Adds what this deposit's loss means."""
        self.planned[escrow.pk] = (escrow, escrow.version)
        taken, tolerance = self.origins.take(escrow, one)
        wanted = one.value + tolerance - taken
        wallet = user_account(one.intent.payer_id, one.value.asset, AVAILABLE)
        available = self.origins.balances[wallet]
        owed = taking_legs(owner_id=one.intent.payer_id, need=wanted, available=available)
        self.origins.balances[wallet] = available - min(available, wanted)
        legs = taken_back_legs(public_id=escrow.public_id, taken=taken, tolerance=tolerance)
        self._add_operation(escrow, one, (*legs, *owed))
        facts = {
            "value": one.value,
            "received": one.received,
            "taken": taken,
            "from_available": min(available, wanted),
            "debt": wanted - min(available, wanted),
            "deposit_reference": one.reference,
        }
        short = self.kept.get(escrow.pk)
        if taken and escrow.status in HOLDS_MONEY:
            self._freeze(escrow, one, taken, tolerance, facts)
        elif taken and short is not None:
            self._lower(escrow, short, taken, facts)
        else:
            self._note(escrow, facts)

    def apply(self) -> None:
        """Freezes, lowers and notes: a constant number of statements. Runs after all locks and before the posting."""
        require_unmoved(self.planned.values())
        write_lowered(list(self.lowered.values()), expires_at=self.now + settings.PAYMENT_WINDOW)
        escrows = list(self.frozen.values())
        amend_each(escrows, [frozen_fields(escrow, self.now) for escrow in escrows], allowed=HOLDS_MONEY)
        write_missing([row for escrow in escrows for row in self.missing[escrow.pk]])
        for escrow in escrows:
            _log_after_commit(escrow)

    def _freeze(
        self, escrow: Escrow, one: VanishedDeposit, taken: Money, tolerance: Money, facts: dict[str, Any]
    ) -> None:
        rows = self.missing.setdefault(escrow.pk, [])
        row = next((row for row in rows if row.deposit_id == one.deposit_id), None)
        if row is None:
            row = VanishedFunding(escrow=escrow, deposit_id=one.deposit_id, taken_minor=0, missing_minor=0)
            rows.append(row)
        row.taken_minor += taken.minor
        row.missing_minor += taken.minor
        row.tolerance_minor += tolerance.minor
        row.reference, row.vanished_at = one.reference, self.now
        self.frozen[escrow.pk] = escrow
        more = {
            "missing": total_missing(escrow, rows),
            "status": str(escrow.status),
            "is_release_stopped": escrow.release_due_at is not None,
        }
        self.events.append(escrow_event(Kind.ESCROW_FROZEN, escrow, None, **facts, **more))

    def _lower(self, escrow: Escrow, short: ShortPayment, taken: Money, facts: dict[str, Any]) -> None:
        was_asked = short.state == ShortState.ASKED
        left = short.held - taken
        if left:
            short.held_minor, short.state, short.proposal = left.minor, ShortState.WAITING, {}
        else:
            short.state, short.closed_at = ShortState.VANISHED, self.now
            del self.kept[escrow.pk]
        self.lowered[escrow.pk] = short
        more = {"status": str(escrow.status), "held": left, "was_asked": was_asked}
        self.events.append(escrow_event(Kind.ESCROW_PAYMENT_VANISHED, escrow, None, **facts, **more))

    def _note(self, escrow: Escrow, facts: dict[str, Any]) -> None:
        more = {"status": str(escrow.status), "was_asked": False}
        self.events.append(escrow_event(Kind.ESCROW_PAYMENT_VANISHED, escrow, None, **facts, **more))

    def _add_operation(self, escrow: Escrow, one: VanishedDeposit, legs: tuple[tuple[AccountCode, Money], ...]) -> None:
        self.operations.append(
            NewOperation(
                kind="escrow_vanished",
                key=one.key,
                legs=(*one.source_legs, *legs),
                reference=operation_reference(escrow.public_id, one.key),
                memo=escrow.public_id,
                reverses_id=one.reverses_id,
            )
        )


def _log_after_commit(escrow: Escrow) -> None:
    public_id = escrow.public_id
    transaction.on_commit(lambda: logger.warning("ESCROW_FROZEN", public_id=public_id))
