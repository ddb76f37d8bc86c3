"""Looks again at a payment that is believed: is it still in the block in which it was (P7, P9)? The same block: it is
looked at again later, until it is deep. Another one: that one is remembered, and when it is not deep enough yet the
deposit goes back to pending and the counting starts over. None: the deposit goes back to pending, and the claim waits
like any other. Where no node can be believed, or nodes disagree, nothing is concluded.

That a payment vanished is told to the inbox in the very transaction that moves the claim, and only by whoever looked
last: a crash at any point leaves a claim that is looked at again.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from django.db import transaction
from django.db.models import F

from lockbay import clock
from lockbay.http import refuse_inside_transaction
from payments import evidence, rechecking, verifying
from payments.actions.look_at_claim import RECHECK_EVERY
from payments.actions.receive_event import receive_answer
from payments.chains import reader_of_network
from payments.chains.base import ChainReader, NotSeen, Transfer, Unknown, Wait
from payments.models import ChainClaim, Deposit, Verification
from payments.networks import NETWORKS, normal_address
from payments.providers.onchain import OnChain, nodes_of
from payments.rechecking import Fate, Loss
from payments.states import ClaimState

log = structlog.stdlib.get_logger(__name__)
_LEASE = timedelta(minutes=3)
BELIEVED = (ClaimState.PROVEN, ClaimState.HELD)


@dataclass(frozen=True)
class _Found:
    """What one look found; `mark` is what tells later that the transaction was replaced."""

    fate: Fate
    transfers: tuple[Transfer, ...] = ()
    mark: str = ""


def recheck_claim(*, claim_id: int) -> int | None:
    """One look, outside any transaction; returns the inbox id of the news that the payment vanished, else None."""
    refuse_inside_transaction()
    claim = ChainClaim.objects.select_related("intent").get(pk=claim_id)
    if not _lease(claim):
        return None
    deposit = _deposit_of(claim)
    if deposit is None:
        _remember(claim, recheck_at=clock.real_now() + RECHECK_EVERY)  # it is still on its way through the inbox
        return None
    reader = reader_of_network(claim.intent.network)
    with structlog.contextvars.bound_contextvars(correlation_id=claim.correlation_id):
        try:
            found = _look(claim, reader)
        except Wait:
            _remember(claim, recheck_at=clock.real_now() + RECHECK_EVERY)
            return None
        return _conclude(claim, deposit, reader, found)


def _lease(claim: ChainClaim) -> bool:
    """Moves the next look on before the calls, and numbers this one."""
    now = clock.real_now()
    if claim.recheck_at is None or claim.recheck_at > now:
        return False
    mine = ChainClaim.objects.filter(pk=claim.pk, state__in=BELIEVED, recheck_at=claim.recheck_at)
    with transaction.atomic(durable=True):
        leased = mine.update(recheck_at=now + _LEASE, attempts=F("attempts") + 1)
    claim.attempts += 1
    return bool(leased)


def _deposit_of(claim: ChainClaim) -> Deposit | None:
    recipient = normal_address(NETWORKS[claim.intent.network], claim.intent.address)
    return Deposit.objects.filter(chain=claim.chain, txid=claim.txid, recipient=recipient).first()


def _look(claim: ChainClaim, reader: ChainReader) -> _Found:
    with verifying.noted(claim.intent, Verification.Question.TRANSACTION, claim) as result:
        try:
            found = _read(claim, reader)
        except Wait as why:
            result.outcome, result.reason = "waiting", evidence.reason_of(why)
            raise
        result.outcome, result.reason = found.fate.value, "recheck"
    return found


def _read(claim: ChainClaim, reader: ChainReader) -> _Found:
    try:
        transfers = reader.read_transaction(claim.txid)
    except NotSeen as why:
        _require_block_gone(claim, reader)
        return _Found(Fate.GONE, mark=evidence.mark_of(why))
    is_same = bool(transfers) and all(one.block_hash == claim.block_hash for one in transfers)
    return _Found(Fate.SAME if is_same else Fate.MOVED, transfers)


def _require_block_gone(claim: ChainClaim, reader: ChainReader) -> None:
    """That nobody finds the transaction is not enough: its block must be another one too. Raises: Unknown."""
    if claim.block_number is None:
        raise Unknown(f"{claim.chain}: its block was never told")
    try:
        told = reader.block_hash_at(claim.block_number)
    except NotSeen:
        return  # the chain is shorter now
    if told == claim.block_hash:
        raise Unknown(f"{claim.chain}: not found, though its block is there")


def _conclude(claim: ChainClaim, deposit: Deposit, reader: ChainReader, found: _Found) -> int | None:
    next_look = None if rechecking.is_deep(reader, found.transfers) else clock.real_now() + RECHECK_EVERY
    if found.fate is Fate.SAME:
        _remember(claim, recheck_at=next_look, confirmations=found.transfers[0].confirmations)
        return None
    if found.fate is Fate.MOVED and rechecking.is_still_good(reader, found.transfers, deposit):
        where = found.transfers[0]
        log.warning("PAYMENT_MOVED", chain=claim.chain, txid=claim.txid, block=where.block_hash)
        block = {"block_number": where.block_number, "block_hash": where.block_hash}
        _remember(claim, recheck_at=next_look, confirmations=where.confirmations, **block)
        return None
    return _tell_loss(claim, deposit, found)


def _tell_loss(claim: ChainClaim, deposit: Deposit, found: _Found) -> int | None:
    where = next(iter(found.transfers), None)
    loss = Loss(
        cause=found.fate.value,
        look=claim.attempts,
        payment_id=deposit.provider_payment_id,
        network=claim.intent.network,
        txid=claim.txid,
        address=deposit.recipient,
        asset=deposit.asset,
        block_number=claim.block_number or 0,
        block_hash=claim.block_hash,
        found_hash=where.block_hash if where else "",
        confirmations=where.confirmations if where else 0,
    )
    raw = rechecking.write(claim.intent.public_id, loss, nodes_of(claim.chain))
    fresh = {
        "state": ClaimState.WAITING,
        "note": loss.cause,
        "results": [],
        "mark": found.mark or claim.mark,
        "confirmations": loss.confirmations,
        "block_number": None,
        "block_hash": "",
        "recheck_at": None,
        "next_look_at": clock.real_now(),
        "vanished_look": claim.attempts,
    }
    with transaction.atomic(durable=True):
        if not _write(claim, fresh):
            return None
        inbox_id = receive_answer(provider=OnChain(), raw=raw, payment_id=claim.intent.public_id)
    log.error("PAYMENT_VANISHED", chain=claim.chain, txid=claim.txid, cause=loss.cause, block=loss.block_hash)
    return inbox_id


def _remember(claim: ChainClaim, **fields: Any) -> None:
    with transaction.atomic(durable=True):
        _write(claim, fields)


def _write(claim: ChainClaim, fields: dict[str, Any]) -> bool:
    """False when somebody has looked since: what we saw is older than what they wrote."""
    mine = ChainClaim.objects.filter(pk=claim.pk, state=claim.state, attempts=claim.attempts)
    return bool(mine.update(looked_at=clock.now(), **fields))
