"""Binance USDⓈ-M futures, public part. Wire format: github.com/binance/binance-connector-python."""

from decimal import Decimal
from typing import Any

from django.conf import settings

from payments.errors import Unintelligible
from payments.rates.futures.base import QUARTERS_OF_A_DAY, Futures, changes_of, require_plausible
from payments.rates.sources.base import get_any_json, number_of

_HOUR_MS = 3_600_000


class BinanceFutures:
    """A coin without a perpetual future is a 400, code -1121; a host in a refused country gets 403 or 451."""

    name = "binance"

    def fetch(self, coin: str) -> Futures:
        symbol = f"{coin}USDT"
        history = self._list(
            "/futures/data/openInterestHist", symbol=symbol, period="15m", limit=str(QUARTERS_OF_A_DAY + 1)
        )
        funding = self._list("/fapi/v1/fundingRate", symbol=symbol, limit="2")
        premium = self._get("/fapi/v1/premiumIndex", symbol=symbol)
        if not isinstance(premium, dict) or premium.get("symbol") != symbol:
            raise Unintelligible(self.name, "another symbol")
        newest_first = [number_of(self.name, row.get("sumOpenInterest")) for row in reversed(history)]
        quarter, day = changes_of(self.name, newest_first)
        open_interest = number_of(self.name, history[-1].get("sumOpenInterestValue"))
        rate = number_of(self.name, premium.get("lastFundingRate"))
        require_plausible(self.name, open_interest, rate)
        return Futures(open_interest, quarter, day, rate, self._hours(funding))

    def _hours(self, funding: list[dict[str, Any]]) -> int:
        """Between the last two payments: the interval differs by symbol and changes."""
        times = [number_of(self.name, row.get("fundingTime")) for row in funding]
        require_plausible(self.name, *times)
        hours = round((times[-1] - times[0]) / Decimal(_HOUR_MS)) if len(times) == 2 else 0
        if not 1 <= hours <= 24:
            raise Unintelligible(self.name, "no funding interval")
        return hours

    def _list(self, path: str, **params: str) -> list[dict[str, Any]]:
        found = self._get(path, **params)
        if not isinstance(found, list) or not found or not all(isinstance(row, dict) for row in found):
            raise Unintelligible(self.name, f"{path} is no list")
        return found

    def _get(self, path: str, **params: str) -> Any:
        return get_any_json(self.name, settings.BINANCE_FUTURES_API_URL + path, headers={}, params=params)
