"""What a batch of reports leads to: deposits that are new or changed, credited, booked as nobody's, or taken back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from payments.interpreting import Verdict
from payments.matching import KnownDeposits
from payments.models import Deposit, Intent
from payments.providers.base import PaymentReport
from payments.rates.errors import RateUnavailable
from payments.rates.quotes import quote_of
from payments.states import DepositState, Effect, Outcome
from payments.valuation import WorthTooMuch, value_of
from wallets.money import Money

ASK_AGAIN_AFTER_SEEN = timedelta(minutes=5)


@dataclass
class Credit:
    """A deposit that is confirmed for its intent now, with the row that said so; None when a person did."""

    deposit: Deposit
    intent: Intent
    value: Money
    verdict: Verdict | None
    is_suspended: bool = False  # it was booked as nobody's before (P12)


@dataclass
class Vanished:
    """A deposit whose credit is taken back now, with the row that said so. `intent` and `value` are None for money in
    suspense; `cause` is a code: gone, moved."""

    deposit: Deposit
    intent: Intent | None
    value: Money | None
    verdict: Verdict
    cause: str


@dataclass
class Folded:
    """The deposits of a batch as they were, and as the reports change them.

    `intents` by (provider, payment id); `unopened` are references of intents that have no payment id yet.
    """

    intents: Mapping[tuple[str, str], Intent]
    unopened: frozenset[tuple[str, str]]
    now: datetime
    known: KnownDeposits = field(default_factory=KnownDeposits)
    new: list[Deposit] = field(default_factory=list)
    changed: dict[int, Deposit] = field(default_factory=dict)
    seen: list[tuple[Deposit, Intent]] = field(default_factory=list)
    credits: list[Credit] = field(default_factory=list)
    suspended: list[tuple[Deposit, Verdict]] = field(default_factory=list)
    vanished: list[Vanished] = field(default_factory=list)
    ask_due: dict[int, datetime | None] = field(default_factory=dict)
    payouts: list[tuple[Verdict, PaymentReport]] = field(default_factory=list)

    def confirm(self, verdict: Verdict, report: PaymentReport, deposit: Deposit, intent: Intent) -> None:
        """Credits a deposit for its intent, at the rates' rules."""
        is_late = deposit.first_seen_at > intent.expires_at
        try:
            is_frozen = deposit.asset == intent.pay_asset and not is_late  # a person may have assigned another coin
            rate = Decimal(intent.rate) if is_frozen else quote_of(deposit.asset, intent.price_asset).rate
            value = value_of(deposit.money, rate, intent.price_asset)
        except RateUnavailable as error:
            # Never judged without a rate it needs (R6): seen, stored, tried again.
            return verdict.add(Outcome.RETRY_LATER, f"rate_unavailable {error.reason}")
        except WorthTooMuch:
            return verdict.park("amount_out_of_range")
        deposit.state, deposit.is_late = DepositState.CONFIRMED, is_late
        # A fact of the event, however late it is applied, or of whoever found out when it was paid (A3).
        deposit.confirmed_at = report.paid_at or verdict.row.received_at
        deposit.by_hand = report.paid_at is not None
        deposit.credits = (deposit.credits or 0) + 1
        deposit.value_minor, deposit.value_rate = value.minor, str(rate)
        self.note_look(deposit, report)
        self.ask_due[intent.pk] = None if self._is_settled(intent) else self.now + ASK_AGAIN_AFTER_SEEN
        self.credits.append(Credit(deposit, intent, value, verdict))
        verdict.effect = Effect.CREDITED
        return verdict.add(Outcome.APPLIED)

    def keep(self, verdict: Verdict, report: PaymentReport, deposit: Deposit) -> None:
        """Books a confirmed deposit as nobody's (P12)."""
        self.note_look(deposit, report)
        self.suspended.append((deposit, verdict))
        verdict.effect = Effect.CREDITED
        return verdict.add(Outcome.APPLIED)

    def take_back(self, verdict: Verdict, report: PaymentReport, deposit: Deposit, intent: Intent | None) -> None:
        """Moves a confirmed deposit back to pending (P7); its latest credit is undone by whoever posts."""
        value = None if intent is None else Money(deposit.value_minor or 0, intent.price_asset)
        self.vanished.append(Vanished(deposit, intent, value, verdict, report.cause))
        deposit.state, deposit.confirmed_at = DepositState.PENDING, None
        deposit.value_minor, deposit.value_rate = None, ""
        deposit.times_vanished += 1
        self.note_look(deposit, report)
        if intent is not None:
            self.ask_due[intent.pk] = self.now + ASK_AGAIN_AFTER_SEEN
        verdict.effect = Effect.UNCREDITED
        return verdict.add(Outcome.APPLIED)

    def owner_of(self, deposit: Deposit) -> Intent | None:
        """The intent of a deposit, when it is among those that are locked."""
        return next((intent for intent in self.intents.values() if intent.pk == deposit.intent_id), None)

    def note_look(self, deposit: Deposit, report: PaymentReport) -> None:
        """Of what is told of one payment, that of the newest look is right."""
        deposit.look = max(deposit.look, report.look)
        self.change(deposit)

    def change(self, deposit: Deposit) -> None:
        """A stored deposit has to be written."""
        if deposit.pk is not None:
            self.changed[deposit.pk] = deposit

    def _is_settled(self, intent: Intent) -> bool:
        """True when all that was asked for is confirmed and nothing else was seen: no lost webhook can matter (P6)."""
        known = self.known.of(intent)
        is_waiting = any(deposit.state == DepositState.PENDING for deposit in known)
        return not is_waiting and sum(deposit.value_minor or 0 for deposit in known) >= intent.price_minor
