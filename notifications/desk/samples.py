"""Made-up deliveries, so that every notice can be looked at before anybody gets it. Nothing here is stored or read."""

from collections.abc import Mapping
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
from notifications.desk.sample_facts import FACTS, NO_ROW, OF_TEMPLATE, TRADE
from notifications.desk.sample_forms import FORMS
from notifications.models import Delivery
from notifications.rendering import About
from notifications.routing import Audience, Route
from wallets.money import Money

_REFERENCE, _CODE = "h3Kx9vQ2mZ8rTfWp", "482913"
_STATUS = {
    Kind.ESCROW_PARTY_JOINED: Status.CREATED,
    Kind.ESCROW_PAYMENT_CONFIRMED: Status.PAYMENT_CONFIRMED,
    Kind.ESCROW_PAYMENT_SHORT: Status.PAYMENT_PENDING,
    Kind.ESCROW_LESS_ASKED: Status.PAYMENT_PENDING,
    Kind.ESCROW_LESS_REFUSED: Status.PAYMENT_PENDING,
    Kind.ESCROW_PARTY_UNTOLD: Status.PAYMENT_CONFIRMED,
    Kind.ESCROW_DELIVERED: Status.DELIVERED,
    Kind.ESCROW_DEADLINE_NEAR: Status.DELIVERED,
    Kind.ESCROW_COMPLETED: Status.COMPLETED,
    Kind.ESCROW_CANCELLED: Status.CANCELLED,
    Kind.ESCROW_REFUNDED: Status.REFUNDED,
    Kind.ESCROW_EXPIRED: Status.EXPIRED,
}
_SUBJECTS = {"deliveries": "delivery", "user": "user", "debt": "user", "affiliate": "user", "referral": "user",
             "payout": "payout_attempt", "ledger": "ledger_check"}  # fmt: skip


def forms_of(template: str) -> list[str]:
    """The names of the forms that a notice can take; the first, "", is the plain one."""
    return ["", *FORMS.get(template, {})]


def sample_of(kind: Kind, route: Route, channel: str, now: datetime, form: str = "") -> tuple[Delivery, About]:
    """A delivery of `route` by `channel`, unsaved, and what it is about; an unknown `form` is the plain one."""
    facts = {
        **FACTS.get(kind, {}),
        **OF_TEMPLATE.get(route.template, {}),
        **FORMS.get(route.template, {}).get(form, {}),
    }
    buyer, seller = _a_person(1, "Bea"), _a_person(2, "Sol")
    subject = kind.value.partition(".")[0]
    event = _an_event(kind, _SUBJECTS.get(subject, subject), facts, now)
    event.actor_id = _actor_of(facts.get("_actor", ""), route)
    recipient = {Audience.SELLER: seller, Audience.STAFF: None}.get(route.audience, buyer)
    suffix = {Audience.STAFF: f":{channel}", Audience.CONTACT: f":{NO_ROW}"}.get(route.audience, "")
    delivery = Delivery(
        event=event, recipient=recipient, audience=f"{route.audience.value}{suffix}", channel=channel,
        template=route.template, priority=route.priority, created_at=now,
    )  # fmt: skip
    is_joined = facts.get("_seller", "sol") != ""
    status = Status(facts.get("_status", _STATUS.get(kind, Status.ACTIVE)))
    about = About(
        escrow=_a_trade(status, buyer, seller if is_joined else None, now) if subject == "escrow" else None,
        why=_why(kind) if subject == "withdrawal" else None,
        code=facts.get("_code", _CODE) if kind is Kind.CONTACT_CODE_REQUESTED else "",
        now=now,
    )
    return delivery, about


def _a_person(number: int, name: str) -> User:
    return User(pk=number, username=name.lower(), first_name=name)


def _actor_of(side: str, route: Route) -> int | None:
    if side == "other":
        side = "buyer" if route.audience is Audience.SELLER else "seller"
    return {"buyer": 1, "seller": 2}.get(side)


def _an_event(kind: Kind, subject: str, facts: Mapping[str, Any], now: datetime) -> Event:
    data = {name: _plain(value, now) for name, value in facts.items() if not name.startswith("_")}
    if subject == "escrow":
        data = {"public_id": TRADE, **data}
    return Event(
        pk=NO_ROW, kind=kind.value, subject_type=subject, subject_id=NO_ROW, data=data, at=now,
        correlation_id=_REFERENCE,
    )  # fmt: skip


def _a_trade(status: Status, buyer: User, seller: User | None, now: datetime) -> Escrow:
    """One that nobody has joined is accepted by nobody: its time to accept runs."""
    price, nothing = Money(200_00, "USD"), Money(0, "USD")
    pricing = price_escrow(price, FeePayer.SPLIT, FeePolicy(Decimal(5), nothing, nothing))
    return Escrow(
        public_id=TRADE, status=status, started_by=Side.BUYER, buyer=buyer, seller=seller, price_minor=price.minor,
        description="Vintage Leica M3, body only", delivery_hours=48, inspection_hours=24, fee_payer=FeePayer.SPLIT,
        pricing=pricing.snapshot(), delivery_deadline=now + timedelta(hours=48), created_at=now,
        accept_by=None if seller else now + timedelta(hours=24),
    )  # fmt: skip


def _why(kind: Kind) -> str:
    is_refused = kind in (Kind.WITHDRAWAL_REJECTED, Kind.WITHDRAWAL_FAILED, Kind.WITHDRAWAL_REVERSED)
    return "The account number is not known at that bank." if is_refused else ""


def _plain(value: Any, now: datetime) -> Any:
    """As an event carries it: moments are ISO text."""
    if not isinstance(value, timedelta):
        return value
    return (now + value).astimezone(timezone.get_default_timezone()).replace(microsecond=0).isoformat()
