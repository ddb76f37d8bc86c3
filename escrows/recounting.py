"""The events of a trade, in one shape: every one carries its public id, and money as text."""

from typing import Any

from escrows.models import Escrow
from lockbay.events.kinds import Kind
from lockbay.events.recording import NewEvent
from lockbay.people.models import User
from wallets.money import Money


def escrow_event(kind: Kind, escrow: Escrow, actor: User | None, **data: Any) -> NewEvent:
    """A fact about `escrow`; Money becomes "12.50 USD", moments ISO text."""
    return NewEvent(
        kind=kind,
        subject_type="escrow",
        subject_id=escrow.pk,
        actor_id=None if actor is None else actor.pk,
        data={"public_id": escrow.public_id, **{name: _plain(value) for name, value in data.items()}},
    )


def _plain(value: Any) -> Any:
    if isinstance(value, Money):
        return str(value)
    return value.isoformat() if hasattr(value, "isoformat") else value
