"""Asks a provider about a payment that has gone quiet; its answer goes through the inbox like any event (P6)."""

from collections.abc import Sequence
from contextlib import nullcontext
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import transaction

from lockbay import clock
from lockbay.http import refuse_inside_transaction
from payments import verifying
from payments.actions.receive_event import receive_answer
from payments.actions.start_intent import ask_for_address
from payments.errors import ProviderError, Unreadable
from payments.models import Intent, Verification
from payments.providers import provider_of
from payments.providers.base import Meaning, PaymentReport
from payments.states import IntentStatus

log = structlog.stdlib.get_logger(__name__)
_SHORTEST = timedelta(minutes=10)
_LONGEST = timedelta(hours=24)
_GIVE_UP_AFTER = timedelta(days=7)


def ask_provider(*, intent_id: int) -> int | None:
    """Asks about one intent, outside any transaction; returns the inbox id of a new answer, None when there is no news.

    A requested intent (left by a crash) gets its address instead, or is failed when its window is over.
    Trouble with the provider is logged; the next question is already scheduled.
    """
    refuse_inside_transaction()
    intent = Intent.objects.get(pk=intent_id)
    if not _claim(intent):
        return None
    try:
        with structlog.contextvars.bound_contextvars(correlation_id=intent.correlation_id):
            if intent.status == IntentStatus.REQUESTED:
                ask_for_address(intent.pk)
                return None
            return _ask(intent)
    except ProviderError as error:
        log.warning("PROVIDER_NOT_ASKED", intent=intent.public_id, provider=intent.provider, detail=error.detail)
        return None


def _next_ask_after(intent: Intent, now: datetime) -> datetime | None:
    """When to ask again: ever rarer (a quarter of the intent's age), never after a week."""
    age = now - intent.created_at
    return None if age > _GIVE_UP_AFTER else now + min(max(age // 4, _SHORTEST), _LONGEST)


def _claim(intent: Intent) -> bool:
    """Moves the next question on before the call, so that two workers do not ask the same."""
    now = clock.now()
    change: dict[str, Any] = {"asked_at": now, "ask_due_at": _next_ask_after(intent, now)}
    is_dead = intent.status == IntentStatus.REQUESTED and now > intent.expires_at
    if is_dead:
        change.update(status=IntentStatus.FAILED, failure="no address before the window ended", ask_due_at=None)
    with transaction.atomic(durable=True):
        claimed = Intent.objects.filter(pk=intent.pk, status=intent.status, ask_due_at=intent.ask_due_at).update(
            **change
        )
    return bool(claimed) and not is_dead


def _ask(intent: Intent) -> int | None:
    provider, payment_id = provider_of(intent.provider), intent.provider_payment_id or ""
    # What our own nodes are asked is noted where they are asked.
    ours = nullcontext(verifying.Result()) if provider.takes_claims else None
    with ours or verifying.noted(intent, Verification.Question.PAYMENT) as result:
        raw = provider.ask(intent.provider_answer.get("ask_with", payment_id))
        try:
            reports = provider.read_answer(raw, payment_id)
        except Unreadable as error:
            # Stored all the same: applying it parks it, and staff see what the provider said.
            result.outcome, result.reason = "unreadable", error.reason
            result.checks = [["readable", False, error.reason]]
        else:
            _judge(reports, result)
            if not reports:
                return None
    return receive_answer(provider=provider, raw=raw, payment_id=payment_id)


def _judge(reports: Sequence[PaymentReport], result: verifying.Result) -> None:
    """The checks of an answer by name; what it does to our books is the inbox row's to say."""
    seen = [report for report in reports if not report.is_informational]
    final = [report for report in seen if report.meaning is Meaning.CONFIRMED]
    shown = ", ".join(f"{report.received} {report.asset}".strip() for report in final or seen)
    result.outcome = "confirmed" if final else "pending" if seen else "no_news"
    result.checks = [
        ["readable", True, ""],
        ["payment_seen", bool(seen), shown],
        ["confirmed", bool(final), ", ".join(report.txid for report in final if report.txid)],
    ]
