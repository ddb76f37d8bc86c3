"""The events of withdrawals and destinations, in one shape: amounts as text, words of people as digests only, because
the chain of a withdrawal's events must outlive the erasure of any text."""

import hashlib
from typing import Any

from lockbay.events.kinds import Kind
from lockbay.events.recording import NewEvent
from lockbay.people.models import User
from wallets.models import Destination, Withdrawal
from wallets.money import Money

_SHOWN = 4  # characters of an address or account number that a message shows


def withdrawal_event(
    kind: Kind, withdrawal: Withdrawal, actor: User | None, *, reason: str = "", **data: Any
) -> NewEvent:
    """A fact about `withdrawal`. Money becomes "12.50 USD", moments ISO text."""
    facts = {
        "public_id": withdrawal.public_id,
        "user_id": withdrawal.owner_id,
        "revision": withdrawal.revision,
        "amount": withdrawal.amount,
        "payout": withdrawal.payout or withdrawal.estimate,
        "to": tail_of(withdrawal.details),
        "rail": withdrawal.rail,
        **data,
    }
    if reason:
        facts["reason_digest"] = hashlib.sha256(reason.encode()).hexdigest()
    return _event(kind, "withdrawal", withdrawal.pk, actor, facts)


def destination_event(kind: Kind, destination: Destination, actor: User | None, **data: Any) -> NewEvent:
    """A fact about `destination`."""
    facts = {
        "user_id": destination.owner_id,
        "asset": destination.payout_asset,
        "network": destination.network,
        "rail": destination.rail,
        "to": tail_of(destination.details),
        "usable_at": destination.usable_at,
        **data,
    }
    return _event(kind, "destination", destination.pk, actor, facts)


def tail_of(details: dict[str, Any]) -> str:
    """The end of an address or account number: "…9f3c". Enough to know one's own, too little to pay it."""
    target = str(details.get("address") or details.get("account_number") or "")
    return f"…{target[-_SHOWN:]}" if target else ""


def _event(kind: Kind, subject: str, pk: int, actor: User | None, facts: dict[str, Any]) -> NewEvent:
    data = {name: _plain(value) for name, value in facts.items()}
    return NewEvent(kind, subject, pk, actor_id=None if actor is None else actor.pk, data=data)


def _plain(value: Any) -> Any:
    if isinstance(value, Money):
        return str(value)
    return value.isoformat() if hasattr(value, "isoformat") else value
