"""Notes every verification of a payment: an attempt before the first call, a result after (P11).

Both are one row at the desk, and a log line each under names that do not change: CHAIN_VERIFICATION_ATTEMPT and
CHAIN_VERIFICATION_RESULT when our nodes are asked, PROVIDER_VERIFICATION_… when a provider is.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import structlog

from lockbay import clock
from lockbay.http import refuse_inside_transaction
from payments.models import ChainClaim, Intent, Verification

log = structlog.stdlib.get_logger(__name__)


@dataclass
class Result:
    """What the caller found out. `checks` are [name, passed, detail]; an outcome that stays empty is the name of what
    was raised."""

    outcome: str = ""
    reason: str = ""
    checks: list[list[Any]] = field(default_factory=list)


@contextmanager
def noted(intent: Intent, question: Verification.Question, claim: ChainClaim | None = None) -> Iterator[Result]:
    """Around the calls of one verification, outside any transaction."""
    refuse_inside_transaction()
    row = Verification.objects.create(
        intent=intent,
        question=question,
        provider=intent.provider,
        chain=claim.chain if claim else "",
        txid=claim.txid if claim else "",
        address=intent.address,
        coin=intent.pay_asset,
        network=intent.network,
        expected=str(intent.pay_amount),
        correlation_id=claim.correlation_id if claim else intent.correlation_id,
        started_at=clock.now(),
    )
    facts = _facts_of(row)
    log.info("CHAIN_VERIFICATION_ATTEMPT" if claim else "PROVIDER_VERIFICATION_ATTEMPT", **facts)
    result = Result()
    try:
        yield result
    except BaseException as error:
        result.outcome = result.outcome or type(error).__name__.lower()[:24]
        raise
    finally:
        _finish(row, result)
        told = {"outcome": result.outcome, "reason": result.reason, "checks": result.checks}
        log.info("CHAIN_VERIFICATION_RESULT" if claim else "PROVIDER_VERIFICATION_RESULT", **facts, **told)


def _facts_of(row: Verification) -> dict[str, str]:
    names = ("question", "provider", "chain", "txid", "address", "coin", "network", "expected", "correlation_id")
    return {"intent": row.intent.public_id, **{name: str(getattr(row, name)) for name in names}}


def _finish(row: Verification, result: Result) -> None:
    row.outcome, row.reason, row.results = result.outcome, result.reason[:100], result.checks
    row.finished_at = clock.now()
    row.save(update_fields=["outcome", "reason", "results", "finished_at"])
