"""What an answer about a payout does to its withdrawal: one table, for the sender and for whoever asked (W4-W6).

The caller holds the withdrawal's lock, then the attempt's. An answer that the table does not know changes nothing.
"""

import enum
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from django.db import transaction

from lockbay.events.kinds import Kind
from lockbay.events.recording import record
from payments.metrics import PAYOUT_ANSWERS, PAYOUT_SENT_SECONDS
from payments.models import PayoutAttempt
from payments.payout_models import AttemptOutcome
from payments.payouts.attempts import retry_after
from payments.payouts.base import PayoutAnswer, PayoutMeaning, PayoutRail
from payments.payouts.telling import staff_event
from wallets import ledger
from wallets.accounts import CLEARING, FEES, platform_account
from wallets.ledger import NewOperation
from wallets.models import Withdrawal
from wallets.money import Money
from wallets.withdrawal_states import WithdrawalStatus
from wallets.withdrawal_steps import fail_within, mark_sent_within, mark_unknown_within, reverse_within, settle_within

log = structlog.stdlib.get_logger(__name__)

_LOST_AFTER = timedelta(hours=1)  # an accepted order that the provider does not know for so long
_SENT_ASKS = ((timedelta(minutes=10), timedelta(seconds=30)), (timedelta(hours=1), timedelta(minutes=2)))
_LONG_ASKS = ((timedelta(days=1), timedelta(minutes=15)), (timedelta(days=365), timedelta(hours=2)))
_LATE_TRUTH = (timedelta(days=1), timedelta(days=3))  # closed payouts are asked about twice more: success may not last
_HINTS_COUNT_FOR = timedelta(days=3)


class Step(enum.Enum):
    """What to do with the withdrawal."""

    SENT = enum.auto()
    COMPLETE = enum.auto()
    FAIL = enum.auto()
    UNKNOWN = enum.auto()
    REVERSE = enum.auto()
    WAIT = enum.auto()  # it stays processing; the same order is given again later
    NEVER_ARRIVED = enum.auto()  # fails when the rail's "no such order" proves it by now
    LOST = enum.auto()  # unknown again when the provider has not known it for long
    CONTRADICTED = enum.auto()  # the books say one thing and the provider another: a person must look


_S, _M = WithdrawalStatus, PayoutMeaning
_STEPS: dict[WithdrawalStatus, dict[PayoutMeaning, Step]] = {
    _S.PROCESSING: {
        _M.ACCEPTED: Step.SENT,
        _M.PAID: Step.COMPLETE,
        _M.REFUSED: Step.FAIL,
        _M.REVERSED: Step.FAIL,
        _M.NOT_SENT: Step.WAIT,
        _M.NOT_FOUND: Step.UNKNOWN,
        _M.UNKNOWN: Step.UNKNOWN,
    },
    _S.UNKNOWN: {
        _M.ACCEPTED: Step.SENT,
        _M.PAID: Step.COMPLETE,
        _M.REFUSED: Step.FAIL,
        _M.REVERSED: Step.FAIL,
        _M.NOT_FOUND: Step.NEVER_ARRIVED,
    },
    _S.SENT: {
        _M.PAID: Step.COMPLETE,
        _M.REFUSED: Step.FAIL,
        _M.REVERSED: Step.FAIL,
        _M.NOT_FOUND: Step.LOST,
    },
    _S.COMPLETED: {_M.REVERSED: Step.REVERSE, _M.REFUSED: Step.REVERSE},
    _S.FAILED: {_M.ACCEPTED: Step.CONTRADICTED, _M.PAID: Step.CONTRADICTED},
    _S.REVERSED: {_M.PAID: Step.CONTRADICTED},
}
_OUTCOMES = {
    _M.ACCEPTED: AttemptOutcome.ACCEPTED,
    _M.PAID: AttemptOutcome.PAID,
    _M.REFUSED: AttemptOutcome.REFUSED,
    _M.REVERSED: AttemptOutcome.REVERSED,
    _M.NOT_SENT: AttemptOutcome.NOT_SENT,
    _M.UNKNOWN: AttemptOutcome.UNKNOWN,
    _M.NOT_FOUND: AttemptOutcome.UNKNOWN,
}
_DECISIVE = frozenset({_M.PAID, _M.REFUSED, _M.REVERSED})


