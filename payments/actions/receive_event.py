"""Stores a proven event in the inbox: one INSERT, committed before anything is done with it (P1)."""

import hashlib
from collections.abc import Mapping
from typing import Any

from lockbay import clock
from lockbay.observability.correlation import current_correlation_id
from lockbay.setsql import insert_new
from payments import wire
from payments.errors import Unreadable
from payments.models import InboxEvent
from payments.providers.base import PaymentProvider, SignedEvent
from payments.states import InboxStatus, Proof


def receive_event(*, provider: PaymentProvider, raw: bytes, headers: Mapping[str, str]) -> int | None:
    """Stores a verified webhook and returns its inbox id; None when the same event with the same body is there already.

    A body that cannot be read is stored all the same; applying it parks it with an alert.
    """
    digest = hashlib.sha256(raw).hexdigest()
    try:
        event = provider.identify(raw)
    except Unreadable:
        event = SignedEvent(provider.name, f"unreadable:{digest}", "", "")
    kept = {name: wire.short_id(headers[name], 500) for name in provider.kept_headers if name in headers}
    return _insert(event, raw, digest, Proof.SIGNED, kept)


def receive_answer(*, provider: PaymentProvider, raw: bytes, payment_id: str) -> int | None:
    """Stores what a provider answered when asked about a payment; the same answer twice is one row."""
    digest = hashlib.sha256(raw).hexdigest()
    event = SignedEvent(provider.name, f"asked:{payment_id}", "asked", payment_id)
    return _insert(event, raw, digest, Proof.ASKED, {})


def _insert(event: SignedEvent, raw: bytes, digest: str, proof: Proof, headers: dict[str, str]) -> int | None:
    row: dict[str, Any] = {
        "provider": event.provider,
        "event_id": wire.short_id(event.event_id),
        "body_digest": digest,
        "body": raw,
        "headers": headers,
        "proof": proof.value,
        "payment_ref": wire.short_id(event.payment_id),
        "kind": wire.short_id(event.kind, 60)[:60],
        "status": InboxStatus.PENDING.value,
        "attempts": 0,
        "next_try_at": None,
        "last_outcome": "",
        "effect": "",
        "error": "",
        "operations": [],
        "correlation_id": current_correlation_id(),
        "applied_at": None,
    }
    if clock.offset():  # the sandbox's moved time; else the database notes its own in this very statement
        row["received_at"] = clock.now()
    new = insert_new(InboxEvent, [row], unique="provider,event_id,body_digest", returning=["id"])
    return int(new[0][0]) if new else None
