"""Folding reports over deposits, in memory: whether a report says anything new (P2, F6).

Repeated, reordered and contradicting reports change nothing. Only one kind of report moves a confirmed deposit back to
pending: that its payment vanished (P7). It is numbered by the look that saw it, and of two looks the newer one is
right, in whatever order they are told.
"""

from collections.abc import Iterable
from datetime import datetime

from payments.folded import ASK_AGAIN_AFTER_SEEN, Folded
from payments.interpreting import Verdict
from payments.models import Deposit, Intent
from payments.networks import NETWORKS, Network, normal_address, normal_txid
from payments.providers import provider_of
from payments.providers.base import Meaning, PaymentReport
from payments.states import DepositState, Effect, Outcome, Proof
from payments.suspense import unmatched_deposit
from wallets.errors import MalformedAmount
from wallets.money import Money, floored_money


class Fold(Folded):
    """Reads the reports of a batch, in order of arrival."""

    def take(self, verdicts: Iterable[Verdict]) -> None:
        """Folds every report of every row, in order of arrival."""
        for verdict in verdicts:
            for report in verdict.reports:
                self._take_report(verdict, report)

    def _take_report(self, verdict: Verdict, report: PaymentReport) -> None:
        if report.meaning is Meaning.INFORMATION:
            return verdict.add(Outcome.IGNORED, "informational")
        if report.meaning is Meaning.PAYOUT:
            return self.payouts.append((verdict, report))
        if report.meaning is Meaning.VANISHED:
            return self._unbelieve(verdict, report)
        intent = self.intents.get((report.provider, report.payment_id))
        if intent is None:
            return self._miss(verdict, report)
        if report.meaning is Meaning.HINT:
            self.ask_due[intent.pk] = self.now
            intent.hinted_at = min(intent.hinted_at or verdict.row.received_at, verdict.row.received_at)
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
        known = self.known.alike(found)
        if known is None:
            self.new.append(found)
            self.known.know([found])
            return self.keep(verdict, report, found)
        if report.look < known.look:
            return verdict.add(Outcome.DUPLICATE, "overtaken")
        has_vanished = known.state == DepositState.PENDING and known.times_vanished
        if known.state != DepositState.CONFIRMED and not has_vanished:
            return verdict.park("seen_for_another_payment")
        if known.minor != found.minor or known.asset != found.asset:
            return verdict.park("amount_differs")
        if has_vanished:
            return self._come_back(verdict, report, known)
        if found.txid and not known.txid:
            self.known.name(known, found.txid)
        self.note_look(known, report)
        return verdict.add(Outcome.DUPLICATE, "credited_before")

    def _come_back(self, verdict: Verdict, report: PaymentReport, deposit: Deposit) -> None:
        """It vanished and is there again: whoever it was assigned to gets it, else it waits in suspense once more."""
        if deposit.intent_id is not None:
            intent = self.owner_of(deposit)
            if intent is None:
                return verdict.add(Outcome.RETRY_LATER, "assigned_meanwhile")
            return self.confirm(verdict, report, deposit, intent)
        deposit.state, deposit.confirmed_at = DepositState.CONFIRMED, verdict.row.received_at
        deposit.credits += 1
        return self.keep(verdict, report, deposit)

    def _unbelieve(self, verdict: Verdict, report: PaymentReport) -> None:
        """A payment that was believed is gone (P7): a confirmed deposit goes back to pending, any other one remembers
        that what is told of older looks is no longer true."""
        network = NETWORKS.get(report.network)
        if network is None or not report.look:
            return verdict.park("vanished_without_order")
        deposit = self.known.reported(report, network)
        if deposit is None:
            return verdict.add(Outcome.RETRY_LATER, "nothing_known_of_it_yet")
        if report.look <= deposit.look:
            return verdict.add(Outcome.DUPLICATE, "overtaken")
        intent = self.owner_of(deposit)
        if intent is None and deposit.intent_id is not None:
            return verdict.add(Outcome.RETRY_LATER, "assigned_meanwhile")
        fresh = [*(credit.deposit for credit in self.credits), *(one for one, _ in self.suspended)]
        if any(one is deposit for one in fresh):
            return verdict.add(Outcome.RETRY_LATER, "credited_in_the_same_breath")
        if deposit.state == DepositState.CONFIRMED:
            return self.take_back(verdict, report, deposit, intent)
        self.note_look(deposit, report)
        return verdict.add(Outcome.DUPLICATE, "not_credited")

    def _place(self, verdict: Verdict, report: PaymentReport, intent: Intent, network: Network, money: Money) -> None:
        txid = normal_txid(network, report.txid)
        is_final = report.meaning is Meaning.CONFIRMED
        deposit = self.known.find(report, intent, network, txid, money, is_final=is_final)
        if deposit is None and not txid and not report.part and is_final and self.known.of(intent):
            return verdict.park("ambiguous_without_txid")
        if deposit is None and not txid and self._is_suspended(report):
            return verdict.add(Outcome.DUPLICATE, "in_suspense")
        if deposit is None:
            deposit = self._open(verdict, report, intent, network, txid, money)
        elif is_final and report.look < deposit.look:
            return verdict.add(Outcome.DUPLICATE, "overtaken")
        elif not self._is_of(deposit, intent):
            if is_final and deposit.state != DepositState.CONFIRMED:
                return verdict.park("seen_for_another_payment")
            return verdict.add(Outcome.DUPLICATE, "credited_to_another_payment")
        elif not self._agree(deposit, txid, money, is_final=is_final):
            return verdict.park("amount_differs")
        return self._advance(verdict, report, deposit, intent, money, is_final=is_final)

    def _is_of(self, deposit: Deposit, intent: Intent) -> bool:
        """True for a deposit of this intent; one that waited in suspense and vanished becomes the intent's."""
        if deposit.intent_id is None and deposit.state == DepositState.PENDING:
            self.known.adopt(deposit, intent)
        return deposit.intent_id == intent.pk

    def _is_vouched_for(self, intent: Intent) -> bool:
        """True while a person's word stands for a payment that no event has told of: another one may be the same."""
        return any(known.by_hand and known.state == DepositState.CONFIRMED for known in self.known.of(intent))

    def _is_suspended(self, report: PaymentReport) -> bool:
        known = self.known.nameless(report)
        return known is not None and known.intent_id is None

    def _agree(self, deposit: Deposit, txid: str, money: Money, *, is_final: bool) -> bool:
        """Takes over a transaction id that arrives late (P2); False when a credited amount is contradicted."""
        if deposit.state == DepositState.CONFIRMED and deposit.minor != money.minor:
            return not is_final  # another payment may be on its way: its id must not become this deposit's
        if txid and not deposit.txid:
            self.known.name(deposit, txid)
            self.change(deposit)
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
            first_seen_at=report.heard_at or report.paid_at or self._heard_of(verdict, intent),
        )
        self.new.append(deposit)
        self.known.know([deposit])
        return deposit

    def _heard_of(self, verdict: Verdict, intent: Intent) -> datetime:
        """An answer tells of what a hint announced before: a provider that was asked late makes no payment late. Only
        the first payment; what came after it was not what was announced."""
        is_answer = verdict.row.proof == Proof.ASKED
        told = intent.hinted_at if is_answer and not self.known.of(intent) else None
        return min(told or verdict.row.received_at, verdict.row.received_at)

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
        if deposit.state == DepositState.CONFIRMED:
            if is_final:
                deposit.by_hand = deposit.by_hand and report.paid_at is not None
                self.note_look(deposit, report)
            return verdict.add(Outcome.DUPLICATE)
        is_news = deposit.pk is None or deposit.minor != money.minor
        if deposit.minor != money.minor:
            deposit.minor, deposit.raw_amount = money.minor, str(report.received)[:80]
            self.change(deposit)
        if is_final and report.paid_at is None and self._is_vouched_for(intent):
            return verdict.park("confirmed_by_hand")
        if is_final:
            return self.confirm(verdict, report, deposit, intent)
        if not is_news or any(one is deposit for one, _ in self.seen):
            return verdict.add(Outcome.DUPLICATE)
        self.seen.append((deposit, intent))
        self.ask_due[intent.pk] = self.now + ASK_AGAIN_AFTER_SEEN
        verdict.effect = verdict.effect or Effect.SEEN
        return verdict.add(Outcome.APPLIED)


def _mismatch(intent: Intent, network: Network, report: PaymentReport) -> str:
    """Why a report cannot be about this intent; "" when it can."""
    if report.asset and report.asset != intent.pay_asset:
        return "wrong_asset"
    if report.network and report.network != intent.network:
        return "wrong_network"
    if report.address and normal_address(network, report.address) != normal_address(network, intent.address):
        return "wrong_address"
    return ""