def settle_by_answer_within(
    withdrawal: Withdrawal, attempt: PayoutAttempt, answer: PayoutAnswer, adapter: PayoutRail, now: datetime
) -> None:
    """Takes the step that the answer calls for, and writes the answer beside the attempt. `now` is real time."""
    was = WithdrawalStatus(withdrawal.status)
    step = _STEPS.get(was, {}).get(answer.meaning)
    _write_answer(attempt, answer, step, now)
    if step is not None:
        _TAKE[step](withdrawal, attempt, answer, adapter, now)
    attempt.ask_due_at = next_question(withdrawal, attempt, now)
    attempt.save()
    has_left = was is WithdrawalStatus.PROCESSING and withdrawal.status in {_S.SENT, _S.COMPLETED}
    transaction.on_commit(lambda: _count(withdrawal, attempt, answer, has_left=has_left), robust=True)


def next_question(withdrawal: Withdrawal, attempt: PayoutAttempt, now: datetime) -> datetime | None:
    """When the provider is asked again; None when nothing more is to be learned."""
    since = attempt.called_at or attempt.claimed_at
    if withdrawal.status in {WithdrawalStatus.SENT, WithdrawalStatus.UNKNOWN}:
        age = now - since
        return now + next((pause for limit, pause in (*_SENT_ASKS, *_LONG_ASKS) if age < limit), _LONG_ASKS[-1][1])
    if withdrawal.status in {WithdrawalStatus.COMPLETED, WithdrawalStatus.FAILED} and attempt.called_at is not None:
        return _late_question(withdrawal, attempt, since, now)
    return None


def _late_question(withdrawal: Withdrawal, attempt: PayoutAttempt, since: datetime, now: datetime) -> datetime | None:
    late = next((since + after for after in _LATE_TRUTH if since + after > now), None)
    if attempt.hinted_at is None or withdrawal.closed_at is None or attempt.hinted_at < withdrawal.closed_at:
        return late
    # An event spoke of it after it was closed, and their answer does not show why yet.
    age = now - attempt.hinted_at
    return late if age > _HINTS_COUNT_FOR else now + max(age, timedelta(minutes=1))


def _write_answer(attempt: PayoutAttempt, answer: PayoutAnswer, step: Step | None, now: datetime) -> None:
    is_news = step is not None or answer.meaning in _DECISIVE
    if is_news and step not in {Step.NEVER_ARRIVED, Step.LOST}:
        attempt.outcome = _OUTCOMES[answer.meaning]
    attempt.answered_at, attempt.lease_until = now, None
    attempt.code, attempt.text = answer.code[:60], _storable(answer.text)[:300]
    attempt.provider_reference = _storable(answer.provider_reference)[:128] or attempt.provider_reference
    if answer.raw:
        attempt.answer = answer.raw


def _send(
    withdrawal: Withdrawal, attempt: PayoutAttempt, _answer: PayoutAnswer, _adapter: PayoutRail, _now: datetime
) -> None:
    mark_sent_within(withdrawal, provider_reference=attempt.provider_reference)


def _complete(
    withdrawal: Withdrawal, attempt: PayoutAttempt, answer: PayoutAnswer, _adapter: PayoutRail, _now: datetime
) -> None:
    settle_within(withdrawal, actor=None, provider_reference=attempt.provider_reference)
    if answer.fee:
        ledger.post([fee_operation(withdrawal, answer.fee)])


def _fail(
    withdrawal: Withdrawal, attempt: PayoutAttempt, answer: PayoutAnswer, _adapter: PayoutRail, _now: datetime
) -> None:
    fail_within(withdrawal, actor=None, reason=attempt.text or answer.code or answer.meaning.value)


