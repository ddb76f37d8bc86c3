"""Evidence about a claimed transaction: what our nodes said of it, as a document, and what follows from it (P8, P11).

`gather` reads the chain and notes it; everything else is pure, so that a stored document says the same when it is
replayed.
"""

import enum
import json
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from payments import verifying, wire
from payments.chains import checks, reader_of_network
from payments.chains.base import Pending, Transfer, Wait
from payments.chains.checks import Expectation, Judgement
from payments.errors import Unreadable
from payments.models import ChainClaim, Deposit, Intent, Verification
from payments.states import DepositState, IntentStatus
from payments.valuation import cost_of
from wallets.errors import MalformedAmount
from wallets.money import Money, floored_money

_MARGIN = Money(50, "USD")  # as in the check "amount"
RIVALS_FOR = timedelta(days=7)  # how long an unpaid request of somebody else may still be what a payment was meant for

_NEAR = 10  # an amount is about right within a tenth: a fee was taken from it, or it was rounded


class Standing(enum.StrEnum):
    """What the evidence says about a claim."""

    WAITING = "waiting"
    PROVEN = "proven"
    REFUSED = "refused"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one look found out.

    `asked_minor` is the exact amount of this request; `is_anothers` says that somebody else was asked for what came,
    as nearly as an amount is accepted; `has_rivals` that others still owe a payment in this coin to this address.
    `look` numbers the looks at this claim: what a later one found is right (P7).
    """

    txid: str
    network: str
    transfers: tuple[Transfer, ...]
    expected: Expectation
    asked_minor: int
    is_anothers: bool
    has_rivals: bool
    look: int = 0

    @property
    def judgement(self) -> Judgement:
        return checks.judge(self.transfers, self.expected)

    @property
    def results(self) -> list[list[Any]]:
        """Every check as [name, passed, detail]."""
        return [[result.name, result.passed, result.detail] for result in self.judgement.results]

    @property
    def received_minor(self) -> int | None:
        """What came to us in the coin that was asked for, in our minor units; None when nothing did."""
        return _minor_of(self.judgement.transfer)

    @property
    def listed_transfer(self) -> Transfer | None:
        """What came to us: in the coin that was asked for, else in another one that we take."""
        to_us = [one for one in self.transfers if one.recipient == self.expected.address and one.asset]
        return self.judgement.transfer or next(iter(to_us), None)

    def standing(self) -> tuple[Standing, str]:
        """What to do, with the name of the check that decided."""
        judgement = self.judgement
        failed = set(judgement.failed)
        is_settled = all(one.is_final for one in self.transfers)
        if not judgement.is_ours:
            decisive = next(name for name in checks.NAMES if name in failed)
            if decisive != "token" or self.listed_transfer is None:
                return Standing.REFUSED, decisive
            return (Standing.HELD, decisive) if is_settled else (Standing.WAITING, decisive)
        gate = self._gate(failed)
        if "confirmations" in failed:
            return Standing.WAITING, gate
        return (Standing.HELD, gate) if gate else (Standing.PROVEN, "")

    def _gate(self, failed: set[str]) -> str:
        """Why it is not accepted by itself, "" when it is. On an address that is shared an amount that is off may be
        somebody else's payment: it is for E8 only when it is about right and nobody else can have meant it."""
        if "age" in failed:
            return "age"
        received = self.received_minor or 0
        if received == self.asked_minor:
            return ""
        is_far = abs(received - self.asked_minor) * _NEAR > self.asked_minor
        if self.is_anothers or ("amount" in failed and (self.has_rivals or is_far)):
            return "amount"
        return ""


def gather(claim: ChainClaim) -> Evidence:
    """Reads the claimed transaction, outside any transaction; the attempt is noted before and the result after.

    Raises: Wait when nothing can be said yet.
    """
    with verifying.noted(claim.intent, Verification.Question.TRANSACTION, claim) as result:
        try:
            transfers = reader_of_network(claim.intent.network).read_transaction(claim.txid)
        except Wait as why:
            result.outcome, result.reason = Standing.WAITING.value, reason_of(why)
            raise
        evidence = _evidence(claim, transfers)
        standing, result.reason = evidence.standing()
        result.outcome, result.checks = standing.value, evidence.results
    return evidence


def reason_of(why: Wait) -> str:
    """A code for why nothing can be said: pending, not_seen or unknown."""
    return {"Pending": "pending", "NotSeen": "not_seen"}.get(type(why).__name__, "unknown")


