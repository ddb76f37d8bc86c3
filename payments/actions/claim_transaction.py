"""A payer pastes the id of the transaction that pays (P8): noted at once, looked at by the worker."""

from django.db import transaction

from lockbay import clock, jobs
from lockbay.observability.correlation import current_correlation_id, new_correlation_id
from lockbay.people.models import User
from lockbay.setsql import insert_new
from payments.chains import reader_of_network
from payments.chains.base import MalformedHash
from payments.errors import HashMalformed, HashUsed, NotClaimable, TooManyClaims
from payments.models import ChainClaim, Deposit, Intent, SeenState, SeenTransfer
from payments.networks import NETWORKS, normal_address
from payments.providers import provider_of
from payments.states import ClaimState, DepositState, IntentStatus

MOST_CLAIMS = 10  # for one payment
AT_DESK = "at_desk"  # a claim's note: the money was handed to the desk before it was named


def claim_transaction(*, actor: User, intent_id: int, text: str) -> ChainClaim:
    """Notes that `text` is the transaction of a payment. The same one again returns the first claim.

    It makes no call. The id is brought into one spelling before it is compared, so other case and blanks change
    nothing; of two who come at once the second is refused (F24). What we saw ourselves and took for this payment is
    the same claim; what waits at the desk already stays there, and the claim tells staff whose it may be (P12).
    Raises: NotClaimable, HashMalformed, HashUsed, TooManyClaims.
    """
    with transaction.atomic(durable=True):
        intent = Intent.objects.select_for_update(no_key=True).get(pk=intent_id)
        _require_claimable(intent, actor)
        reader = reader_of_network(intent.network)
        try:
            txid = reader.normalise_txid(text)
        except MalformedHash as error:
            raise HashMalformed(reader.chain) from error
        if intent.claims.exclude(txid=txid).filter(claimed_by__isnull=False).count() >= MOST_CLAIMS:
            raise TooManyClaims(MOST_CLAIMS)
        is_at_desk = _is_at_desk(intent, reader.chain, txid)
        claim = _note(intent, actor, reader.chain, txid, reader.confirmations_needed, is_at_desk=is_at_desk)
        if not is_at_desk:
            jobs.wake("look_at_claims")
    return claim


def _require_claimable(intent: Intent, actor: User) -> None:
    is_open = intent.status == IntentStatus.OPEN and provider_of(intent.provider).takes_claims
    if intent.payer_id != actor.pk or not is_open:
        raise NotClaimable(intent.public_id)


def _is_at_desk(intent: Intent, chain: str, txid: str) -> bool:
    """True when this money was handed to the desk before anybody named it. Whoever hands it over holds the row of the
    transfer: either is first, never both."""
    seen = list(SeenTransfer.objects.select_for_update(no_key=True).filter(chain=chain, txid=txid).order_by("pk"))
    recipient = normal_address(NETWORKS[intent.network], intent.address)
    booked = Deposit.objects.filter(chain=chain, txid=txid, recipient=recipient).first()
    if booked is not None:
        return booked.intent_id is None and booked.state == DepositState.CONFIRMED
    return any(one.state == SeenState.SUSPENDED and one.recipient == recipient for one in seen)


def _note(intent: Intent, actor: User, chain: str, txid: str, needed: int, *, is_at_desk: bool) -> ChainClaim:
    row = {
        "intent": intent.pk,
        "chain": chain,
        "txid": txid,
        "claimed_by": actor.pk,
        "claimed_at": clock.database_now(),
        "state": (ClaimState.HELD if is_at_desk else ClaimState.WAITING).value,
        "results": [],
        "note": AT_DESK if is_at_desk else "",
        "received_minor": None,
        "confirmations": 0,
        "confirmations_needed": needed,
        "mark": "",
        "attempts": 0,
        "looked_at": None,
        "next_look_at": None if is_at_desk else clock.real_now(),
        "correlation_id": current_correlation_id() or new_correlation_id(),
    }
    insert_new(ChainClaim, [row], unique="chain,txid")
    claim = ChainClaim.objects.select_for_update(no_key=True).get(chain=chain, txid=txid)
    if claim.intent_id != intent.pk:
        raise HashUsed(txid)
    return _looked_at_again(claim, is_at_desk=is_at_desk)


def _looked_at_again(claim: ChainClaim, *, is_at_desk: bool) -> ChainClaim:
    """Named a second time: what came to nothing, or was never seen, is looked at once more."""
    is_over = claim.state in {ClaimState.REFUSED, ClaimState.REPLACED}
    if is_over and is_at_desk:
        claim.state, claim.note, claim.next_look_at = ClaimState.HELD, AT_DESK, None
        claim.save(update_fields=["state", "note", "next_look_at"])
        return claim
    if is_over or (claim.state == ClaimState.WAITING and claim.next_look_at is None):
        claim.state, claim.next_look_at = ClaimState.WAITING, clock.real_now()
        claim.save(update_fields=["state", "next_look_at"])
    return claim
