"""The block of a payment that is believed, looked at again (P7, P9): what became of it, and the document that says that
it vanished. Pure: a stored document says the same when it is replayed."""

import enum
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from payments import wire
from payments.chains.base import ChainReader, Transfer
from payments.chains.checks import coins_of
from payments.errors import Unreadable
from payments.models import Deposit
from payments.providers.base import Meaning, PaymentReport


class Fate(enum.StrEnum):
    """What became of a block that was believed."""

    SAME = "same"
    MOVED = "moved"  # it is in another block
    GONE = "gone"  # no block has it


@dataclass(frozen=True, slots=True)
class Loss:
    """A payment that can no longer be believed: gone, or moved into a block that is not deep enough or says something
    else. `look` numbers the looks at its claim; `found_hash` is "" when no block has it."""

    cause: str
    look: int
    payment_id: str
    network: str
    txid: str
    address: str
    asset: str
    block_number: int
    block_hash: str
    found_hash: str
    confirmations: int

    def report(self, provider: str, asked: str) -> PaymentReport:
        """What the drain folds; `asked` is the payment id under which the document is stored."""
        return PaymentReport(
            provider=provider,
            event_id=f"asked:{asked}",
            kind=f"vanished {self.cause}",
            payment_id=self.payment_id,
            meaning=Meaning.VANISHED,
            address=self.address,
            txid=self.txid,
            asset=self.asset,
            network=self.network,
            look=self.look,
            cause=self.cause,
        )


def is_deep(reader: ChainReader, transfers: Sequence[Transfer]) -> bool:
    """True when the block needs no further look; where the chain itself says "final" that is enough."""
    if reader.confirmations_needed == 1 and all(one.is_final for one in transfers):
        return True
    return all(one.confirmations >= reader.recheck_depth for one in transfers)


def is_still_good(reader: ChainReader, transfers: Sequence[Transfer], deposit: Deposit) -> bool:
    """True when a transaction that moved pays as before and its new block is deep enough to believe: nothing has to be
    taken back then."""
    ours = [one for one in transfers if one.recipient == deposit.recipient and one.asset == deposit.asset]
    is_settled = all(one.is_final and one.confirmations >= reader.confirmations_needed for one in transfers)
    is_paid = sum(coins_of(one) for one in ours) == Decimal(deposit.raw_amount)
    return bool(ours) and is_settled and is_paid and all(one.succeeded for one in transfers)


def write(stored_under: str, loss: Loss, nodes: Sequence[str]) -> bytes:
    """The document: canonical JSON, beside the documents of evidence."""
    body = {"payment_id": stored_under, "claim": None, "nodes": list(nodes), "vanished": asdict(loss)}
    return json.dumps(body, sort_keys=True, separators=(",", ":")).encode()


def read(raw: bytes) -> Loss | None:
    """The document back; None when nothing vanished. Raises: Unreadable."""
    told: Any = wire.read_object(raw).get("vanished")
    if told is None:
        return None
    try:
        return Loss(**told)
    except TypeError as error:
        raise Unreadable("bad_field", "vanished") from error
