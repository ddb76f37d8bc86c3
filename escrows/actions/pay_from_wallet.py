"""The buyer pays from the wallet: trading credit first, then available money (E6); a frozen trade once more (P7)."""

from collections.abc import Callable
from datetime import datetime

import structlog
from django.db import transaction

from escrows.access import lock_escrow, side_of
from escrows.confirming import confirmed_change
from escrows.identifiers import operation_key, operation_reference
from escrows.missing import last_vanished_of, open_missing_of, write_missing
from escrows.models import Escrow, ShortPayment, Side
from escrows.moving import amend, move
from escrows.policy import require_can_pay
from escrows.preview import payment_legs, preview_of, require_same
from escrows.recounting import escrow_event
from escrows.refilling import log_after_commit, thaw
from escrows.shortfall import close_short, open_short_of
from escrows.states import HOLDS_MONEY, ShortState
from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.recording import NewEvent, record
from lockbay.people.models import User
from wallets.accounts import AVAILABLE, CREDIT, HOLD, user_account
from wallets.ledger import Leg, NewOperation, lock_balances, post
from wallets.money import Money

logger = structlog.get_logger(__name__)


def pay_from_wallet(*, actor: User, escrow_id: int, digest: str) -> Escrow:
    """Pays what is due from the buyer's wallet and confirms the payment. `digest` is that of payment_preview.

    A second click gets the paid trade. Raises: NotFound, NotAllowed, WrongStatus, NotEnough, PreviewChanged.
    """
    with transaction.atomic(durable=True):
        escrow = lock_escrow(actor, escrow_id)
        is_paid = escrow.frozen_at is None and escrow.deposit_reference == _reference_of(escrow)
        if side_of(escrow, actor) == Side.BUYER and is_paid:
            return escrow
        now = clock.database_now()
        require_can_pay(escrow, actor, now)
        pay_from_wallet_within(
            escrow, actor=actor, now=now, check=lambda legs: require_same(preview_of("pay", escrow, legs), digest)
        )
    return escrow


def pay_from_wallet_within(
    escrow: Escrow,
    *,
    actor: User,
    now: datetime,
    check: Callable[[tuple[Leg, ...]], None],
    first: tuple[NewEvent, ...] = (),
) -> None:
    """The same inside the caller's transaction and under its lock; `check` refuses legs that were not shown, `first`
    are facts that belong before the payment. Raises: NotEnough, and what `check` raises."""
    short = open_short_of(escrow)
    legs = _legs(escrow, actor)
    check(legs)
    if escrow.frozen_at is not None:
        _refill(escrow, actor, legs, now)
        return
    if short is not None:
        close_short(short, ShortState.COMPLETED, now)
    move([confirmed_change(escrow, confirmed_at=now, reference=_reference_of(escrow), now=now)])
    _post(escrow, "escrow_fund", legs)
    _record_payment(escrow, actor, legs, short, now, first)


def _refill(escrow: Escrow, actor: User, legs: tuple[Leg, ...], now: datetime) -> None:
    rows = open_missing_of([escrow])[escrow.pk]
    paid = next(money for code, money in legs if code.kind == HOLD)
    facts = {"received": paid, "value": paid, "credited": Money(0, escrow.asset), "is_again": False}
    whole = thaw(escrow, rows, actor=actor, reference=_reference_of(escrow), now=now, facts=facts)
    write_missing(rows)
    amend(escrow, whole.fields, allowed=HOLDS_MONEY)
    _post(escrow, "escrow_refill", legs)
    record([whole.event])
    log_after_commit(escrow)


def _post(escrow: Escrow, kind: str, legs: tuple[Leg, ...]) -> None:
    key, reference = _key_of(escrow), _reference_of(escrow)
    post([NewOperation(kind=kind, key=key, legs=legs, reference=reference, memo=escrow.public_id)])


def _reference_of(escrow: Escrow) -> str:
    return operation_reference(escrow.public_id, _key_of(escrow))


def _key_of(escrow: Escrow) -> str:
    """Of the payment that a click means now: each loss of money can be made good from the wallet once."""
    lost = last_vanished_of(escrow)
    return operation_key(escrow.public_id, "fund" if lost is None else f"fund:{lost.pk}")


def _legs(escrow: Escrow, actor: User) -> tuple[Leg, ...]:
    available, credit = (user_account(actor.pk, escrow.asset, kind) for kind in (AVAILABLE, CREDIT))
    balances = lock_balances([available, credit])
    return payment_legs(escrow, available=balances[available], credit=balances[credit])


def _record_payment(
    escrow: Escrow,
    actor: User,
    legs: tuple[Leg, ...],
    short: ShortPayment | None,
    now: datetime,
    first: tuple[NewEvent, ...],
) -> None:
    paid = next(money for code, money in legs if code.kind == HOLD)
    nothing = Money(0, escrow.asset)
    total = paid if short is None else short.held + paid
    facts = {
        "received": paid,
        "value": total,
        "expected": total,
        "variance": "exact",
        "message_level": "none",
        "difference": nothing,
        "credited": nothing,
        "deposit_reference": escrow.deposit_reference,
        "payment_confirmed_at": now,
        **({} if short is None else {"earlier": short.held}),
    }
    record([*first, escrow_event(Kind.ESCROW_PAYMENT_CONFIRMED, escrow, actor, **facts)])
    public_id = escrow.public_id
    transaction.on_commit(lambda: logger.info("ESCROW_PAYMENT_CONFIRMED", public_id=public_id, value=str(paid)))
