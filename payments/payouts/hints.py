"""Events about payouts: they come through the inbox like all others, and make us ask at once (P1, P6).

None of them moves money by itself: one that comes twice, too early, or after a later one only asks once more.
"""

from collections.abc import Sequence
from datetime import datetime

from lockbay import jobs
from payments.interpreting import Verdict
from payments.models import PayoutAttempt
from payments.payout_models import AttemptOutcome
from payments.providers.base import PaymentReport
from payments.states import Outcome

_NOBODY_WAS_CALLED = (AttemptOutcome.CLAIMED, AttemptOutcome.NOT_SENT)


def take_hints_within(hints: Sequence[tuple[Verdict, PaymentReport]], now: datetime) -> None:
    """Has the payouts asked about that the reports name, inside the drain's transaction. A reference that is not ours
    parks; one whose call has no answer yet is asked about as soon as it has. `now` is real time."""
    if not hints:
        return
    found = _attempts_of(hints)
    for verdict, report in hints:
        attempt = found.get((report.provider, report.reference))
        if attempt is None:
            verdict.park("unknown_payout")
            continue
        verdict.add(Outcome.IGNORED, "provider_will_be_asked")
        attempt.hinted_at = attempt.ask_due_at = now
        # Only a way to ask: the answer must name our reference and amount, or it counts for nothing.
        attempt.provider_reference = attempt.provider_reference or report.payment_id[:128]
        attempt.save(update_fields=["hinted_at", "ask_due_at", "provider_reference"])
    if found:
        jobs.wake("ask_payouts")


def _attempts_of(hints: Sequence[tuple[Verdict, PaymentReport]]) -> dict[tuple[str, str], PayoutAttempt]:
    references = sorted({report.reference for _, report in hints if report.reference})
    # Of what nobody was called for a provider can know nothing. Nor may it be locked here: its sender locks the owner's
    # account first and the attempt after it, the drain the other way round.
    rows = PayoutAttempt.objects.filter(reference__in=references).exclude(outcome__in=_NOBODY_WAS_CALLED)
    locked = rows.order_by("pk").select_for_update(no_key=True)
    return {(attempt.adapter, attempt.reference): attempt for attempt in locked}
