"""Money that came to an address of ours and that nobody claimed: what our nodes say of it, as a document for the inbox.

It names no request, so applying it books the money as nobody's (P12); a replay of the stored document says the same.
"""

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from payments import wire
from payments.chains.base import Transfer
from payments.chains.checks import coins_of
from payments.errors import Unreadable
from payments.providers.base import Meaning, PaymentReport

_PREFIX = "unclaimed:"


@dataclass(frozen=True, slots=True)
class Unclaimed:
    """`transfers` are those of a listed asset to our `address`, all final."""

    network: str
    address: str
    txid: str
    seen_at: datetime
    transfers: tuple[Transfer, ...]


def payment_id_of(chain: str, txid: str) -> str:
    """By what the document is known in the inbox."""
    return f"{_PREFIX}{chain}:{txid}"[:160]


def is_unclaimed(payment_id: str) -> bool:
    """True for the id of such a document."""
    return payment_id.startswith(_PREFIX)


def write(payment_id: str, found: Unclaimed) -> bytes:
    """Canonical JSON: the same bytes for the same facts."""
    body = {"payment_id": payment_id, "unclaimed": asdict(found)}
    return json.dumps(body, default=datetime.isoformat, sort_keys=True, separators=(",", ":")).encode()


def read(raw: bytes, payment_id: str) -> Unclaimed:
    """The document back. Raises: Unreadable."""
    body = wire.read_object(raw)
    if wire.require_text(body, "payment_id") != payment_id:
        raise Unreadable("other_payment")
    try:
        told: dict[str, Any] = body["unclaimed"]
        seen_at = datetime.fromisoformat(told["seen_at"])
        return Unclaimed(
            **{**told, "seen_at": seen_at, "transfers": tuple(_transfer(one) for one in told["transfers"])}
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Unreadable("bad_field", "unclaimed") from error


def reports_of(provider: str, payment_id: str, found: Unclaimed) -> tuple[PaymentReport, ...]:
    """A confirmed payment for each asset that came, under an id that is no request's."""
    return tuple(
        PaymentReport(
            provider=provider,
            event_id=f"asked:{payment_id}",
            kind="unclaimed",
            payment_id=f"held:{found.txid}"[:100],
            meaning=Meaning.CONFIRMED,
            address=found.address,
            txid=found.txid,
            asset=transfer.asset,
            network=found.network,
            received=coins_of(transfer),
            heard_at=found.seen_at,
        )
        for transfer in found.transfers
    )


def _transfer(fields: dict[str, Any]) -> Transfer:
    block_time = fields["block_time"]
    return Transfer(**{**fields, "block_time": block_time and datetime.fromisoformat(block_time)})
