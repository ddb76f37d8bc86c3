"""What a credited deposit does to its trade: the handler that payments calls for purpose "escrow" (E7-E10).

It runs inside the transaction that credits the deposits, for a whole list at a constant number of queries: lock() takes
the trades' rows, plan() decides in memory. A deposit that pays its trade fills the hold; an excess is the payer's, a
shortfall within tolerance the house's. Money that is shorter stays in the hold while the buyer decides (E8), and counts
when more comes; a frozen trade is filled up first and thaws when it is whole (P7). Any other deposit goes to the
payer's wallet. Never more than one completes a payment. take_back() is the other way: escrows/unfunding.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import structlog
from django.db import transaction

from escrows.confirming import confirmed_change
from escrows.errors import NotFound
from escrows.fees import Pricing
from escrows.identifiers import operation_reference
from escrows.keeping import opened_short, write_kept
from escrows.legs import credit_legs, deposit_legs, short_legs
from escrows.missing import fill_missing, open_missing_of, total_missing, write_missing
from escrows.models import Escrow, ShortPayment, VanishedFunding
from escrows.moving import StatusChange, amend_each, move, require_unmoved
from escrows.recounting import escrow_event
from escrows.refilling import Thaw, log_after_commit, thaw
from escrows.states import HOLDS_MONEY, PAYABLE, SHORT_OPEN, ShortState, Status
from escrows.unfunding import plan_taking_back
from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.recording import NewEvent
from payments.purposes import CreditedDeposit, Plan, VanishedDeposit
from payments.variance import Variance, judge
from wallets.ledger import Leg, NewOperation
from wallets.money import Money

logger = structlog.get_logger(__name__)
SHORT_BEYOND = "short_beyond"


@dataclass(frozen=True)
class LockedTrades:
    """The trades by public id; by escrow the money that was too short and waits for a decision, and what is missing."""

    escrows: dict[str, Escrow]
    kept: dict[int, ShortPayment]
    missing: dict[int, list[VanishedFunding]]


class EscrowFunding:
    """The purpose handler; `reference` of an intent is the trade's public id."""

    def lock(self, references: Sequence[str]) -> LockedTrades:
        """Locks the trades in pk order, then reads what is kept for them: their locks cover it."""
        rows = Escrow.objects.filter(public_id__in=sorted(set(references))).order_by("pk")
        escrows = {row.public_id: row for row in rows.select_for_update(no_key=True, of=("self",))}
        of_these = [row.pk for row in escrows.values() if row.status == Status.PAYMENT_PENDING]
        kept = ShortPayment.objects.filter(escrow_id__in=of_these, state__in=sorted(SHORT_OPEN))
        by_pk = {row.pk: row for row in escrows.values()}
        for short in kept:
            short.escrow = by_pk[short.escrow_id]
        return LockedTrades(escrows, {short.escrow_id: short for short in kept}, open_missing_of(by_pk.values()))

    def plan(self, locked: LockedTrades, deposits: Sequence[CreditedDeposit]) -> Plan:
        """One operation and one fact a deposit, in the order given.

        Raises: SnapshotMalformed, NotFound: the drain then lets that deposit fail by itself (F42).
        """
        drawn = _Drawn(now=clock.database_now(), kept=dict(locked.kept), missing=dict(locked.missing))
        for deposit in deposits:
            escrow = locked.escrows.get(deposit.intent.reference)
            if escrow is None:
                raise NotFound(deposit.intent.reference)
            known = len(drawn.events)
            drawn.add(escrow, deposit)
            told = drawn.events[known:]
            drawn.events[known:] = [replace(event, correlation_id=deposit.correlation_id) for event in told]
        return Plan(operations=drawn.operations, events=drawn.events, apply=drawn.apply)

    def take_back(self, locked: LockedTrades, vanished: Sequence[VanishedDeposit]) -> Plan:
        """One operation and one fact a deposit that is gone, in the order given (P7). Raises: NotFound."""
        now = clock.database_now()
        return plan_taking_back(locked.escrows, locked.kept, locked.missing, vanished, now)


