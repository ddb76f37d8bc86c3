"""Public ids and readable references of trades (E1, B5)."""

import hashlib
import re
import secrets
from datetime import datetime

ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # without I, O, 0 and 1
PUBLIC_ID = re.compile(rf"ES\d{{6}}[{ALPHABET}]{{4}}", re.ASCII)


def new_public_id(now: datetime) -> str:
    """ES, month, day, year and four characters drawn from a secure source: ES092925ZDWS."""
    return f"ES{now:%m%d%y}" + "".join(secrets.choice(ALPHABET) for _ in range(4))


def operation_key(public_id: str, purpose: str) -> str:
    """The idempotency key of the trade's posting for `purpose`: fund, release, refund."""
    return f"escrow:{public_id}:{purpose}"


def revival_key(public_id: str) -> str:
    """The request key of the trade that takes this one up again: once at most (E10)."""
    return f"revive:{public_id}"


def operation_reference(public_id: str, key: str) -> str:
    """What people read on a statement: ESC_ES101325WZY2_6462e85a. The same key always gives the same reference."""
    return f"ESC_{public_id}_{hashlib.sha256(key.encode()).hexdigest()[:8]}"
