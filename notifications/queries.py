"""What can be shown of who was told (N8). No locks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from escrows.models import Escrow, Side
from notifications.models import Delivery, DeliveryState
from notifications.told import reports_delivery

# The messages whose arrival matters to the other side, in the order of a good trade.
KEY_MESSAGES = ("payment_confirmed", "trade_offered", "trade_accepted", "trade_delivered", "trade_completed_seller")
_TOLD = (DeliveryState.SENT, DeliveryState.DELIVERED, DeliveryState.OPENED)


@dataclass(frozen=True)
class Told:
    """One person by one channel. `told_at` is None until a channel accepted the message; times are real time."""

    audience: str
    channel: str
    state: DeliveryState
    is_uncertain: bool
    told_at: datetime | None
    opened_at: datetime | None


def told_of(event_id: int) -> Sequence[Told]:
    """Who was told of an event, in the order in which it was tried."""
    return [
        Told(
            row.audience,
            row.channel,
            DeliveryState(row.state),
            row.is_uncertain,
            row.delivered_at or row.sent_at,
            row.opened_at,
        )
        for row in Delivery.objects.filter(event_id=event_id).order_by("pk")
    ]


@dataclass(frozen=True)
class Receipt:
    """How the other side was told of `template`: by which channel and when, never at which address.

    Without `told_at` no channel has taken it yet. `is_arrived` is False while a channel that reports took it and has
    not said that it arrived. Times are real time.
    """

    template: str
    channel: str
    told_at: datetime | None
    opened_at: datetime | None
    is_arrived: bool


def receipts_for(escrow: Escrow, side: Side) -> Sequence[Receipt]:
    """What the party on `side` may know of the messages to the other one (N8); one query."""
    other = Side.SELLER if side == Side.BUYER else Side.BUYER
    rows = Delivery.objects.filter(
        event__subject_type="escrow", event__subject_id=escrow.pk, audience=other.value, template__in=KEY_MESSAGES
    )
    best: dict[str, Delivery] = {}
    for row in rows.order_by("event_id", "pk"):
        known = best.get(row.template)
        if known is None or known.event_id != row.event_id or _says_more(row, known):
            best[row.template] = row
    return [_receipt_of(best[template]) for template in KEY_MESSAGES if template in best]


def _says_more(row: Delivery, known: Delivery) -> bool:
    """Opened on one channel says more than taken by another; of two alike the later one counts."""
    return _rank_of(row) >= _rank_of(known)


def _rank_of(row: Delivery) -> tuple[bool, bool, bool]:
    receipt = _receipt_of(row)
    return receipt.told_at is not None, receipt.is_arrived, receipt.opened_at is not None


def _receipt_of(row: Delivery) -> Receipt:
    if row.state not in _TOLD:
        return Receipt(row.template, "", None, None, is_arrived=False)
    is_arrived = row.state != DeliveryState.SENT or not reports_delivery(row.channel)
    return Receipt(row.template, row.channel, row.delivered_at or row.sent_at, row.opened_at, is_arrived)


def messages_of_trade(escrow_id: int) -> Sequence[Delivery]:
    """Every message that was made about a trade, for staff, in the order in which it was made."""
    about = Delivery.objects.filter(event__subject_type="escrow", event__subject_id=escrow_id)
    return list(about.select_related("recipient").order_by("pk"))
