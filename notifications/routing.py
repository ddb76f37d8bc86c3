"""Who is told of what: every kind of event, its audiences, its template, how urgent it is (N1, N5).

A party that acted has seen its screen change and is not written to (N7), unless the route says `even_actor`. Staff
routes go by e-mail to every address in STAFF_EMAILS, whatever becomes of the users' messages (N4).
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from escrows.deadlines import ACCEPTANCE, DELIVERY, INSPECTION, OFFER, PAYMENT
from lockbay.events.kinds import Kind
from lockbay.events.models import Event
from notifications.models import Priority

if TYPE_CHECKING:
    from escrows.models import Escrow


class Audience(StrEnum):
    """BUYER and SELLER of the event's escrow, USER of data["user_id"], CONTACT: an address that is being proved."""

    BUYER = "buyer"
    SELLER = "seller"
    USER = "user"
    CONTACT = "contact"
    STAFF = "staff"


Condition = Callable[[Event, "Escrow | None"], bool]


@dataclass(frozen=True)
class Route:
    """One message to one audience; `only_if` looks at the event and at the escrow as it is at fan-out."""

    audience: Audience
    template: str
    priority: Priority
    even_actor: bool = False
    only_if: Condition | None = None


def _deadline_of(*names: str) -> Condition:
    def is_theirs(event: Event, _escrow: "Escrow | None") -> bool:
        return event.data.get("deadline") in names

    return is_theirs


def _runs_out_for_the_buyer(event: Event, escrow: "Escrow | None") -> bool:
    """The buyer's own deadlines, and the time to accept while only the buyer can still bring a seller."""
    if event.data.get("deadline") == ACCEPTANCE:
        return escrow is not None and escrow.seller_id is None
    return _deadline_of(OFFER, PAYMENT, INSPECTION)(event, escrow)


def _is_over(event: Event, _escrow: "Escrow | None") -> bool:
    return event.data.get("lead_minutes") == 0


def _runs_out_for_the_seller(event: Event, escrow: "Escrow | None") -> bool:
    return _deadline_of(ACCEPTANCE, DELIVERY)(event, escrow) and not _is_over(event, escrow)


_BUYER, _SELLER, _USER, _STAFF = Audience.BUYER, Audience.SELLER, Audience.USER, Audience.STAFF
_PAYMENT, _TRADE, _REMINDER = Priority.PAYMENT, Priority.TRADE, Priority.REMINDER

ROUTES: dict[Kind, tuple[Route, ...]] = {
    Kind.ESCROW_CREATED: (),  # nobody: its maker sees the screen, the other is not known yet
    Kind.ESCROW_PARTY_JOINED: (
        # The one who joins looks at the trade: a seller who comes after the payment sees the offer there, once.
        Route(_BUYER, "party_joined", _TRADE),
        Route(_SELLER, "party_joined", _TRADE),
    ),
    Kind.ESCROW_PAYMENT_STARTED: (),  # nobody: the buyer looks at the payment screen, money has not moved
    Kind.ESCROW_PAYMENT_CONFIRMED: (
        Route(_BUYER, "payment_confirmed", _PAYMENT, even_actor=True),  # a receipt, also for a payment from the wallet
        Route(_SELLER, "trade_offered", _PAYMENT),
        Route(_STAFF, "staff_payment_confirmed", _PAYMENT),
    ),
    Kind.ESCROW_PAYMENT_SHORT: (Route(_BUYER, "payment_short", _PAYMENT),),
    Kind.ESCROW_LESS_ASKED: (Route(_SELLER, "less_asked", _PAYMENT),),
    Kind.ESCROW_LESS_REFUSED: (Route(_BUYER, "less_refused", _PAYMENT),),
    Kind.ESCROW_LESS_AGREED: (),  # nobody: the confirmed payment that comes with it says so
    Kind.ESCROW_SHORT_TAKEN_BACK: (Route(_BUYER, "short_taken_back", _PAYMENT),),
    Kind.ESCROW_PAYMENT_LATE: (Route(_BUYER, "payment_late", _PAYMENT),),
    Kind.ESCROW_REVIVED: (),  # nobody: the new trade's payment is told like any other
    Kind.ESCROW_ACCEPTED: (Route(_BUYER, "trade_accepted", _TRADE),),
    Kind.ESCROW_DECLINED: (),  # nobody: the refund that comes with it says so
    Kind.ESCROW_DELIVERED: (Route(_BUYER, "trade_delivered", _TRADE),),
    Kind.ESCROW_RELEASE_REQUESTED: (),  # nobody: the seller is told when the undo window has ended (E14)
    Kind.ESCROW_RELEASE_UNDONE: (),
    Kind.ESCROW_COMPLETED: (
        Route(_SELLER, "trade_completed_seller", _PAYMENT),
        Route(_BUYER, "trade_completed_buyer", _TRADE),
    ),
    Kind.ESCROW_CANCELLED: (Route(_BUYER, "trade_cancelled", _TRADE), Route(_SELLER, "trade_cancelled", _TRADE)),
    Kind.ESCROW_REFUNDED: (Route(_BUYER, "refunded_buyer", _PAYMENT), Route(_SELLER, "refunded_seller", _TRADE)),
    Kind.ESCROW_EXPIRED: (Route(_BUYER, "trade_expired", _TRADE), Route(_SELLER, "trade_expired", _TRADE)),
    Kind.ESCROW_DEADLINE_NEAR: (
        Route(
            _BUYER,
            "deadline_near_buyer",
            _REMINDER,
            only_if=_runs_out_for_the_buyer,
        ),
        Route(
            _SELLER,
            "deadline_near_seller",
            _REMINDER,
            only_if=_runs_out_for_the_seller,
        ),
        # The delivery's time is over: nothing happens by itself, so both hear what they can do.
        Route(_BUYER, "delivery_overdue_buyer", _TRADE, only_if=_is_over),
        Route(_SELLER, "delivery_overdue_seller", _TRADE, only_if=_is_over),
    ),
    Kind.DEPOSIT_PENDING: (),  # nobody: the payment screen is edited in place
    Kind.DEPOSIT_SUSPENDED: (Route(_STAFF, "staff_deposit_suspended", _TRADE),),
    Kind.DEPOSIT_ASSIGNED: (),  # nobody: what the money does for its purpose says so
    Kind.DEPOSIT_CREDITED: (Route(_USER, "deposit_credited", _PAYMENT),),
    # The payer may be nobody yet: money in suspense vanishes too, and only staff hear of it.
    Kind.DEPOSIT_VANISHED: (
        Route(_USER, "deposit_vanished", _PAYMENT),
        Route(_STAFF, "staff_deposit_vanished", _PAYMENT),
    ),
    Kind.DEBT_COLLECTED: (Route(_USER, "debt_collected", _PAYMENT),),
    Kind.INBOX_PARKED: (Route(_STAFF, "staff_inbox_parked", _TRADE),),
    Kind.INBOX_REPLAYED: (),
    Kind.LEDGER_BREACHED: (Route(_STAFF, "staff_ledger_breached", _PAYMENT),),
    Kind.OPERATION_REVERSED: (Route(_STAFF, "staff_operation_reversed", _TRADE),),
    Kind.CONTACT_CODE_REQUESTED: (Route(Audience.CONTACT, "contact_code", _PAYMENT, even_actor=True),),
    Kind.CONTACT_VERIFIED: (),  # nobody: the settings say so to the one who typed the code
    Kind.DELIVERIES_EXHAUSTED: (Route(_STAFF, "staff_deliveries_exhausted", _PAYMENT),),
    Kind.DELIVERY_RESENT: (),
}
