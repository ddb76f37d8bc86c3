"""Play money: plausible prices that never move, without a network. The sandbox and the tests live on them."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from payments.rates.currencies import Pair
from payments.rates.sources.base import Answer, Market

RATES: dict[Pair, str] = {
    ("BTC", "USD"): "91250.40",
    ("ETH", "USD"): "3120.80",
    ("LTC", "USD"): "84.35",
    ("DOGE", "USD"): "0.1425",
    ("BCH", "USD"): "512.60",
    ("BNB", "USD"): "905.15",
    ("TRX", "USD"): "0.2834",
    ("SOL", "USD"): "141.72",
    ("APT", "USD"): "2.615",
    ("USDT", "USD"): "1",
    ("USDC", "USD"): "1",
    ("CELL", "USD"): "0.1930",
    ("USD", "NGN"): "1432.55",
    ("USD", "EUR"): "0.8621",
    ("USD", "GBP"): "0.7518",
}


class PlayMoney:
    """Answers at once."""

    name = "playmoney"

    def batches(self, pairs: Sequence[Pair]) -> list[list[Pair]]:
        known = [pair for pair in pairs if pair in RATES]
        return [known] if known else []

    def fetch(self, pairs: Sequence[Pair]) -> dict[Pair, Answer]:
        return {pair: Answer(Decimal(RATES[pair])) for pair in pairs}

    def fetch_market(self, coins: Iterable[str]) -> dict[str, Market]:
        """The same prices, a day that rose by 1.25 % and a million dollars of trade in each."""
        return {
            coin: Market(Decimal(RATES[coin, "USD"]), Decimal("1.25"), Decimal(1_000_000))
            for coin in coins
            if (coin, "USD") in RATES
        }
