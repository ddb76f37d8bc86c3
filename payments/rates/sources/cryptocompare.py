"""CryptoCompare. Wire format: min-api.cryptocompare.com, GET /data/pricemultifull; errors come as HTTP 200."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings

from payments.errors import Rejected, Unavailable, Unintelligible
from payments.rates.currencies import Pair
from payments.rates.sources.base import Answer, get_json, moment_of, number_of, section_of

_UNKNOWN = frozenset({"CELL"})  # the symbol means another coin there
_OVER_THE_LIMIT = 99  # the "Type" of an error


class CryptoCompare:
    """Coins in one request, fiat in another. The key travels in a header."""

    name = "cryptocompare"

    def batches(self, pairs: Sequence[Pair]) -> list[list[Pair]]:
        coins = [pair for pair in pairs if pair[0] != "USD" and pair[0] not in _UNKNOWN]
        fiats = [pair for pair in pairs if pair[0] == "USD"]
        return [batch for batch in (coins, fiats) if batch]

    def fetch(self, pairs: Sequence[Pair]) -> dict[Pair, Answer]:
        found = get_json(
            self.name,
            f"{settings.CRYPTOCOMPARE_API_URL}/data/pricemultifull",
            headers=(
                {"Authorization": f"Apikey {settings.CRYPTOCOMPARE_API_KEY}"} if settings.CRYPTOCOMPARE_API_KEY else {}
            ),
            params={
                "fsyms": ",".join(dict.fromkeys(base for base, _quote in pairs)),
                "tsyms": ",".join(dict.fromkeys(quote for _base, quote in pairs)),
            },
        )
        if found.get("Response") == "Error":
            kind = Unavailable if found.get("Type") == _OVER_THE_LIMIT else Rejected
            raise kind(self.name, str(found.get("Message"))[:100])
        raw = section_of(self.name, found, "RAW")
        answers = {pair: self._answer(raw.get(pair[0]), pair[1]) for pair in pairs}
        return {pair: answer for pair, answer in answers.items() if answer is not None}

    def _answer(self, prices: Any, quote: str) -> Answer | None:
        if prices is None or (isinstance(prices, dict) and quote not in prices):
            return None
        if not isinstance(prices, dict) or not isinstance(prices[quote], dict):
            raise Unintelligible(self.name, "a price that is no object")
        price = prices[quote]
        return Answer(number_of(self.name, price.get("PRICE")), moment_of(self.name, price.get("LASTUPDATE")))
