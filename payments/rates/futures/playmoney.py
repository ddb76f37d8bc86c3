"""Futures of play money: figures that never move, without a network."""

from decimal import Decimal

from payments.rates.futures.base import Futures


class PlayMoneyFutures:
    """Answers at once."""

    name = "playmoney"

    def fetch(self, coin: str) -> Futures:
        return Futures(Decimal(7_500_000_000), Decimal("0.4"), Decimal("-2.1"), Decimal("0.0001"), 8)
