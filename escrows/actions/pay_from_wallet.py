"""The buyer pays from the wallet: trading credit first, then available money (E6)."""

from collections.abc import Callable
from datetime import datetime

import structlog
from django.db import transaction

from escrows.access import lock_escrow, side_of
from escrows.confirming import confirmed_change
from escrows.identifiers import operation_key, operation_reference
from escrows.models import Escrow, ShortPayment, Side
from escrows.moving import move
from escrows.policy import require_can_pay
from escrows.preview import payment_legs, preview_of, require_same
from escrows.recounting import escrow_event
from escrows.shortfall import close_short, open_short_of
from escrows.states import ShortState
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
        if side_of(escrow, actor) == Side.BUYER and escrow.deposit_reference == _reference_of(escrow):
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
    if short is not None:
        close_short(short, ShortState.COMPLETED, now)
    reference = _reference_of(escrow)
    move([confirmed_change(escrow, confirmed_at=now, reference=reference, now=now)])
    key = operation_key(escrow.public_id, "fund")
    post([NewOperation(kind="escrow_fund", key=key, legs=legs, reference=reference, memo=escrow.public_id)])
    _record_payment(escrow, actor, legs, short, now, first)


def _reference_of(escrow: Escrow) -> str:
    return operation_reference(escrow.public_id, operation_key(escrow.public_id, "fund"))


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