def mark_of(why: Wait) -> str:
    """What tells later that the transaction was replaced; "" when nothing does."""
    return why.mark if isinstance(why, Pending) else ""


def write(payment_id: str, evidence: Evidence | None, nodes: list[str]) -> bytes:
    """The document: canonical JSON, the same bytes for the same facts."""
    body: dict[str, Any] = {"payment_id": payment_id, "claim": None, "nodes": nodes}
    if evidence is not None:
        heads = [one.block_number + one.confirmations for one in evidence.transfers if one.block_number is not None]
        body["claim"] = {**asdict(evidence), "head": max(heads, default=None)}
    return json.dumps(body, default=_as_text, sort_keys=True, separators=(",", ":")).encode()


def read(raw: bytes, payment_id: str) -> Evidence | None:
    """The document back; None when nothing was claimed. Raises: Unreadable."""
    body = wire.read_object(raw)
    if wire.require_text(body, "payment_id") != payment_id:
        raise Unreadable("other_payment")
    claim = body.get("claim")
    if claim is None:
        return None
    try:
        expected = {**claim["expected"]}
        for name in ("expected_usd", "usd_per_coin"):
            expected[name] = Decimal(expected[name])
        for name in ("intent_made_at", "pasted_at"):
            expected[name] = datetime.fromisoformat(expected[name])
        rest = {name: claim[name] for name in ("txid", "network", "asked_minor", "is_anothers", "has_rivals")}
        return Evidence(
            **rest,
            expected=Expectation(**expected),
            transfers=tuple(_transfer(one) for one in claim["transfers"]),
            look=int(claim.get("look", 0)),
        )
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise Unreadable("bad_field", "claim") from error


def _evidence(claim: ChainClaim, transfers: tuple[Transfer, ...]) -> Evidence:
    intent, reader = claim.intent, reader_of_network(claim.intent.network)
    rate = Decimal(intent.rate)
    address = reader.normalise_address(intent.address)
    expected = Expectation(
        address=address,
        asset=intent.pay_asset,
        expected_usd=intent.pay_amount.decimal() * rate,
        usd_per_coin=rate,
        is_hash_unused=not _is_credited_elsewhere(claim, address),
        intent_made_at=intent.created_at,
        pasted_at=claim.claimed_at,
        confirmations_needed=reader.confirmations_needed,
    )
    received = _minor_of(checks.judge(transfers, expected).transfer)
    rivals = _rivals_of(claim)
    return Evidence(
        txid=claim.txid,
        network=intent.network,
        transfers=transfers,
        expected=expected,
        asked_minor=intent.pay_minor,
        is_anothers=received is not None and _about(rivals, received, rate, intent.pay_asset).exists(),
        has_rivals=rivals.exists(),
        look=claim.attempts,
    )


def _rivals_of(claim: ChainClaim) -> Any:
    """Requests of other payers in the same coin that were open when this was claimed and that nobody has paid."""
    intent = claim.intent
    alike = Intent.objects.filter(
        provider=intent.provider,
        pay_asset=intent.pay_asset,
        network=intent.network,
        status=IntentStatus.OPEN,
        created_at__range=(claim.claimed_at - RIVALS_FOR, claim.claimed_at),
    )
    return alike.exclude(payer=intent.payer_id).exclude(deposits__state=DepositState.CONFIRMED)


def _about(rivals: Any, received: int, rate: Decimal, coin: str) -> Any:
    margin = cost_of(_MARGIN, rate, coin).minor
    return rivals.filter(pay_minor__range=(received - margin, received + margin))


def _is_credited_elsewhere(claim: ChainClaim, address: str) -> bool:
    known = Deposit.objects.filter(chain=claim.chain, txid=claim.txid, recipient=address)
    known = known.exclude(state=DepositState.PENDING, times_vanished__gt=0)  # what was booked for it is taken back
    return known.exclude(intent=claim.intent_id).exists()


def _minor_of(transfer: Transfer | None) -> int | None:
    if transfer is None:
        return None
    try:
        return floored_money(checks.coins_of(transfer), transfer.asset).minor
    except MalformedAmount:
        return None


def _transfer(fields: dict[str, Any]) -> Transfer:
    block_time = fields["block_time"]
    return Transfer(**{**fields, "block_time": block_time and datetime.fromisoformat(block_time)})


def _as_text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    raise TypeError(type(value).__name__)
