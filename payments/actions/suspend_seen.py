"""Hands a transfer that nobody claimed to the desk (P12): our nodes are asked first, then it is booked as nobody's."""

from datetime import timedelta

import structlog
from django.conf import settings
from django.db import transaction

from lockbay import clock
from lockbay.http import refuse_inside_transaction
from lockbay.observability.correlation import new_correlation_id
from payments import unclaimed
from payments.actions.match_seen import mark_claimed
from payments.actions.receive_event import receive_answer
from payments.chains import reader_of_chain
from payments.chains.base import NotSeen, Pending, Transfer, Wait
from payments.evidence import reason_of
from payments.metrics import WATCH_TRANSFERS
from payments.models import ChainClaim, SeenState, SeenTransfer
from payments.providers.onchain import OnChain
from payments.unclaimed import Unclaimed
from payments.watching import network_on

log = structlog.stdlib.get_logger(__name__)
_LEASE = timedelta(minutes=3)
_AGAIN_AFTER = timedelta(minutes=10)
_GIVE_UP_AFTER = timedelta(days=7)  # of a transaction that no node knows


def suspend_seen(*, seen_id: int) -> int | None:
    """One look, outside any transaction; returns the inbox id when the money goes to the desk, else None.

    A claim that came meanwhile wins: the money is then its business.
    """
    refuse_inside_transaction()
    seen = _lease(seen_id)
    if seen is None:
        return None
    with structlog.contextvars.bound_contextvars(correlation_id=new_correlation_id()):
        facts = {"chain": seen.chain, "txid": seen.txid, "address": seen.recipient, "coin": seen.asset}
        log.info("CHAIN_VERIFICATION_ATTEMPT", **facts, expected=str(seen.money))
        try:
            transfers = reader_of_chain(seen.chain).read_transaction(seen.txid)
        except Wait as why:
            log.info("CHAIN_VERIFICATION_RESULT", **facts, standing="waiting", reason=reason_of(why))
            _wait(seen, why)
            return None
        ours = tuple(one for one in transfers if one.recipient == seen.recipient and one.asset and one.succeeded)
        standing = "proven" if ours else "void"
        log.info("CHAIN_VERIFICATION_RESULT", **facts, standing=standing, received=[one.raw_amount for one in ours])
        return _take(seen, ours)


def _lease(seen_id: int) -> SeenTransfer | None:
    now = clock.real_now()
    with transaction.atomic(durable=True):
        due = SeenTransfer.objects.filter(pk=seen_id, state=SeenState.WAITING, look_at__lte=now)
        seen = due.select_for_update(no_key=True).first()
        if seen is not None:
            seen.look_at = now + _LEASE
            seen.save(update_fields=["look_at"])
    return seen


def _wait(seen: SeenTransfer, why: Wait) -> None:
    is_lost = isinstance(why, NotSeen) and not isinstance(why, Pending)
    if is_lost and clock.now() - seen.seen_at > _GIVE_UP_AFTER:
        _make_void(seen)
    else:
        _put_back(seen)


def _take(seen: SeenTransfer, ours: tuple[Transfer, ...]) -> int | None:
    if not ours or not all(_is_settled(one) for one in ours):
        _put_back(seen) if ours else _make_void(seen)
        return None
    payment_id = unclaimed.payment_id_of(seen.chain, seen.txid)
    network = network_on(seen.chain, settings.ONCHAIN_ADDRESSES)
    raw = unclaimed.write(payment_id, Unclaimed(network, seen.recipient, seen.txid, seen.seen_at, ours))
    with transaction.atomic(durable=True):
        alike = SeenTransfer.objects.filter(chain=seen.chain, txid=seen.txid, recipient=seen.recipient)
        waiting = list(alike.filter(state=SeenState.WAITING).order_by("pk").select_for_update(no_key=True))
        claim = ChainClaim.objects.filter(chain=seen.chain, txid=seen.txid).first()
        if claim is not None:
            for one in waiting:
                mark_claimed(seen=one, claim=claim)
        if claim is not None or not waiting:
            return None
        inbox_id = receive_answer(provider=OnChain(), raw=raw, payment_id=payment_id)
        alike.filter(pk__in=[one.pk for one in waiting]).update(state=SeenState.SUSPENDED, look_at=None)
    WATCH_TRANSFERS.add(seen.chain, "unmatched")
    return inbox_id


def _is_settled(transfer: Transfer) -> bool:
    """As deep as the block of a payment that is believed is looked at again (P9): nobody waits for this money."""
    reader = reader_of_chain(transfer.chain)
    says_final = reader.confirmations_needed == 1  # the chain itself does
    return transfer.is_final and (says_final or transfer.confirmations >= reader.recheck_depth)


def _put_back(seen: SeenTransfer) -> None:
    with transaction.atomic(durable=True):
        mine = SeenTransfer.objects.filter(pk=seen.pk, state=SeenState.WAITING)
        mine.update(look_at=clock.real_now() + _AGAIN_AFTER)


def _make_void(seen: SeenTransfer) -> None:
    with transaction.atomic(durable=True):
        mine = SeenTransfer.objects.filter(pk=seen.pk, state=SeenState.WAITING)
        mine.update(state=SeenState.VOID, look_at=None)
    WATCH_TRANSFERS.add(seen.chain, "void")
