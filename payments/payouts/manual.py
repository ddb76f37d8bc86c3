"""Payouts by hand: a person pays in a bank's own pages and enters its reference (actions/record_manual_payout.py).

Nothing is called, so nothing is ever unknown by itself: an order waits until somebody says what became of it.
"""

from payments.payouts.base import NothingLeft, PayoutAnswer, PayoutMeaning, PayoutOrder, PayoutRail
from wallets.money import Money


class ManualPayouts(PayoutRail):
    """Nobody is called."""

    name = "manual"
    meanings = {}
    is_by_hand = True

    def _send(self, order: PayoutOrder) -> PayoutAnswer:
        raise NothingLeft(self.name, "by_hand")

    def _ask(self, order: PayoutOrder) -> PayoutAnswer:
        return PayoutAnswer(PayoutMeaning.UNKNOWN, "by_hand")

    def balances(self) -> list[Money]:
        return []
