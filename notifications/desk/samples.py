"""Made-up events, so that every notice can be looked at before anybody gets it. Nothing here is stored or read.

One story: Bea buys a camera from Sol. FACTS says what an event of each kind carries; what a single notice needs
otherwise stands in OF_TEMPLATE. A test holds both complete: no notice may have a hole.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from escrows.fees import FeePolicy, price_escrow
from escrows.models import Escrow, FeePayer, Side
from escrows.states import Status
from lockbay.events.kinds import Kind
from lockbay.events.models import Event
from lockbay.people.models import User
from notifications.models import Delivery
from notifications.rendering import About
from notifications.routing import Audience, Route
from wallets.money import Money

NO_ROW = 0  # the primary key of what is not there: a link to it leads nowhere
_TRADE, _WITHDRAWAL = "ES112226LAMP", "WD112226ZDWS"
_REFERENCE, _CODE = "h3Kx9vQ2mZ8rTfWp", "482913"
_TXID = "0x9f3cbd2f6a1e54c07d88e3b1a9f04c6d2e7b5a31c8f0d94e6b7a2c1d3e5f6071"

_PAID = {
    "received": "205.00 USDT",
    "value": "205.00 USD",
    "expected": "205.00 USD",
    "variance": "exact",
    "message_level": "none",
    "difference": "0.00 USD",
    "credited": "0.00 USD",
    "deposit_reference": _TXID,
}
_SHORT = {"held": "150.00 USD", "missing": "55.00 USD", "choose_by": timedelta(hours=24)}
_OUT = {
    "public_id": _WITHDRAWAL,
    "amount": "300.00 USD",
    "payout": "292.500000 USDT",
    "to": "…9f3c",
    "rail": "kraken",
    "revision": 1,
}
_PLACE = {"asset": "USDT", "network": "TRC20", "rail": "kraken", "to": "…9f3c", "usable_at": timedelta(hours=24)}
_PAYOUT = {"public_id": _WITHDRAWAL, "rail": "kraken", "status": "processing", "said": "rate_limit", "tries": 2}
_STOP = {"asset": "USDT", "reason": "The books of USDT are being checked"}
_REPAIR = {"repair": "credit_user", "about": "user 12", "name": "Bea #12", "amount": "300.00 USD", "needs_two": True}
_GONE = {"received": "205.00 USDT", "value": "205.00 USD", "missing": "205.00 USD", "deposit_reference": _TXID}

# A timedelta stands for the moment that far from now.
FACTS: dict[Kind, dict[str, Any]] = {
    Kind.ESCROW_PARTY_JOINED: {"side": "seller"},
    Kind.ESCROW_PAYMENT_CONFIRMED: _PAID,
    Kind.ESCROW_PAYMENT_SHORT: {**_SHORT, "received": "150.00 USDT", "value": "150.00 USD", "expected": "205.00 USD"},
    Kind.ESCROW_LESS_ASKED: {
        **_SHORT,
        "price_before": "200.00 USD",
        "price_now": "146.34 USD",
        "fee_now": "7.32 USD",
        "net_before": "195.00 USD",
        "net_now": "142.68 USD",
    },
    Kind.ESCROW_LESS_REFUSED: _SHORT,
    Kind.ESCROW_SHORT_TAKEN_BACK: {"buyer_gets": "150.00 USD"},
    Kind.ESCROW_PAYMENT_LATE: {"received": "205.00 USDT", "value": "205.00 USD", "status": "expired"},
    Kind.ESCROW_PAYMENT_VANISHED: {"value": "150.00 USD", "status": "payment_pending", "was_asked": True},
    Kind.ESCROW_FROZEN: {
        **_GONE,
        "taken": "205.00 USD",
        "from_available": "0.00 USD",
        "debt": "0.00 USD",
        "status": "active",
        "is_release_stopped": False,
    },
    Kind.ESCROW_REFILLED: {"received": "100.00 USDT", "value": "100.00 USD", "missing": "105.00 USD"},
    Kind.ESCROW_UNFROZEN: {**_GONE, "credited": "0.00 USD", "is_again": True, "extended_by": 18_000},
    Kind.ESCROW_COMPLETED: {"seller_gets": "195.00 USD", "fee": "10.00 USD", "reason": "buyer_released"},
    Kind.ESCROW_CANCELLED: {"reason": "buyer_cancelled"},
    Kind.ESCROW_REFUNDED: {"buyer_gets": "205.00 USD", "reason": "not_accepted"},
    Kind.ESCROW_EXPIRED: {"reason": "unpaid"},
    Kind.ESCROW_DEADLINE_NEAR: {"deadline": "inspection", "deadline_at": timedelta(hours=2), "lead_minutes": 120},
    Kind.ESCROW_PARTY_UNTOLD: {"deadline": "acceptance", "side": "seller", "waits_since": timedelta(hours=-25)},
    Kind.DEPOSIT_SUSPENDED: {"received": "0.00300000 BTC", "provider": "blockbee", "reference": _TXID},
    Kind.DEPOSIT_CREDITED: {"received": "0.00050000 BTC", "value": "48.10 USD"},
    Kind.DEPOSIT_VANISHED: {
        **_GONE,
        "from_available": "120.00 USD",
        "debt": "85.00 USD",
        "purpose": "wallet",
        "reference": "DP112226K7QX",
        "cause": "gone",
        "txid": _TXID,
    },
    Kind.DEBT_COLLECTED: {"collected": "40.00 USD", "left": "45.00 USD"},
    Kind.DESTINATION_ADDED: _PLACE,
    Kind.DESTINATION_REMOVED: _PLACE,
    Kind.WITHDRAWAL_REQUESTED: {**_OUT, "needs_approval": True},
    Kind.WITHDRAWAL_CHANGED: {**_OUT, "revision": 2},
    Kind.WITHDRAWAL_APPROVED: {**_OUT, "final": True, "status": "processing"},
    Kind.WITHDRAWAL_REJECTED: _OUT,
    Kind.WITHDRAWAL_UNKNOWN: _OUT,
    Kind.WITHDRAWAL_OUTCOME_SEEN: {**_OUT, "outcome": "completed", "agreed": False},
    Kind.WITHDRAWAL_COMPLETED: {**_OUT, "provider_reference": "AGBSO6T-UFMTTQ-I7KGS6"},
    Kind.WITHDRAWAL_FAILED: _OUT,
    Kind.WITHDRAWAL_REVERSED: _OUT,
    Kind.WITHDRAWAL_OVERDUE: {**_OUT, "minutes": 6},
    Kind.PAYOUT_WAITS: _PAYOUT,
    Kind.PAYOUT_CONTRADICTED: {**_PAYOUT, "status": "failed", "said": "Success"},
    Kind.PAYOUT_BALANCE_LOW: {"rail": "kraken", "balance": "70.000000 USDT", "limit": "500.000000 USDT"},
    Kind.PAYOUTS_STOPPED: _STOP,
    Kind.PAYOUTS_RESUMED: {**_STOP, "reason": "The books of USDT hold again"},
    Kind.INBOX_PARKED: {
        "provider": "blockbee",
        "kind": "payment",
        "payment_ref": "31415",
        "reason": "UnknownCoin: XYZ",
    },
    Kind.LEDGER_BREACHED: {"breaches": 1, "rules": ["hold_matches_trade"], "assets": ["USD"]},
    Kind.OPERATION_REVERSED: {"key": "user_credited:7", "reversal": "reverse:user_credited:7", "reason": "typed twice"},
    Kind.USER_CREDITED: {"money": "5.00 USD", "account": "available", "source": "losses"},
    Kind.DEBT_FORGIVEN: {"forgiven": "40.00 USD", "left": "45.00 USD"},
    Kind.REPAIR_PROPOSED: _REPAIR,
    Kind.REPAIR_REFUSED: _REPAIR,
    Kind.INCIDENT_ACKNOWLEDGED: {"alert": "withdrawal.unknown", "count": 3, "note": "I am looking into it"},
    Kind.INCIDENT_CLOSED: {"alert": "withdrawal.unknown", "count": 3, "reason": "the rail has answered"},
    Kind.INCIDENT_ESCALATED: {
        **_OUT,
        "alert": "withdrawal.unknown",
        "alert_template": "staff_withdrawal_unknown",
        "count": 3,
        "minutes": 10,
        "escalation": 1,
        "is_last": False,
    },
    Kind.STAFF_ALERTS_HELD_BACK: {"channel": "slack", "limit": 20, "until": timedelta(minutes=40), "held_back": 7},
    Kind.STAFF_TEST: {"process": "worker"},
    Kind.STAFF_DIGEST: {
        "day": "2026-11-21",
        "is_quiet": False,
        "something_waits": True,
        "payments": 12,
        "payments_sums": ["1,240.00 USDT", "0.01200000 BTC"],
        "top_ups": 3,
        "top_ups_sums": ["150.00 USDT"],
        "completed": 9,
        "refunded": 1,
        "withdrawn": 4,
        "withdrawals_failed": 1,
        "withdrawals_reversed": 0,
        "withdrawals_waiting": 2,
        "disputed": 0,
        "parked": 1,
        "incidents": 1,
        "incidents_untaken": 1,
        "failed_messages": 2,
        "proof": "green",
        "proof_age": 2_400,
    },
    Kind.JOB_STALLED: {"job": "send_fallbacks", "reason": "no success for 12 minutes"},
    Kind.AFFILIATE_EARNED: {"money": "1.00 USD"},
    Kind.CONTACT_CODE_REQUESTED: {"channel": "email"},
    Kind.CONTACT_REMOVED: {"gone": "email", "hears_of_it": True},
    Kind.STAFF_TEST: {"process": "bot"},
    Kind.STAFF_DIGEST: {
        "day": "2026-11-21",
        "payments": 3,
        "payments_sums": ["0.00210000 BTC", "410.000000 USDT"],
        "top_ups": 1,
        "top_ups_sums": ["48.10 USD"],
        "completed": 2,
        "refunded": 1,
        "withdrawn": 1,
        "withdrawals_failed": 0,
        "withdrawals_reversed": 0,
        "failed_messages": 1,
        "something_waits": True,
        "withdrawals_waiting": 2,
        "disputed": 1,
        "parked": 1,
        "incidents": 2,
        "incidents_untaken": 1,
        "proof": "green",
        "proof_age": 840,
    },
    Kind.DELIVERIES_EXHAUSTED: {
        "public_id": _TRADE,
        "audience": "seller",
        "template": "trade_offered",
        "channel": "email",
        "reason": "bounced: mailbox full",
    },
}
OF_TEMPLATE: dict[str, dict[str, Any]] = {
    "deadline_near_seller": {"deadline": "delivery"},
    "delivery_overdue_buyer": {"deadline": "delivery", "deadline_at": timedelta(), "lead_minutes": 0},
    "delivery_overdue_seller": {"deadline": "delivery", "deadline_at": timedelta(), "lead_minutes": 0},
    "staff_withdrawal_second": {"final": False},
    "staff_withdrawal_register": {"status": "awaiting_registration"},
}
_STATUS = {
    Kind.ESCROW_PARTY_JOINED: Status.CREATED,
    Kind.ESCROW_PAYMENT_CONFIRMED: Status.PAYMENT_CONFIRMED,
    Kind.ESCROW_PAYMENT_SHORT: Status.PAYMENT_PENDING,
    Kind.ESCROW_LESS_ASKED: Status.PAYMENT_PENDING,
    Kind.ESCROW_LESS_REFUSED: Status.PAYMENT_PENDING,
    Kind.ESCROW_PARTY_UNTOLD: Status.PAYMENT_CONFIRMED,
    Kind.ESCROW_DELIVERED: Status.DELIVERED,
    Kind.ESCROW_COMPLETED: Status.COMPLETED,
    Kind.ESCROW_CANCELLED: Status.CANCELLED,
    Kind.ESCROW_REFUNDED: Status.REFUNDED,
    Kind.ESCROW_EXPIRED: Status.EXPIRED,
}
_SUBJECTS = {"deliveries": "delivery", "user": "user", "debt": "user", "affiliate": "user", "referral": "user",
             "payout": "payout_attempt", "ledger": "ledger_check"}  # fmt: skip


def sample_of(kind: Kind, route: Route, channel: str, now: datetime) -> tuple[Delivery, About]:
    """A delivery of `route` by `channel`, unsaved, and what it is about."""
    buyer, seller = (
        User(pk=number, username=name.lower(), first_name=name) for number, name in enumerate(("Bea", "Sol"), 1)
    )
    subject = _SUBJECTS.get(kind.value.partition(".")[0], kind.value.partition(".")[0])
    facts = {**FACTS.get(kind, {}), **OF_TEMPLATE.get(route.template, {})}
    data = {name: _plain(value, now) for name, value in facts.items()}
    if subject == "escrow":
        data = {"public_id": _TRADE, **data}
    event = Event(
        pk=NO_ROW, kind=kind.value, subject_type=subject, subject_id=NO_ROW, data=data, at=now,
        correlation_id=_REFERENCE,
    )  # fmt: skip
    recipient = {Audience.SELLER: seller, Audience.STAFF: None}.get(route.audience, buyer)
    suffix = {Audience.STAFF: f":{channel}", Audience.CONTACT: f":{NO_ROW}"}.get(route.audience, "")
    delivery = Delivery(
        event=event, recipient=recipient, audience=f"{route.audience.value}{suffix}", channel=channel,
        template=route.template, priority=route.priority, created_at=now,
    )  # fmt: skip
    about = About(
        escrow=_a_trade(kind, buyer, seller, now) if subject == "escrow" else None,
        why=_why(kind) if subject == "withdrawal" else None,
        code=_CODE if kind is Kind.CONTACT_CODE_REQUESTED else "",
        now=now,
    )
    return delivery, about


def _a_trade(kind: Kind, buyer: User, seller: User, now: datetime) -> Escrow:
    price = Money(200_00, "USD")
    nothing = Money(0, "USD")
    pricing = price_escrow(price, FeePayer.SPLIT, FeePolicy(Decimal(5), nothing, nothing))
    status = _STATUS.get(kind, Status.ACTIVE)
    if kind is Kind.ESCROW_DEADLINE_NEAR:
        status = Status.DELIVERED
    return Escrow(
        public_id=_TRADE, status=status, started_by=Side.BUYER, buyer=buyer, seller=seller, price_minor=price.minor,
        description="Vintage Leica M3, body only", delivery_hours=48, inspection_hours=24, fee_payer=FeePayer.SPLIT,
        pricing=pricing.snapshot(), delivery_deadline=now + timedelta(hours=48), created_at=now,
    )  # fmt: skip


def _why(kind: Kind) -> str:
    is_refused = kind in (Kind.WITHDRAWAL_REJECTED, Kind.WITHDRAWAL_FAILED, Kind.WITHDRAWAL_REVERSED)
    return "The account number is not known at that bank." if is_refused else ""


def _plain(value: Any, now: datetime) -> Any:
    """As an event carries it: moments are ISO text."""
    if not isinstance(value, timedelta):
        return value
    return (now + value).astimezone(timezone.get_default_timezone()).replace(microsecond=0).isoformat()
