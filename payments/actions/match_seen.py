"""Finds whose a seen transfer is: the request that asks for exactly this amount (P8).

There is one address a network, so each open request of a coin asks for an amount of its own. A transfer of that amount
becomes a claim that nobody had to make; reading the transaction proves it, as it does for a pasted hash.
"""

from collections import defaultdict
from datetime import datetime

import structlog
from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from lockbay import clock, jobs
from lockbay.observability.correlation import new_correlation_id
from lockbay.setsql import insert_new
from payments.chains import reader_of_chain
from payments.chains.checks import CLOCK_SLACK
from payments.metrics import WATCH_TRANSFERS
from payments.models import ChainClaim, Deposit, Intent, SeenState, SeenTransfer
from payments.states import ClaimState
from payments.watching import open_requests, place_of

log = structlog.stdlib.get_logger(__name__)
_MOST = 200  # a turn; what is left is the next one's
_Wanted = tuple[str, str, str, int]  # chain, address, asset, amount


def match_seen_transfers() -> int:
    """Gives every waiting transfer that can be given; returns how many became claims. Makes no call."""
    _note_known()
    wanted = _requests_by_amount()
    amounts = sorted({amount for _, _, _, amount in wanted})
    waiting = SeenTransfer.objects.filter(state=SeenState.WAITING, minor__in=amounts).order_by("pk")[:_MOST]
    matched = 0
    for seen in waiting:
        candidates = wanted.get((seen.chain, seen.recipient, seen.asset, seen.minor), [])
        fitting = [intent for intent in candidates if _can_be_meant(seen, intent)]
        if len(fitting) == 1:
            matched += _claim(seen.pk, fitting[0].pk)
    return matched


def _note_known() -> None:
    """Transfers whose transaction a payer named, or that are a deposit already, wait no more."""
    claims = ChainClaim.objects.filter(chain=OuterRef("chain"), txid=OuterRef("txid"))
    deposits = Deposit.objects.filter(chain=OuterRef("chain"), txid=OuterRef("txid"), recipient=OuterRef("recipient"))
    waiting = SeenTransfer.objects.filter(state=SeenState.WAITING)
    for pk in waiting.filter(Exists(claims)).order_by("pk").values_list("pk", flat=True)[:_MOST]:
        with transaction.atomic(durable=True):
            seen = waiting.select_for_update(no_key=True).filter(pk=pk).first()
            claim = seen and ChainClaim.objects.filter(chain=seen.chain, txid=seen.txid).first()
            if seen and claim:
                mark_claimed(seen=seen, claim=claim)
    with transaction.atomic(durable=True):
        waiting.filter(Exists(deposits)).update(state=SeenState.BOOKED, look_at=None)


def mark_claimed(*, seen: SeenTransfer, claim: ChainClaim) -> None:
    """From now on the claim is looked at. The row is locked."""
    seen.state, seen.claim, seen.look_at = SeenState.CLAIMED, claim, None
    seen.save(update_fields=["state", "claim", "look_at"])


def _requests_by_amount() -> dict[_Wanted, list[Intent]]:
    found: dict[_Wanted, list[Intent]] = defaultdict(list)
    for intent in open_requests().only("network", "address", "pay_asset", "pay_minor", "created_at"):
        found[*place_of(intent.network, intent.address), intent.pay_asset, intent.pay_minor].append(intent)
    return found


def _can_be_meant(seen: SeenTransfer, intent: Intent) -> bool:
    moment: datetime = seen.block_time or seen.seen_at
    return moment >= intent.created_at - CLOCK_SLACK


def _claim(seen_id: int, intent_id: int) -> int:
    """1 when it became a claim now."""
    with transaction.atomic(durable=True):
        intent = Intent.objects.select_for_update(no_key=True).get(pk=intent_id)
        seen = SeenTransfer.objects.select_for_update(no_key=True).filter(pk=seen_id, state=SeenState.WAITING).first()
        if seen is None or _is_paid(intent):
            return 0
        insert_new(ChainClaim, [_row(seen, intent)], unique="chain,txid")
        claim = ChainClaim.objects.get(chain=seen.chain, txid=seen.txid)
        mark_claimed(seen=seen, claim=claim)
        jobs.wake("look_at_claims")
    if claim.intent_id != intent.pk:
        return 0
    WATCH_TRANSFERS.add(seen.chain, "matched")
    log.info("WATCH_MATCHED", chain=seen.chain, txid=seen.txid, intent=intent.public_id, received=str(seen.money))
    return 1


def _is_paid(intent: Intent) -> bool:
    """True when another payment for it is in a block: a second one of the same amount may be anybody's, and a person
    says whose. A transaction that only waits may be replaced by this very one."""
    settled = Q(state__in=[ClaimState.PROVEN, ClaimState.HELD]) | Q(state=ClaimState.WAITING, confirmations__gt=0)
    return intent.claims.filter(settled).exists() or intent.deposits.exists()


def _row(seen: SeenTransfer, intent: Intent) -> dict[str, object]:
    # As old as the payment: that we were late to see it makes neither the payment late nor the hash old.
    heard_at = max(intent.created_at, min(clock.database_now(), seen.block_time or seen.seen_at))
    return {
        "intent": intent.pk,
        "chain": seen.chain,
        "txid": seen.txid,
        "claimed_by": None,
        "claimed_at": heard_at,
        "state": ClaimState.WAITING.value,
        "results": [],
        "note": "",
        "received_minor": None,
        "confirmations": 0,
        "confirmations_needed": reader_of_chain(seen.chain).confirmations_needed,
        "mark": "",
        "attempts": 0,
        "looked_at": None,
        "next_look_at": clock.real_now(),
        "correlation_id": new_correlation_id(),
    }
