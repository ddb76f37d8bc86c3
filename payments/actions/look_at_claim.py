"""Looks at a claimed transaction: our nodes are asked, the evidence goes into the inbox, the claim says how far it is.

A crash at any point leaves a claim that is looked at again; the same evidence twice is one credit.
"""

from datetime import timedelta
from typing import Any

import structlog
from django.db import transaction
from django.db.models import F

from lockbay import clock
from lockbay.http import refuse_inside_transaction
from payments import evidence
from payments.actions.receive_event import receive_answer
from payments.chains import reader_of_network
from payments.chains.base import NotSeen, Pending, Wait
from payments.evidence import Evidence, Standing
from payments.models import ChainClaim
from payments.providers.onchain import OnChain
from payments.states import ClaimState

log = structlog.stdlib.get_logger(__name__)
_LEASE = timedelta(minutes=3)
_SOON = timedelta(seconds=20)  # it counts confirmations: somebody watches
_FIRST_WAIT, _LONGEST_WAIT = timedelta(seconds=30), timedelta(hours=1)
RECHECK_EVERY = timedelta(minutes=1)
_GIVE_UP_AFTER = timedelta(days=7)  # of a transaction that no node has ever seen
_STATES = {
    Standing.WAITING: ClaimState.WAITING,
    Standing.PROVEN: ClaimState.PROVEN,
    Standing.REFUSED: ClaimState.REFUSED,
    Standing.HELD: ClaimState.HELD,
}


def look_at_claim(*, claim_id: int) -> int | None:
    """One look, outside any transaction; returns the inbox id of new evidence, None when there is none."""
    refuse_inside_transaction()
    claim = ChainClaim.objects.select_related("intent").get(pk=claim_id)
    if not _lease(claim):
        return None
    with structlog.contextvars.bound_contextvars(correlation_id=claim.correlation_id):
        provider = OnChain()
        try:
            raw = provider.ask_about(claim)
        except Wait as why:
            _wait(claim, why)
            return None
        found = evidence.read(raw, claim.intent.public_id)
        assert found is not None  # noqa: S101  ask_about always tells of a claim
        return _take(claim, provider, raw, found)


def _lease(claim: ChainClaim) -> bool:
    """Moves the next look on before the calls, so that two workers do not ask the same."""
    now = clock.real_now()
    if claim.next_look_at is None or claim.next_look_at > now:
        return False
    mine = ChainClaim.objects.filter(pk=claim.pk, state=ClaimState.WAITING, next_look_at=claim.next_look_at)
    with transaction.atomic(durable=True):
        leased = mine.update(next_look_at=now + _LEASE, attempts=F("attempts") + 1)
    claim.attempts += 1
    return bool(leased)


def _take(claim: ChainClaim, provider: OnChain, raw: bytes, found: Evidence) -> int | None:
    standing, reason = found.standing()
    inbox_id = None
    is_told = standing in {Standing.PROVEN, Standing.HELD} or (standing is Standing.WAITING and not reason)
    if is_told:
        inbox_id = receive_answer(provider=provider, raw=raw, payment_id=claim.intent.public_id)
    counted = found.judgement.transfer or next(iter(found.transfers), None)
    believed = counted if standing in {Standing.PROVEN, Standing.HELD} else None
    _note(
        claim,
        state=_STATES[standing],
        results=found.results,
        note=reason,
        received_minor=found.received_minor,
        confirmations=counted.confirmations if counted else 0,
        next_look_at=clock.real_now() + _SOON if standing is Standing.WAITING else None,
        block_number=believed.block_number if believed else None,
        block_hash=believed.block_hash if believed else "",
        recheck_at=clock.real_now() + RECHECK_EVERY if believed else None,
    )
    return inbox_id


def _wait(claim: ChainClaim, why: Wait) -> None:
    """Nothing is known: it is looked at again, ever more rarely. Never refused for that (F27)."""
    mark = evidence.mark_of(why) or claim.mark
    if isinstance(why, NotSeen) and not isinstance(why, Pending) and claim.mark and _is_replaced(claim):
        return _note(claim, state=ClaimState.REPLACED, note="replaced", confirmations=0, next_look_at=None)
    is_lost = isinstance(why, NotSeen) and not mark and clock.now() - claim.claimed_at > _GIVE_UP_AFTER
    tries = max(claim.attempts - claim.vanished_look, 1)
    pause = min(_FIRST_WAIT * (1 << min(tries - 1, 8)), _LONGEST_WAIT)
    due = None if is_lost else clock.real_now() + pause
    return _note(claim, note=evidence.reason_of(why), mark=mark, confirmations=0, results=[], next_look_at=due)


def _is_replaced(claim: ChainClaim) -> bool:
    try:
        return reader_of_network(claim.intent.network).is_replaced(claim.txid, claim.mark)
    except Wait:
        return False


def _note(claim: ChainClaim, **fields: Any) -> None:
    with transaction.atomic(durable=True):
        ChainClaim.objects.filter(pk=claim.pk, intent=claim.intent_id, state=ClaimState.WAITING).update(
            looked_at=clock.now(), **fields
        )
