"""Where open interest and funding rates of perpetual futures are read; a new one is a file and a line here."""

from django.conf import settings

from payments.rates.futures.base import FuturesSource
from payments.rates.futures.binance import BinanceFutures
from payments.rates.futures.bybit import Bybit
from payments.rates.futures.playmoney import PlayMoneyFutures


def futures_sources() -> list[FuturesSource]:
    """Best first; none unless settings.PRICE_FUTURES is on. Binance refuses some countries: Bybit is the second."""
    if not settings.PRICE_FUTURES:
        return []
    return [PlayMoneyFutures()] if "playmoney" in settings.RATE_SOURCES else [BinanceFutures(), Bybit()]
