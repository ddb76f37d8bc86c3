"""Which deposit a report is about, among those that are known: by transaction, by the provider's own part, or by amount
where nothing else tells them apart (P2)."""

from collections.abc import Iterable

from payments.models import Deposit, Intent
from payments.networks import Network, normal_address, normal_txid
from payments.providers.base import PaymentReport
from payments.states import DepositState
from wallets.money import Money


class KnownDeposits:
    """The deposits of a batch, by everything that reports call them."""

    def __init__(self) -> None:
        self._by_key: dict[tuple[str, str, str], Deposit] = {}
        self._by_intent: dict[int | None, list[Deposit]] = {}
        self._nameless: dict[tuple[str, str], Deposit] = {}  # without a transaction id, by payment

    def know(self, deposits: Iterable[Deposit]) -> None:
        """Adds deposits as they are: stored ones before folding, new ones while it goes on."""
        for deposit in deposits:
            self._by_intent.setdefault(deposit.intent_id, []).append(deposit)
            if deposit.txid:
                self._by_key[deposit.txid, deposit.chain, deposit.recipient] = deposit
            else:
                self._nameless[deposit.provider, deposit.provider_payment_id] = deposit

    def of(self, intent: Intent) -> list[Deposit]:
        """Every deposit of an intent."""
        return self._by_intent.get(intent.pk, [])

    def alike(self, found: Deposit) -> Deposit | None:
        """The known deposit that `found`, read from a report alone, is."""
        known = self._by_key.get((found.txid, found.chain, found.recipient)) if found.txid else None
        return known or self._nameless.get((found.provider, found.provider_payment_id))

    def reported(self, report: PaymentReport, network: Network) -> Deposit | None:
        """The deposit of a report that names its network, whoever it belongs to."""
        txid, recipient = normal_txid(network, report.txid), normal_address(network, report.address)
        if txid:
            return self._by_key.get((txid, network.chain, recipient))
        return self.nameless(report)

    def nameless(self, report: PaymentReport) -> Deposit | None:
        """The deposit without a transaction id that has the report's part or payment id."""
        return self._nameless.get((report.provider, report.part or report.payment_id))

    def find(
        self, report: PaymentReport, intent: Intent, network: Network, txid: str, money: Money, *, is_final: bool
    ) -> Deposit | None:
        """The deposit that a report about `intent` means; it may turn out to belong to another intent."""
        recipient = normal_address(network, intent.address)
        if report.part:
            known = self._by_key.get((txid, network.chain, recipient)) if txid else None
            return known or next((d for d in self.of(intent) if d.provider_payment_id == report.part), None)
        if txid:
            known = self._by_key.get((txid, network.chain, recipient))
            return known or next((d for d in self.of(intent) if not d.txid), None)
        return self._by_amount(intent, money, is_final=is_final)

    def name(self, deposit: Deposit, txid: str) -> None:
        """A transaction id that arrives late becomes the deposit's."""
        deposit.txid = txid
        self._by_key[txid, deposit.chain, deposit.recipient] = deposit

    def adopt(self, deposit: Deposit, intent: Intent) -> None:
        """A deposit that was nobody's becomes the intent's."""
        self._by_intent[deposit.intent_id].remove(deposit)
        deposit.intent = intent
        self._by_intent.setdefault(intent.pk, []).append(deposit)

    def _by_amount(self, intent: Intent, money: Money, *, is_final: bool) -> Deposit | None:
        known = self.of(intent)
        same = [d for d in known if d.minor == money.minor]
        if not is_final:
            return next(iter(same or known), None)
        waiting = [d for d in known if d.state != DepositState.CONFIRMED]
        alike = next((d for d in waiting if d.minor == money.minor), None) or next(iter(same), None)
        # A transaction that is named keeps its amount: a sum over several must not be booked on one of them.
        is_only_one = len(known) == 1 and waiting and not waiting[0].txid
        return alike or (waiting[0] if is_only_one else None)
