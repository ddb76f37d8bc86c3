"""What the looks share: where each stream of an address stands, when a look has lasted long enough, what is listed."""

import json
import time
from datetime import datetime, timedelta

from payments.chains.base import Sighting
from payments.chains.tokens import token_of

SLACK = timedelta(minutes=2)  # a block carries its maker's clock, which may run behind ours
_LOOK_LASTS = 8_000_000_000  # ns: a look that takes longer goes on where it stopped, the next time


class Patience:
    """How long one look reads on."""

    def __init__(self) -> None:
        self._ends = time.monotonic_ns() + _LOOK_LASTS

    @property
    def is_over(self) -> bool:
        return time.monotonic_ns() >= self._ends


def read_positions(cursor: str) -> dict[str, str]:
    """The position of every stream in a cursor; none in what is no such text."""
    try:
        told = json.loads(cursor or "{}")
    except ValueError:
        return {}
    return {str(name): str(position) for name, position in told.items()} if isinstance(told, dict) else {}


def write_positions(positions: dict[str, str]) -> str:
    """The cursor: the same text for the same positions."""
    return json.dumps(positions, sort_keys=True, separators=(",", ":"))


def millis_of(moment: datetime) -> int:
    """Milliseconds since 1970."""
    return int(moment.timestamp() * 1_000)


def token_sighting(
    chain: str, txid: str, contract: str, raw_amount: int, *, at: datetime | None
) -> tuple[Sighting, ...]:
    """One sighting of an allow-listed token; none of another contract, whatever it calls itself, or of nothing."""
    token = token_of(chain, contract)
    if token is None or raw_amount <= 0:
        return ()
    return (Sighting(txid, token.asset, contract, raw_amount, token.digits, at),)