def _lose_sight(
    withdrawal: Withdrawal, _attempt: PayoutAttempt, answer: PayoutAnswer, _adapter: PayoutRail, _now: datetime
) -> None:
    mark_unknown_within(withdrawal, reason=answer.code or answer.meaning.value)


def _reverse(
    withdrawal: Withdrawal, attempt: PayoutAttempt, answer: PayoutAnswer, _adapter: PayoutRail, _now: datetime
) -> None:
    reverse_within(withdrawal, actor=None, reason=attempt.text or answer.code or answer.meaning.value)


def _wait(
    withdrawal: Withdrawal, attempt: PayoutAttempt, answer: PayoutAnswer, _adapter: PayoutRail, now: datetime
) -> None:
    attempt.retry_at = now + retry_after(attempt.number)
    before = withdrawal.payout_attempts.filter(number=attempt.number - 1).values_list("code", flat=True).first()
    if before != answer.code or not attempt.number & (attempt.number - 1):  # the 1st, 2nd, 4th, 8th …
        record([staff_event(Kind.PAYOUT_WAITS, withdrawal, attempt)])


def _never_arrived(
    withdrawal: Withdrawal, attempt: PayoutAttempt, answer: PayoutAnswer, adapter: PayoutRail, now: datetime
) -> None:
    proof = adapter.not_found_proves_after
    if proof is not None and attempt.called_at is not None and now >= attempt.called_at + proof:
        attempt.outcome = AttemptOutcome.REFUSED
        fail_within(withdrawal, actor=None, reason="never_arrived")


def _lost(
    withdrawal: Withdrawal, attempt: PayoutAttempt, answer: PayoutAnswer, adapter: PayoutRail, now: datetime
) -> None:
    if attempt.called_at is not None and now >= attempt.called_at + _LOST_AFTER:
        attempt.outcome = AttemptOutcome.UNKNOWN
        _lose_sight(withdrawal, attempt, answer, adapter, now)


def _contradicted(
    withdrawal: Withdrawal, attempt: PayoutAttempt, answer: PayoutAnswer, _adapter: PayoutRail, _now: datetime
) -> None:
    log.error("PAYOUT_CONTRADICTED", withdrawal=withdrawal.public_id, ours=withdrawal.status, theirs=answer.meaning)
    record([staff_event(Kind.PAYOUT_CONTRADICTED, withdrawal, attempt)])


_TAKE: dict[Step, Callable[[Withdrawal, PayoutAttempt, PayoutAnswer, PayoutRail, datetime], None]] = {
    Step.SENT: _send,
    Step.COMPLETE: _complete,
    Step.FAIL: _fail,
    Step.UNKNOWN: _lose_sight,
    Step.REVERSE: _reverse,
    Step.WAIT: _wait,
    Step.NEVER_ARRIVED: _never_arrived,
    Step.LOST: _lost,
    Step.CONTRADICTED: _contradicted,
}


def fee_operation(withdrawal: Withdrawal, fee: Money) -> NewOperation:
    """What the provider took for itself, booked when it says so (B3)."""
    clearing = platform_account(CLEARING, fee.asset, withdrawal.rail)
    return NewOperation(
        kind="payout_fee",
        key=f"withdrawal:{withdrawal.public_id}:provider_fee",
        legs=((platform_account(FEES, fee.asset), -fee), (clearing, fee)),
        reference=withdrawal.public_id,
    )


def _count(withdrawal: Withdrawal, attempt: PayoutAttempt, answer: PayoutAnswer, *, has_left: bool) -> None:
    """After the commit only: a figure is a fact."""
    PAYOUT_ANSWERS.labels(attempt.adapter, answer.meaning.value).inc()
    since, until = withdrawal.approved_at, withdrawal.sent_at or withdrawal.closed_at
    if has_left and since is not None and until is not None:
        PAYOUT_SENT_SECONDS.labels(attempt.adapter).observe(max(0, (until - since).total_seconds()))


def _storable(text: str) -> str:
    return text.replace("\x00", "").encode("utf-8", "replace").decode()
