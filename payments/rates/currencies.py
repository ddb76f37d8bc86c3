"""The currencies that are kept warm, and every name they are known by (R1)."""

from payments.rates.errors import RateUnavailable

Pair = tuple[str, str]  # (base, quote): quote units per one base

COINS = ("BTC", "ETH", "LTC", "DOGE", "BCH", "BNB", "TRX", "SOL", "APT", "USDT", "USDC", "CELL")
FIATS = ("NGN", "EUR", "GBP")
FIAT_PAIRS: tuple[Pair, ...] = tuple(("USD", fiat) for fiat in FIATS)
PAIRS: tuple[Pair, ...] = (*((coin, "USD") for coin in COINS), *FIAT_PAIRS)

# USDT is one currency on several networks; Kraken has spellings of its own.
ALIASES = {
    "USDT-ERC20": "USDT",
    "USDT-TRC20": "USDT",
    "USDT-BEP20": "USDT",
    "XXBT": "BTC",
    "XETH": "ETH",
    "XLTC": "LTC",
    "XXDG": "DOGE",
    "XBCH": "BCH",
    "XTRX": "TRX",
    "XUSDT": "USDT",
    "ZUSD": "USD",
}
NAMES_OF = {
    currency: (currency, *(alias for alias, meant in ALIASES.items() if meant == currency))
    for currency in ("USD", *COINS, *FIATS)
}
# What start-up must resolve; a dollar is a dollar by any name.
NAMES = tuple(name for currency, names in NAMES_OF.items() if currency != "USD" for name in names)


def pair_of(base: str, quote: str) -> Pair:
    """The pair by its own names; a fiat currency's price in USD is the stored one turned round.

    Raises: RateUnavailable for a pair that nobody keeps.
    """
    pair = ALIASES.get(base, base), ALIASES.get(quote, quote)
    if pair in PAIRS or pair[::-1] in FIAT_PAIRS or pair == ("USD", "USD"):
        return pair
    raise RateUnavailable(base, quote, "unknown_pair")


def pair_of_name(name: str) -> Pair:
    """How one of NAMES is priced: a coin in USD, USD in a fiat currency."""
    return ("USD", name) if name in FIATS else pair_of(name, "USD")
