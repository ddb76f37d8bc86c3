"""Screens that several flows show, and the facts of a trade as templates read them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from escrows.access import side_of
from escrows.deadlines import waiting_clock_of
from escrows.fees import Pricing
from escrows.models import Escrow, Side
from escrows.preview import Preview
from escrows.queries import what_next
from escrows.shortfall import due_of, open_short_of
from escrows.states import Status
from escrows.terms import DESCRIPTION_MOST
from lockbay import clock
from lockbay.people.models import User
from notifications.queries import Receipt, receipts_for
from notifications.texts import clean_name, clean_text
from telegrambot.keyboards import trade_keyboard
from telegrambot.turn import Screen
from wallets.money import Money


@dataclass(frozen=True)
class TradeView:
    """A trade in the eyes of one party. Texts are codes; templates have the words."""

    public_id: str
    status: str
    side: str
    other_side: str
    other_name: str
    hint: str
    next: str
    description: str
    pricing: Pricing
    fee_payer: str
    delivery_hours: int
    inspection_hours: int
    close_reason: str
    deadline: datetime | None
    is_overdue: bool
    waits_for: str  # the side whose time starts when it is told (N8); "" when none waits
    receipts: Sequence[Receipt]
    kept: Money | None  # a payment that was too short, while it waits for a decision (E8)
    due: Money
    release_due_at: datetime | None
    is_frozen: bool  # money that it relied on is missing (P7): `due` says how much
    closed_at: datetime | None

    @property
    def is_paid(self) -> bool:
        """True once the money was in the hold."""
        return self.status not in {"created", "payment_pending", "cancelled", "expired"}


def view_of(escrow: Escrow, user: User) -> TradeView:
    """The trade as `user` may see it."""
    side = side_of(escrow, user) or Side.BUYER
    other = escrow.seller if side == Side.BUYER else escrow.buyer
    pricing, short = Pricing.of(escrow), open_short_of(escrow)
    return TradeView(
        public_id=escrow.public_id,
        status=escrow.status,
        side=side.value,
        other_side=(Side.SELLER if side == Side.BUYER else Side.BUYER).value,
        other_name=clean_name(other.display_name) if other else "",
        hint=clean_name(escrow.counterparty_hint) if escrow.started_by == side else "",
        next=what_next(escrow, side).value,
        description=clean_text(escrow.description, DESCRIPTION_MOST),
        pricing=pricing,
        fee_payer=escrow.fee_payer,
        delivery_hours=escrow.delivery_hours,
        inspection_hours=escrow.inspection_hours,
        close_reason=escrow.close_reason,
        deadline=_deadline_of(escrow),
        waits_for=_waits_for(escrow),
        receipts=receipts_for(escrow, side),
        is_overdue=escrow.status == Status.ACTIVE and _is_over(_deadline_of(escrow)),
        kept=short.held if short else None,
        due=due_of(escrow),
        release_due_at=escrow.release_due_at,
        is_frozen=escrow.frozen_at is not None,
        closed_at=escrow.closed_at,
    )


def trade_screen(escrow: Escrow, user: User, *, news: str = "") -> Screen:
    """The trade with what may be done now. `news` names a line on top about what just happened (partials/news.html)."""
    return Screen("trade", {"trade": view_of(escrow, user), "news": news}, trade_keyboard(escrow, user))


def preview_context(escrow: Escrow, user: User, preview: Preview) -> dict[str, object]:
    """What a screen that asks "are you sure" shows: the trade and who gets what."""
    return {"trade": view_of(escrow, user), "lines": preview.lines}


def _waits_for(escrow: Escrow) -> str:
    waiting = waiting_clock_of(escrow)
    return waiting.side if waiting is not None and escrow.frozen_at is None else ""


def _is_over(deadline: datetime | None) -> bool:
    return deadline is not None and deadline <= clock.now()


def _deadline_of(escrow: Escrow) -> datetime | None:
    """The deadline that runs now; none in a frozen trade."""
    if escrow.frozen_at is not None:
        return None
    return {
        "created": escrow.expires_at,
        "payment_pending": escrow.expires_at,
        "payment_confirmed": escrow.accept_by,
        "active": escrow.delivery_deadline,
        "delivered": escrow.inspection_ends_at,
    }.get(escrow.status)
