"""Sends one withdrawal to its provider, in three steps (W3, W4): claim it under a lease and commit that → the guard and
the call, outside any transaction → commit the answer, if the lease is still ours.

A crash before the call leaves a claim that the next sender takes over; a crash in the call leaves an unknown outcome,
which is looked up by our own reference and never sent again.
"""

from typing import TYPE_CHECKING

import structlog
from django.db import transaction

from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.recording import record
from lockbay.http import refuse_inside_transaction
from payments.models import PayoutAttempt
from payments.payout_models import AttemptOutcome
from payments.payouts import payout_adapter
from payments.payouts.attempts import Claim, Lost, claim_attempt
from payments.payouts.base import PayoutAnswer, PayoutMeaning
from payments.payouts.guard import LeaseLost
from payments.payouts.settling import settle_by_answer_within
from payments.payouts.telling import staff_event
from wallets.errors import DebtOpen, NotProcessing, PayoutsStopped
from wallets.withdrawal_moving import lock_withdrawal

if TYPE_CHECKING:
    from lockbay.people.models import User

log = structlog.stdlib.get_logger(__name__)
_HELD_BACK = {PayoutsStopped: "payouts_stopped", DebtOpen: "debt_open", NotProcessing: "not_processing"}


def send_payout(*, actor: "User | None", withdrawal_id: int) -> PayoutMeaning | None:
    """Asks the provider to pay, at most once a withdrawal; the same order again only after an answer that proves that
    nothing was sent. Returns what became of it, None when there was nothing to send or something holds it back.

    Raises: PayoutsStopped, DebtOpen, NotProcessing when that came up between the claim and the call: it waits.
    """
    refuse_inside_transaction()
    claim = claim_attempt(withdrawal_id)
    if claim is None:
        return None
    if isinstance(claim, Lost):
        log.error("PAYOUT_SENDER_LOST", reference=claim.attempt.reference, number=claim.attempt.number)
        return _commit(claim.attempt, PayoutAnswer(PayoutMeaning.UNKNOWN, "sender_lost"))
    if claim.adapter.is_by_hand:
        _ask_people(claim)
        return None
    log.info("PAYOUT_SENDING", reference=claim.order.reference, adapter=claim.adapter.name, by=actor and actor.pk)
    try:
        answer = claim.adapter.send(claim.order)
    except (PayoutsStopped, DebtOpen, NotProcessing) as refusal:
        _commit(claim.attempt, PayoutAnswer(PayoutMeaning.NOT_SENT, _HELD_BACK[type(refusal)]))
        raise
    except LeaseLost:
        log.warning("PAYOUT_LEASE_LOST", reference=claim.order.reference, fence=claim.order.fence, sent=False)
        return None
    return _commit(claim.attempt, answer)


def _commit(claimed: PayoutAttempt, answer: PayoutAnswer) -> PayoutMeaning | None:
    """Step three. Whoever lost the lease meanwhile writes nothing: what became of its call is found by look-up."""
    with transaction.atomic(durable=True):
        withdrawal = lock_withdrawal(claimed.withdrawal_id)
        attempt = PayoutAttempt.objects.select_for_update(no_key=True).get(pk=claimed.pk)
        is_open = attempt.outcome in {AttemptOutcome.CLAIMED, AttemptOutcome.CALLING}
        if attempt.fence != claimed.fence or not is_open:
            log.warning("PAYOUT_LEASE_LOST", reference=claimed.reference, fence=claimed.fence, answer=answer.meaning)
            return None
        settle_by_answer_within(withdrawal, attempt, answer, payout_adapter(attempt.adapter), clock.real_now())
    log.info("PAYOUT_ANSWERED", reference=attempt.reference, meaning=answer.meaning, code=answer.code)
    return answer.meaning


def _ask_people(claim: Claim) -> None:
    with transaction.atomic(durable=True):
        withdrawal = lock_withdrawal(claim.attempt.withdrawal_id)
        record([staff_event(Kind.PAYOUT_WAITS, withdrawal, claim.attempt)])