@dataclass
class _Drawn:
    """The plan as it grows; `paid` are the trades that a deposit of this very batch has paid."""

    now: datetime
    kept: dict[int, ShortPayment]
    missing: dict[int, list[VanishedFunding]]
    decided: dict[int, ShortPayment] = field(default_factory=dict)  # kept money that this batch touches
    operations: list[NewOperation] = field(default_factory=list)
    events: list[NewEvent] = field(default_factory=list)
    changes: list[StatusChange] = field(default_factory=list)
    paid: set[int] = field(default_factory=set)
    refilled: list[VanishedFunding] = field(default_factory=list)
    still_frozen: dict[int, Escrow] = field(default_factory=dict)
    thaws: list[Thaw] = field(default_factory=list)
    planned: dict[int, tuple[Escrow, int]] = field(default_factory=dict)  # with the versions that were planned on

    def add(self, escrow: Escrow, deposit: CreditedDeposit) -> None:
        self.planned[escrow.pk] = (escrow, escrow.version)
        if escrow.pk in self.missing:
            self._refill(escrow, deposit)
            return
        if escrow.status not in PAYABLE or escrow.pk in self.paid:
            self._add_late(escrow, deposit)
            return
        pricing = Pricing.of(escrow)
        short = self.kept.get(escrow.pk)
        held = Money(0, escrow.asset) if short is None else short.held
        variance = judge(pricing.buyer_total, held + deposit.value)
        if variance.kind == SHORT_BEYOND:
            self._add_short(escrow, deposit, pricing, held)
        else:
            self._add_payment(escrow, deposit, pricing, variance, held)

    def apply(self) -> None:
        """Moves the paid trades, keeps what is short, thaws what is whole: a constant number of statements. Runs after
        all locks and before the posting."""
        require_unmoved(self.planned.values())
        write_kept(list(self.decided.values()))
        move(self.changes)
        write_missing(self.refilled)
        still_frozen = list(self.still_frozen.values())
        amend_each(still_frozen, [{} for _ in still_frozen], allowed=HOLDS_MONEY)
        amend_each([one.escrow for one in self.thaws], [one.fields for one in self.thaws], allowed=HOLDS_MONEY)
        for one in self.thaws:
            log_after_commit(one.escrow)
        for change in self.changes:
            _log_after_commit(change.escrow)

    def _add_payment(
        self, escrow: Escrow, deposit: CreditedDeposit, pricing: Pricing, variance: Variance, held: Money
    ) -> None:
        payer = deposit.intent.payer_id
        due = pricing.buyer_total - held
        targets = deposit_legs(public_id=escrow.public_id, payer_id=payer, due=due, value=deposit.value)
        self._add_operation("escrow_fund", escrow, deposit, targets)
        excess = deposit.value - due
        facts = {
            "received": deposit.received,
            "value": held + deposit.value,
            "expected": pricing.buyer_total,
            "variance": str(variance.kind),
            "message_level": str(variance.message_level),
            "difference": variance.difference,
            "credited": excess if excess.minor > 0 else Money(0, escrow.asset),
            "deposit_reference": deposit.reference,
            "payment_confirmed_at": deposit.confirmed_at,
            **({"earlier": held} if held else {}),
            **({"extended_by": int(deposit.unknown_for.total_seconds())} if deposit.unknown_for else {}),
        }
        self.events.append(escrow_event(Kind.ESCROW_PAYMENT_CONFIRMED, escrow, None, **facts))
        self.changes.append(
            confirmed_change(
                escrow,
                confirmed_at=deposit.confirmed_at,
                reference=deposit.reference,
                now=self.now,
                stood=deposit.unknown_for,
            )
        )
        self.paid.add(escrow.pk)
        short = self.kept.pop(escrow.pk, None)
        if short is not None:
            short.state, short.closed_at = ShortState.COMPLETED, self.now
            self.decided[escrow.pk] = short

    def _refill(self, escrow: Escrow, deposit: CreditedDeposit) -> None:
        """Fills a frozen trade's hold up to the buyer's total, with the tolerance of a first payment."""
        rows = self.missing[escrow.pk]
        total, missing = Pricing.of(escrow).buyer_total, total_missing(escrow, rows)
        facts = {"received": deposit.received, "value": deposit.value, "is_again": deposit.is_again}
        self.refilled += [row for row in rows if row not in self.refilled]
        if judge(total, total - missing + deposit.value).kind == SHORT_BEYOND:
            self._add_operation(
                "escrow_refill", escrow, deposit, short_legs(public_id=escrow.public_id, value=deposit.value)
            )
            fill_missing(rows, deposit.value, self.now, deposit_id=deposit.deposit_id)
            self.still_frozen[escrow.pk] = escrow
            facts |= {"missing": missing - deposit.value, "deposit_reference": deposit.reference}
            self.events.append(escrow_event(Kind.ESCROW_REFILLED, escrow, None, **facts))
            return
        targets = deposit_legs(
            public_id=escrow.public_id, payer_id=deposit.intent.payer_id, due=missing, value=deposit.value
        )
        self._add_operation("escrow_refill", escrow, deposit, targets)
        excess = deposit.value - missing if missing < deposit.value else Money(0, escrow.asset)
        whole = thaw(
            escrow,
            rows,
            actor=None,
            reference=deposit.reference,
            now=self.now,
            deposit_id=deposit.deposit_id,
            facts={**facts, "credited": excess},
        )
        self.events.append(whole.event)
        self.thaws.append(whole)
        self.still_frozen.pop(escrow.pk, None)
        del self.missing[escrow.pk]

    def _add_short(self, escrow: Escrow, deposit: CreditedDeposit, pricing: Pricing, held: Money) -> None:
        self._add_operation(
            "escrow_short", escrow, deposit, short_legs(public_id=escrow.public_id, value=deposit.value)
        )
        short = self.kept.get(escrow.pk) or opened_short(escrow, self.now)
        short.held_minor, short.reference = (held + deposit.value).minor, deposit.reference
        # Other amounts than those the seller was asked about: the buyer decides anew.
        short.state, short.proposal = ShortState.WAITING, {}
        self.kept[escrow.pk] = self.decided[escrow.pk] = short
        facts = {
            "received": deposit.received,
            "value": deposit.value,
            "expected": pricing.buyer_total,
            "missing": pricing.buyer_total - held - deposit.value,
            "held": held + deposit.value,
            "choose_by": short.choose_by,
        }
        self.events.append(escrow_event(Kind.ESCROW_PAYMENT_SHORT, escrow, None, **facts))

    def _add_late(self, escrow: Escrow, deposit: CreditedDeposit) -> None:
        targets = credit_legs(payer_id=deposit.intent.payer_id, value=deposit.value)
        self._add_operation("escrow_late", escrow, deposit, targets)
        status = "payment_confirmed" if escrow.pk in self.paid else str(escrow.status)
        facts = {"received": deposit.received, "value": deposit.value, "status": status}
        if deposit.is_again:
            facts["is_again"] = True
        self.events.append(escrow_event(Kind.ESCROW_PAYMENT_LATE, escrow, None, **facts))

    def _add_operation(self, kind: str, escrow: Escrow, deposit: CreditedDeposit, targets: tuple[Leg, ...]) -> None:
        self.operations.append(
            NewOperation(
                kind=kind,
                key=deposit.credit_key,
                legs=(*deposit.source_legs, *targets),
                reference=operation_reference(escrow.public_id, deposit.credit_key),
                memo=escrow.public_id,
            )
        )


def _log_after_commit(escrow: Escrow) -> None:
    public_id, reference = escrow.public_id, escrow.deposit_reference
    transaction.on_commit(lambda: logger.info("ESCROW_PAYMENT_CONFIRMED", public_id=public_id, reference=reference))
