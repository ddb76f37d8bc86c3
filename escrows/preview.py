"""Who gets what, before the irreversible button (E5). The lines are made from the legs that would be posted.

The digest covers the act, the trade, its version and the lines; the button carries it, and the act refuses another.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from escrows.affiliates import shares_of
from escrows.errors import NotEnough, PreviewChanged
from escrows.fees import Pricing
from escrows.legs import refund_legs, release_legs, wallet_legs
from escrows.models import Escrow
from escrows.queries import composition_of
from escrows.shortfall import due_of
from escrows.states import HOLDS_MONEY, Status
from lockbay import clock
from wallets.accounts import AFFILIATE, AVAILABLE, CREDIT, FEES, HOLD, AccountCode
from wallets.ledger import Leg
from wallets.money import Money
from wallets.queries import balances_of

# Codes of a line's `what`.
WALLET, TRADING_CREDIT, FEE, TOLERANCE_BACK = "wallet", "credit", "fee", "tolerance"


@dataclass(frozen=True)
class PreviewLine:
    """`who` ("buyer", "seller", "platform") gets `money` as `what`; a negative amount is given."""

    who: str
    what: str
    money: Money


@dataclass(frozen=True)
class Preview:
    """The lines in the order of the posting's legs (the hold itself is left out), and the digest for the button."""

    lines: tuple[PreviewLine, ...]
    digest: str


def release_preview(escrow: Escrow) -> Preview:
    """What a release pays out. Needs both parties."""
    pricing = Pricing.of(escrow)
    shares = shares_of(escrow, pricing, clock.now())
    legs = release_legs(public_id=escrow.public_id, seller_id=escrow.seller_id or 0, pricing=pricing, shares=shares)
    return preview_of("release", escrow, legs)


def refund_preview(escrow: Escrow) -> Preview:
    """What cancelling or declining gives back; no lines when nothing was paid."""
    return preview_of("refund", escrow, full_refund_legs(escrow))


def end_frozen_preview(escrow: Escrow) -> Preview:
    """What ending a frozen trade gives back: what is left in its hold, the way it came (P7)."""
    return preview_of("end_frozen", escrow, full_refund_legs(escrow))


def take_back_preview(escrow: Escrow) -> Preview:
    """What taking back a payment that was too short gives back."""
    return preview_of("take_back", escrow, full_refund_legs(escrow))


def full_refund_legs(escrow: Escrow) -> tuple[Leg, ...]:
    """The legs that give back all that is in the hold."""
    if escrow.status not in HOLDS_MONEY | {Status.PAYMENT_PENDING}:
        return ()
    found = composition_of(escrow)
    if not found.held:
        return ()  # unpaid; a payment that was too short lies in the hold of a trade that is still pending
    return refund_legs(public_id=escrow.public_id, buyer_id=escrow.buyer_id or 0, composition=found, amount=found.held)


def payment_preview(escrow: Escrow) -> Preview:
    """What paying from the wallet takes. Raises: NotEnough with what is missing."""
    return preview_of("pay", escrow, _wallet_legs_of(escrow))


def revive_preview(escrow: Escrow) -> Preview:
    """What taking up an ended trade again takes from the wallet. Raises: NotEnough with what is missing."""
    return preview_of("revive", escrow, _wallet_legs_of(escrow))


def _wallet_legs_of(escrow: Escrow) -> tuple[Leg, ...]:
    balances = balances_of(escrow.buyer_id or 0)
    nothing = Money(0, escrow.asset)
    available = balances.get((AVAILABLE, escrow.asset), nothing)
    credit = balances.get((CREDIT, escrow.asset), nothing)
    return payment_legs(escrow, available=available, credit=credit)


def payment_legs(escrow: Escrow, *, available: Money, credit: Money) -> tuple[Leg, ...]:
    """The legs that pay what is still due from a wallet holding these. Raises: NotEnough."""
    due = due_of(escrow)
    if available + credit < due:
        raise NotEnough(due - available - credit)
    return wallet_legs(public_id=escrow.public_id, buyer_id=escrow.buyer_id or 0, total=due, credit=credit)


def preview_of(act: str, escrow: Escrow, legs: Sequence[Leg]) -> Preview:
    """The preview of posting `legs` as `act`."""
    lines = _merged(_line(escrow, code, money) for code, money in legs if code.kind != HOLD)
    covered = [act, escrow.public_id, escrow.version, [[line.who, line.what, str(line.money)] for line in lines]]
    digest = hashlib.sha256(json.dumps(covered).encode()).hexdigest()[:12]
    return Preview(lines=lines, digest=digest)


def require_same(preview: Preview, digest: str) -> None:
    """Raises: PreviewChanged unless `digest` is the preview's."""
    if preview.digest != digest:
        raise PreviewChanged


def _merged(lines: Iterable[PreviewLine]) -> tuple[PreviewLine, ...]:
    """One line for each who and what: which part of the fee goes on to whom is no business of the parties (E19)."""
    sums: dict[tuple[str, str], Money] = {}
    for line in lines:
        known = sums.get((line.who, line.what))
        sums[line.who, line.what] = line.money if known is None else known + line.money
    return tuple(PreviewLine(who, what, money) for (who, what), money in sums.items())


def _line(escrow: Escrow, code: AccountCode, money: Money) -> PreviewLine:
    if code.kind == AFFILIATE:
        return PreviewLine("platform", FEE, money)
    if code.owner_id is None:
        return PreviewLine("platform", FEE if code.kind == FEES else TOLERANCE_BACK, money)
    who = "buyer" if code.owner_id == escrow.buyer_id else "seller"
    return PreviewLine(who, TRADING_CREDIT if code.kind == CREDIT else WALLET, money)
