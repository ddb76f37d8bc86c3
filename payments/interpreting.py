"""From stored bytes to what they say: each inbox row becomes reports, or a reason why nobody can read it. In memory
only."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from payments import hand_written
from payments.errors import UnknownProvider, Unreadable
from payments.models import InboxEvent
from payments.providers import provider_of
from payments.providers.base import PaymentReport
from payments.states import Effect, InboxStatus, Outcome, Proof

# How outcomes of several reports in one row add up: the one that needs most attention is the row's.
_WEIGHT = {Outcome.IGNORED: 0, Outcome.DUPLICATE: 1, Outcome.APPLIED: 2, Outcome.RETRY_LATER: 3, Outcome.FAILED: 4}


@dataclass
class Verdict:
    """What became of one row. `parks` means no retry can help: staff are alerted at once."""

    row: InboxEvent
    reports: tuple[PaymentReport, ...] = ()
    outcome: Outcome = Outcome.IGNORED
    reason: str = ""
    parks: bool = False
    effect: Effect = Effect.NONE
    operations: list[str] = field(default_factory=list)
    was: InboxStatus = InboxStatus.PENDING

    def add(self, outcome: Outcome, reason: str = "", *, parks: bool = False) -> None:
        """Adds the outcome of one report."""
        if _WEIGHT[outcome] >= _WEIGHT[self.outcome]:
            self.outcome, self.reason = outcome, reason
        self.parks = self.parks or parks

    def park(self, reason: str) -> None:
        """This row needs a person."""
        self.add(Outcome.FAILED, reason, parks=True)


def interpret(rows: Sequence[InboxEvent]) -> list[Verdict]:
    """Reads every row, in order; unreadable ones come back parked with a reason code."""
    return [_interpret_one(row) for row in rows]


def _interpret_one(row: InboxEvent) -> Verdict:
    verdict = Verdict(row)
    try:
        raw = bytes(row.body)
        if row.proof == Proof.HAND:
            verdict.reports = (hand_written.read(row.provider, raw),)
            return verdict
        provider = provider_of(row.provider)
        if row.proof == Proof.ASKED:
            verdict.reports = provider.read_answer(raw, row.payment_ref)
        else:
            verdict.reports = provider.read_event(raw)
    except UnknownProvider:
        verdict.park("unknown_provider")
    except Unreadable as error:
        verdict.park(error.detail[:200])
    return verdict
