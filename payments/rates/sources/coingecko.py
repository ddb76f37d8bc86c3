"""CoinGecko. Wire format: github.com/coingecko/coingecko-api-oas; the demo and pro hosts have a key header each."""

from collections.abc import Iterable, Sequence
from decimal import Context, Decimal
from typing import Any

from django.conf import settings

from payments.errors import Unintelligible
from payments.rates.currencies import Pair
from payments.rates.sources.base import Answer, Market, get_json, moment_of, number_of

# By id, never by symbol: several coins share a symbol.
COIN_IDS = {
    "BTC": "bitcoin",
    "ETH": "ethereum",
    "LTC": "litecoin",
    "DOGE": "dogecoin",
    "BCH": "bitcoin-cash",
    "BNB": "binancecoin",
    "TRX": "tron",
    "SOL": "solana",
    "APT": "aptos",
    "USDT": "tether",
    "USDC": "usd-coin",
    "CELL": "cellframe",
}
_FIAT_BY = "bitcoin"  # USD→NGN is bitcoin in NGN over bitcoin in USD
_DIGITS = Context(prec=18)


class CoinGecko:
    """Everything in one request. An unknown id is silently absent from a good answer."""

    name = "coingecko"

    def batches(self, pairs: Sequence[Pair]) -> list[list[Pair]]:
        known = [pair for pair in pairs if pair[0] in COIN_IDS or pair[0] == "USD"]
        return [known] if known else []

    def fetch(self, pairs: Sequence[Pair]) -> dict[Pair, Answer]:
        ids = {COIN_IDS.get(base, _FIAT_BY) for base, _quote in pairs}
        currencies = {quote.lower() for _base, quote in pairs} | {"usd"}
        found = self._prices(ids, currencies)
        answers = {pair: self._answer(pair, found.get(COIN_IDS.get(pair[0], _FIAT_BY))) for pair in pairs}
        return {pair: answer for pair, answer in answers.items() if answer is not None}

    def fetch_market(self, coins: Iterable[str]) -> dict[str, Market]:
        """All of it in one request."""
        ids = {coin: COIN_IDS[coin] for coin in coins if coin in COIN_IDS}
        found = self._prices(set(ids.values()), {"usd"}, include_24hr_change="true", include_24hr_vol="true")
        return {coin: self._market(found[name]) for coin, name in ids.items() if name in found}

    def _market(self, coin: Any) -> Market:
        if not isinstance(coin, dict):
            raise Unintelligible(self.name, "a coin that is no object")
        change, volume = (
            None if coin.get(name) is None else number_of(self.name, coin[name])
            for name in ("usd_24h_change", "usd_24h_vol")
        )
        return Market(
            number_of(self.name, coin.get("usd")), change, volume, moment_of(self.name, coin.get("last_updated_at"))
        )

    def _prices(self, ids: set[str], currencies: set[str], **more: str) -> dict[str, Any]:
        is_pro = "//pro-api." in settings.COINGECKO_API_URL
        key_header = "x-cg-pro-api-key" if is_pro else "x-cg-demo-api-key"
        return get_json(
            self.name,
            f"{settings.COINGECKO_API_URL}/simple/price",
            headers={key_header: settings.COINGECKO_API_KEY} if settings.COINGECKO_API_KEY else {},
            params={
                "ids": ",".join(sorted(ids)),
                "vs_currencies": ",".join(sorted(currencies)),
                "include_last_updated_at": "true",
                "precision": "full",
                **more,
            },
        )

    def _answer(self, pair: Pair, coin: Any) -> Answer | None:
        base, quote = pair
        if coin is None or not isinstance(coin, dict) or quote.lower() not in coin or "usd" not in coin:
            return None
        rate = number_of(self.name, coin[quote.lower()])
        if base == "USD":
            in_usd = number_of(self.name, coin["usd"])
            rate = _DIGITS.divide(rate, in_usd) if in_usd.is_finite() and in_usd > 0 else Decimal("NaN")
        return Answer(rate, moment_of(self.name, coin.get("last_updated_at")))
