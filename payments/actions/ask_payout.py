"""Asks a provider what became of a payout, by our own reference; its answer alone moves the withdrawal on (W4, P6)."""

from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from django.db import transaction
from django.db.models import F

from lockbay import clock
from lockbay.http import refuse_inside_transaction
from payments.models import PayoutAttempt
from payments.payout_models import AttemptOutcome
from payments.payouts import payout_adapter
from payments.payouts.attempts import order_of
from payments.payouts.base import PayoutMeaning
from payments.payouts.settling import settle_by_answer_within
from wallets.withdrawal_moving import lock_withdrawal

if TYPE_CHECKING:
    from lockbay.people.models import User

log = structlog.stdlib.get_logger(__name__)
_AGAIN_AFTER = timedelta(minutes=1)  # when the one who asks does not live to write the answer
# Nobody was called, or the answer to the call is still its sender's.
_NOT_ASKED_ABOUT = (AttemptOutcome.CLAIMED, AttemptOutcome.CALLING, AttemptOutcome.NOT_SENT, AttemptOutcome.BY_HAND)


def ask_payout(*, actor: "User | None", attempt_id: int) -> PayoutMeaning | None:
    """One question, outside any transaction; returns what the answer says, None when it was not asked or
    is overtaken: then it is asked again in a minute.

    Asking is free: whoever asks twice changes nothing twice. A payout that is being sent is left to its sender, and an
    answer that came too late to a later one: what was true when it was given may be over.
    """
    refuse_inside_transaction()
    asked = PayoutAttempt.objects.select_related("withdrawal__destination").get(pk=attempt_id)
    if not _take_question(asked):
        return None
    adapter = payout_adapter(asked.adapter)
    answer = adapter.ask(order_of(asked, adapter))
    with transaction.atomic(durable=True):
        withdrawal = lock_withdrawal(asked.withdrawal_id)
        attempt = PayoutAttempt.objects.select_for_update(no_key=True).get(pk=attempt_id)
        if (attempt.asks, withdrawal.moves) != (asked.asks + 1, asked.withdrawal.moves):
            log.info("PAYOUT_ANSWER_OVERTAKEN", reference=attempt.reference, meaning=answer.meaning)
            return None
        settle_by_answer_within(withdrawal, attempt, answer, adapter, clock.real_now())
    log.info(
        "PAYOUT_ASKED", reference=attempt.reference, meaning=answer.meaning, code=answer.code, by=actor and actor.pk
    )
    return answer.meaning


def _take_question(attempt: PayoutAttempt) -> bool:
    """Moves the next question on before the call, so that two workers do not ask the same."""
    now = clock.real_now()
    as_read = PayoutAttempt.objects.filter(pk=attempt.pk, asks=attempt.asks).exclude(outcome__in=_NOT_ASKED_ABOUT)
    with transaction.atomic(durable=True):
        return bool(as_read.update(asks=F("asks") + 1, asked_at=now, ask_due_at=now + _AGAIN_AFTER))
