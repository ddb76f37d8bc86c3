"""A payment that staff vouch for (A3), as a document for the inbox: it takes the way of every event from there, and a
replay of the stored document says the same."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation

from payments import wire
from payments.errors import Unreadable
from payments.providers.base import Meaning, PaymentReport

KIND = "by hand"


@dataclass(frozen=True, slots=True)
class HandWritten:
    """`amount` is decimal text in coin, `txid` "" where the provider knows the payment by its own id alone, `repair`
    the repair that vouches for it, `look` the newest of our looks at it."""

    repair: str
    payment_id: str
    reference: str
    network: str
    address: str
    asset: str
    amount: str
    txid: str
    paid_at: str
    look: int = 0


def write(payment: HandWritten) -> bytes:
    """Canonical JSON: the same bytes for the same facts."""
    return json.dumps(asdict(payment), sort_keys=True, separators=(",", ":")).encode()


def read(provider: str, raw: bytes) -> PaymentReport:
    """What it says: a confirmed payment. Raises: Unreadable."""
    try:
        told = HandWritten(**wire.read_object(raw))
        received, paid_at = Decimal(told.amount), datetime.fromisoformat(told.paid_at)
    except (TypeError, ValueError, InvalidOperation) as error:
        raise Unreadable("bad_field", "hand_written") from error
    return PaymentReport(
        provider=provider,
        event_id=f"hand:{told.repair}",
        kind=KIND,
        payment_id=told.payment_id,
        meaning=Meaning.CONFIRMED,
        reference=told.reference,
        address=told.address,
        txid=told.txid,
        asset=told.asset,
        network=told.network,
        received=received,
        look=told.look,
        paid_at=paid_at,
    )
