"""The sources of rates; a new one is a file and a line here."""

from django.conf import settings

from payments.rates.sources.base import MarketSource, Source
from payments.rates.sources.coingecko import CoinGecko
from payments.rates.sources.cryptocompare import CryptoCompare
from payments.rates.sources.fastforex import FastForex
from payments.rates.sources.kraken import Kraken
from payments.rates.sources.playmoney import PlayMoney

SOURCES: dict[str, Source] = {
    source.name: source for source in (FastForex(), CoinGecko(), Kraken(), CryptoCompare(), PlayMoney())
}


def enabled_sources() -> list[Source]:
    """Those that settings.RATE_SOURCES names, best first. lockbay.E006 refuses an unknown name at start."""
    return [SOURCES[name] for name in settings.RATE_SOURCES]


def market_sources() -> list[MarketSource]:
    """The enabled ones that /price can ask, best first."""
    return [source for source in enabled_sources() if isinstance(source, MarketSource)]
