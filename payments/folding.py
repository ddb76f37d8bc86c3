"""Folding reports over deposits, in memory: which deposit a report is about, and whether it says anything new (P2, F6).

A confirmed deposit never goes back to pending here; repeated, reordered and contradicting reports change nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from payments.interpreting import Verdict
from payments.models import Deposit, Intent
from payments.networks import NETWORKS, Network, normal_address, normal_txid
from payments.providers import provider_of
from payments.providers.base import Meaning, PaymentReport
from payments.rates.errors import RateUnavailable
from payments.rates.quotes import quote_of
from payments.states import DepositState, Effect, Outcome
from payments.suspense import unmatched_deposit
from payments.valuation import WorthTooMuch, value_of
from wallets.errors import MalformedAmount
from wallets.money import Money, floored_money

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
class Fold:
    """The deposits of a batch as they were, and as the reports change them.

    `intents` by (provider, payment id); `unopened` are references of intents that have no payment id yet.
    """

    intents: Mapping[tuple[str, str], Intent]
    unopened: frozenset[tuple[str, str]]
    now: datetime
    new: list[Deposit] = field(default_factory=list)
    changed: dict[int, Deposit] = field(default_factory=dict)
    seen: list[tuple[Deposit, Intent]] = field(default_factory=list)
    credits: list[Credit] = field(default_factory=list)
    suspended: list[tuple[Deposit, Verdict]] = field(default_factory=list)
    ask_due: dict[int, datetime | None] = field(default_factory=dict)
    _by_key: dict[tuple[str, str, str], Deposit] = field(default_factory=dict)
    _by_intent: dict[int | None, list[Deposit]] = field(default_factory=dict)
    _nameless: dict[tuple[str, str], Deposit] = field(default_factory=dict)  # without a transaction id, by payment

    def know(self, deposits: Iterable[Deposit]) -> None:
        """Adds deposits as they are: stored ones before folding, new ones while it goes on."""
        for deposit in deposits:
            self._by_intent.setdefault(deposit.intent_id, []).append(deposit)
            if deposit.txid:
                self._by_key[deposit.txid, deposit.chain, deposit.recipient] = deposit
            else:
                self._nameless[deposit.provider, deposit.provider_payment_id] = deposit

    def take(self, verdicts: Iterable[Verdict]) -> None:
        """Folds every report of every row, in order of arrival."""
        for verdict in verdicts:
            for report in verdict.reports:
                self._take_report(verdict, report)

    def _take_report(self, verdict: Verdict, report: PaymentReport) -> None:
        if report.meaning is Meaning.INFORMATION:
            return verdict.add(Outcome.IGNORED, "informational")
        intent = self.intents.get((report.provider, report.payment_id))
        if intent is None:
            return self._miss(verdict, report)
        if report.meaning is Meaning.HINT:
            self.ask_due[intent.pk] = self.now
            return verdict.add(Outcome.IGNORED, "provider_will_be_asked")
        network = NETWORKS[intent.network]
        reason = _mismatch(intent, network, report)
        if reason:
            return verdict.park(reason)
        try:
            money = floored_money(report.received, intent.pay_asset)
        except MalformedAmount:
            return verdict.park("amount_out_of_range")
        if not money:
            return verdict.add(Outcome.IGNORED, "nothing_received")
        return self._place(verdict, report, intent, network, money)

    def _miss(self, verdict: Verdict, report: PaymentReport) -> None:
        # The reference is a stranger's text: it may make an event wait, never credit.
        if (report.provider, report.reference) in self.unopened:
            return verdict.add(Outcome.RETRY_LATER, "intent_not_open_yet")
        # Where one key signs for all its customers, money without a request of ours may be somebody else's.
        if report.meaning is Meaning.CONFIRMED and provider_of(report.provider).proves_ours:
            return self._suspend(verdict, report)
        return verdict.park("unknown_payment")

    def _suspend(self, verdict: Verdict, report: PaymentReport) -> None:
        """Real money that matches no intent is booked as nobody's (P12); what cannot be read waits for a person."""
        found = unmatched_deposit(report, confirmed_at=verdict.row.received_at)
        if found is None:
            return verdict.park("unknown_payment")
        known = self._by_key.get((found.txid, found.chain, found.recipient)) if found.txid else None
        known = known or self._nameless.get((found.provider, found.provider_payment_id))
        if known is None:
            self.new.append(found)
            self.know([found])
            self.suspended.append((found, verdict))
            verdict.effect = Effect.CREDITED
            return verdict.add(Outcome.APPLIED)
        if known.state != DepositState.CONFIRMED:
            return verdict.park("seen_for_another_payment")
        if known.minor != found.minor or known.asset != found.asset:
            return verdict.park("amount_differs")
        if found.txid and not known.txid:
            known.txid = found.txid
            self._change(known)
        return verdict.add(Outcome.DUPLICATE, "credited_before")

    def _place(self, verdict: Verdict, report: PaymentReport, intent: Intent, network: Network, money: Money) -> None:
        txid = normal_txid(network, report.txid)
        is_final = report.meaning is Meaning.CONFIRMED
        if report.part:
            deposit = self._by_part(intent, network, txid, report.part)
        elif txid:
            deposit = self._by_txid(intent, network, txid)
        else:
            deposit = self._without_txid(intent, money, is_final=is_final)
        if deposit is None and not txid and not report.part and is_final and self._of(intent):
            return verdict.park("ambiguous_without_txid")
        if deposit is None and not txid and self._is_suspended(report):
            return verdict.add(Outcome.DUPLICATE, "in_suspense")
        if deposit is None:
            deposit = self._open(verdict, report, intent, network, txid, money)
        elif deposit.intent_id != intent.pk:
            if is_final and deposit.state != DepositState.CONFIRMED:
                return verdict.park("seen_for_another_payment")
            return verdict.add(Outcome.DUPLICATE, "credited_to_another_payment")
        elif not self._agree(deposit, txid, money, is_final=is_final):
            return verdict.park("amount_differs")
        if deposit.state == DepositState.CONFIRMED:
            return verdict.add(Outcome.DUPLICATE)
        return self._advance(verdict, report, deposit, intent, money, is_final=is_final)

    def _is_suspended(self, report: PaymentReport) -> bool:
        known = self._nameless.get((report.provider, report.part or report.payment_id))
        return known is not None and known.intent_id is None

    def _by_txid(self, intent: Intent, network: Network, txid: str) -> Deposit | None:
        recipient = normal_address(network, intent.address)
        known = self._by_key.get((txid, network.chain, recipient))
        return known or next((d for d in self._of(intent) if not d.txid), None)

    def _by_part(self, intent: Intent, network: Network, txid: str, part: str) -> Deposit | None:
        recipient = normal_address(network, intent.address)
        known = self._by_key.get((txid, network.chain, recipient)) if txid else None
        return known or next((d for d in self._of(intent) if d.provider_payment_id == part), None)

    def _without_txid(self, intent: Intent, money: Money, *, is_final: bool) -> Deposit | None:
        known = self._of(intent)
        same = [d for d in known if d.minor == money.minor]
        if not is_final:
            return next(iter(same or known), None)
        waiting = [d for d in known if d.state != DepositState.CONFIRMED]
        alike = next((d for d in waiting if d.minor == money.minor), None) or next(iter(same), None)
        # A transaction that is named keeps its amount: a sum over several must not be booked on one of them.
        is_only_one = len(known) == 1 and waiting and not waiting[0].txid
        return alike or (waiting[0] if is_only_one else None)

    def _agree(self, deposit: Deposit, txid: str, money: Money, *, is_final: bool) -> bool:
        """Takes over a transaction id that arrives late (P2); False when a credited amount is contradicted."""
        if deposit.state == DepositState.CONFIRMED and deposit.minor != money.minor:
            return not is_final  # another payment may be on its way: its id must not become this deposit's
        if txid and not deposit.txid:
            deposit.txid = txid
            self._by_key[txid, deposit.chain, deposit.recipient] = deposit
            self._change(deposit)
        return True

    def _open(
        self, verdict: Verdict, report: PaymentReport, intent: Intent, network: Network, txid: str, money: Money
    ) -> Deposit:
        deposit = Deposit(
            intent=intent,
            provider=intent.provider,
            provider_payment_id=report.part or report.payment_id,
            chain=network.chain,
            txid=txid,
            recipient=normal_address(network, intent.address),
            asset=intent.pay_asset,
            minor=money.minor,
            raw_amount=str(report.received)[:80],
            state=DepositState.PENDING,
            first_seen_at=report.heard_at or verdict.row.received_at,
        )
        self.new.append(deposit)
        self.know([deposit])
        return deposit

    def _advance(
        self,
        verdict: Verdict,
        report: PaymentReport,
        deposit: Deposit,
        intent: Intent,
        money: Money,
        *,
        is_final: bool,
    ) -> None:
        is_news = deposit.pk is None or deposit.minor != money.minor
        if deposit.minor != money.minor:
            deposit.minor, deposit.raw_amount = money.minor, str(report.received)[:80]
            self._change(deposit)
        if is_final:
            return self._confirm(verdict, deposit, intent)
        if not is_news or any(one is deposit for one, _ in self.seen):
            return verdict.add(Outcome.DUPLICATE)
        self.seen.append((deposit, intent))
        self.ask_due[intent.pk] = self.now + ASK_AGAIN_AFTER_SEEN
        verdict.effect = verdict.effect or Effect.SEEN
        return verdict.add(Outcome.APPLIED)

    def _confirm(self, verdict: Verdict, deposit: Deposit, intent: Intent) -> None:
        is_late = deposit.first_seen_at > intent.expires_at
        try:
            rate = quote_of(intent.pay_asset, intent.price_asset).rate if is_late else Decimal(intent.rate)
            value = value_of(deposit.money, rate, intent.price_asset)
        except RateUnavailable as error:
            # Never judged without a rate it needs (R6): seen, stored, tried again.
            return verdict.add(Outcome.RETRY_LATER, f"rate_unavailable {error.reason}")
        except WorthTooMuch:
            return verdict.park("amount_out_of_range")
        deposit.state, deposit.is_late = DepositState.CONFIRMED, is_late
        deposit.confirmed_at = verdict.row.received_at  # a fact of the event, however late it is applied (A3)
        deposit.credits = (deposit.credits or 0) + 1
        deposit.value_minor, deposit.value_rate = value.minor, str(rate)
        self._change(deposit)
        self.ask_due[intent.pk] = None if self._is_settled(intent) else self.now + ASK_AGAIN_AFTER_SEEN
        self.credits.append(Credit(deposit, intent, value, verdict))
        verdict.effect = Effect.CREDITED
        return verdict.add(Outcome.APPLIED)

    def _is_settled(self, intent: Intent) -> bool:
        """True when all that was asked for is confirmed and nothing else was seen: no lost webhook can matter (P6)."""
        known = self._of(intent)
        is_waiting = any(deposit.state == DepositState.PENDING for deposit in known)
        return not is_waiting and sum(deposit.value_minor or 0 for deposit in known) >= intent.price_minor

    def _change(self, deposit: Deposit) -> None:
        if deposit.pk is not None:
            self.changed[deposit.pk] = deposit

    def _of(self, intent: Intent) -> list[Deposit]:
        return self._by_intent.get(intent.pk, [])


def _mismatch(intent: Intent, network: Network, report: PaymentReport) -> str:
    """Why a report cannot be about this intent; "" when it can."""
    if report.asset and report.asset != intent.pay_asset:
        return "wrong_asset"
    if report.network and report.network != intent.network:
        return "wrong_network"
    if report.address and normal_address(network, report.address) != normal_address(network, intent.address):
        return "wrong_address"
    return ""
