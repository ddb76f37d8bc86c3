"""Kraken's public ticker. Wire format: docs.kraken.com/api, GET /0/public/Ticker; errors come as HTTP 200."""

from collections.abc import Iterable, Sequence
from decimal import Context, Decimal
from typing import Any

from django.conf import settings

from payments.errors import Rejected, Unavailable, Unintelligible
from payments.rates.currencies import Pair
from payments.rates.sources.base import Answer, Market, get_json, number_of, section_of

# pair → (the name to ask by, the name it answers under). No NGN, no CELL; an unknown name spoils the whole answer.
_NAMES: dict[Pair, tuple[str, str]] = {
    ("BTC", "USD"): ("XBTUSD", "XXBTZUSD"),
    ("ETH", "USD"): ("ETHUSD", "XETHZUSD"),
    ("LTC", "USD"): ("LTCUSD", "XLTCZUSD"),
    ("DOGE", "USD"): ("XDGUSD", "XDGUSD"),
    ("BCH", "USD"): ("BCHUSD", "BCHUSD"),
    ("BNB", "USD"): ("BNBUSD", "BNBUSD"),
    ("TRX", "USD"): ("TRXUSD", "TRXUSD"),
    ("SOL", "USD"): ("SOLUSD", "SOLUSD"),
    ("APT", "USD"): ("APTUSD", "APTUSD"),
    ("USDT", "USD"): ("USDTUSD", "USDTZUSD"),
    ("USDC", "USD"): ("USDCUSD", "USDCUSD"),
    ("USD", "EUR"): ("EURUSD", "ZEURZUSD"),
    ("USD", "GBP"): ("GBPUSD", "ZGBPZUSD"),
}
_PASSING = ("Rate limit", "EService")  # errors that go away by themselves
_DIGITS = Context(prec=18)


class Kraken:
    """The last trade of each pair. The answer has no moment, so a pair nobody traded in a day is left out."""

    name = "kraken"

    def batches(self, pairs: Sequence[Pair]) -> list[list[Pair]]:
        known = [pair for pair in pairs if pair in _NAMES]
        return [known] if known else []

    def fetch(self, pairs: Sequence[Pair]) -> dict[Pair, Answer]:
        result = self._ticker(pairs)
        answers = {}
        for pair in pairs:
            ticker = self._of(result, pair)
            if ticker is not None and self._is_traded(ticker):
                price = self._number(ticker, "c", 0)
                answers[pair] = Answer(_inverse(price) if pair[0] == "USD" else price)
        return answers

    def fetch_market(self, coins: Iterable[str]) -> dict[str, Market]:
        """Price and volume in dollars; the ticker knows today's opening, not yesterday's price: no change in 24 h."""
        pairs = [(coin, "USD") for coin in coins if (coin, "USD") in _NAMES]
        result = self._ticker(pairs)
        found = {}
        for pair in pairs:
            ticker = self._of(result, pair)
            if ticker is not None and self._is_traded(ticker):
                traded, average = self._number(ticker, "v", 1), self._number(ticker, "p", 1)
                volume = _DIGITS.multiply(traded, average) if traded.is_finite() and average.is_finite() else None
                found[pair[0]] = Market(self._number(ticker, "c", 0), volume_24h=volume)
        return found

    def _ticker(self, pairs: Sequence[Pair]) -> dict[str, Any]:
        names = ",".join(_NAMES[pair][0] for pair in pairs)
        found = get_json(self.name, f"{settings.KRAKEN_API_URL}/0/public/Ticker", headers={}, params={"pair": names})
        errors = str(found.get("error") or "")[:100]
        if errors:
            passes = any(word in errors for word in _PASSING)
            raise (Unavailable if passes else Rejected)(self.name, errors)
        return section_of(self.name, found, "result")

    def _of(self, result: dict[str, Any], pair: Pair) -> dict[str, Any] | None:
        asked, answered = _NAMES[pair]
        ticker = result.get(answered, result.get(asked))
        if ticker is not None and not isinstance(ticker, dict):
            raise Unintelligible(self.name, f"{asked} is no ticker")
        return ticker

    def _is_traded(self, ticker: dict[str, Any]) -> bool:
        trades = self._number(ticker, "t", 1)
        return trades.is_finite() and trades > 0

    def _number(self, ticker: dict[str, Any], name: str, place: int) -> Decimal:
        values = ticker.get(name)
        if not isinstance(values, list) or len(values) <= place:
            raise Unintelligible(self.name, f"no {name}")
        return number_of(self.name, values[place])


def _inverse(price: Decimal) -> Decimal:
    """USD in a fiat currency, from that currency in USD; NaN for what is no price, so that judging refuses it."""
    return _DIGITS.divide(Decimal(1), price) if price.is_finite() and price > 0 else Decimal("NaN")
