"""FastForex. Wire format: github.com/fastforex/openapi, openapi.yaml v2.3.2."""

from collections.abc import Sequence
from datetime import datetime

from django.conf import settings

from payments.errors import Unintelligible
from payments.rates.currencies import Pair
from payments.rates.sources.base import Answer, get_json, number_of, section_of

_MOST_COINS = 10  # pairs in one /crypto/fetch-prices
_UNKNOWN = frozenset({"CELL"})


class FastForex:
    """Fiat by /fetch-multi, coins by /crypto/fetch-prices. The key travels in a header: addresses end up in logs."""

    name = "fastforex"

    def batches(self, pairs: Sequence[Pair]) -> list[list[Pair]]:
        fiats = [pair for pair in pairs if pair[0] == "USD"]
        coins = [pair for pair in pairs if pair[0] != "USD" and pair[0] not in _UNKNOWN]
        cut = [coins[start : start + _MOST_COINS] for start in range(0, len(coins), _MOST_COINS)]
        return [batch for batch in (*cut, fiats) if batch]

    def fetch(self, pairs: Sequence[Pair]) -> dict[Pair, Answer]:
        if pairs[0][0] == "USD":
            return self._fetch_fiats(pairs)
        found = self._get("/crypto/fetch-prices", pairs=",".join(f"{base}/{quote}" for base, quote in pairs))
        prices = section_of(self.name, found, "prices")
        names = {pair: f"{pair[0]}/{pair[1]}" for pair in pairs}
        return {pair: Answer(number_of(self.name, prices[name])) for pair, name in names.items() if name in prices}

    def _fetch_fiats(self, pairs: Sequence[Pair]) -> dict[Pair, Answer]:
        params = {"from": "USD", "to": ",".join(quote for _base, quote in pairs)}
        found = self._get("/fetch-multi", **params)
        if found.get("base") != "USD":
            raise Unintelligible(self.name, "another base than USD")
        results = section_of(self.name, found, "results")
        updated_at = self._moment(found.get("updated"))
        return {
            pair: Answer(number_of(self.name, results[pair[1]]), updated_at) for pair in pairs if pair[1] in results
        }

    def _get(self, path: str, **params: str) -> dict[str, object]:
        headers = {"X-API-KEY": settings.FASTFOREX_API_KEY}
        return get_json(self.name, settings.FASTFOREX_API_URL + path, headers=headers, params=params)

    def _moment(self, value: object) -> datetime:
        try:
            moment = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
        except ValueError as error:
            raise Unintelligible(self.name, "updated is no time") from error
        if moment.tzinfo is None:
            raise Unintelligible(self.name, "updated has no time zone")
        return moment
