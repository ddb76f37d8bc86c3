"""Bybit's linear perpetuals. Wire format: bybit-exchange.github.io/docs/v5/market; errors come as HTTP 200."""

from typing import Any

from django.conf import settings

from payments.errors import Rejected, Unintelligible
from payments.rates.futures.base import QUARTERS_OF_A_DAY, Futures, changes_of, require_plausible
from payments.rates.sources.base import get_json, number_of, section_of

_USUAL_HOURS = 8


class Bybit:
    """Two requests: the ticker, and a day of open interest."""

    name = "bybit"

    def fetch(self, coin: str) -> Futures:
        symbol = f"{coin}USDT"
        ticker = self._rows("/v5/market/tickers", symbol=symbol)[0]
        if ticker.get("symbol") != symbol:
            raise Unintelligible(self.name, "another symbol")
        history = self._rows(
            "/v5/market/open-interest", symbol=symbol, intervalTime="15min", limit=str(QUARTERS_OF_A_DAY + 1)
        )
        quarter, day = changes_of(self.name, [number_of(self.name, row.get("openInterest")) for row in history])
        open_interest = number_of(self.name, ticker.get("openInterestValue"))
        rate = number_of(self.name, ticker.get("fundingRate"))
        require_plausible(self.name, open_interest, rate)
        hours = str(ticker.get("fundingIntervalHour") or _USUAL_HOURS)
        if not hours.isdecimal() or not 1 <= int(hours) <= 24:
            raise Unintelligible(self.name, "no funding interval")
        return Futures(open_interest, quarter, day, rate, int(hours))

    def _rows(self, path: str, **params: str) -> list[dict[str, Any]]:
        found = get_json(self.name, settings.BYBIT_API_URL + path, headers={}, params={"category": "linear", **params})
        if found.get("retCode") != 0:
            raise Rejected(self.name, str(found.get("retMsg"))[:100])
        rows = section_of(self.name, found, "result").get("list")
        if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
            raise Unintelligible(self.name, "no list")
        return rows
