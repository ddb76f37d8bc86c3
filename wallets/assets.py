"""The table of assets: how many digits after the point our books keep of each (B1).

A chain may count finer (BSC-USDT 18 digits, wei 18): that belongs to the allow-listed (chain, contract), not to this
table.
"""

from wallets.errors import UnknownAsset

DIGITS: dict[str, int] = {
    "USD": 2,
    "NGN": 2,
    "BTC": 8,
    "ETH": 8,
    "LTC": 8,
    "DOGE": 8,
    "BCH": 8,
    "BNB": 8,
    "TRX": 6,
    "USDT": 6,
    "USDC": 6,
    "SOL": 8,
    "APT": 8,
    "CELL": 8,
}


def digits_of(asset: str) -> int:
    """Digits after the point. Raises: UnknownAsset."""
    try:
        return DIGITS[asset]
    except KeyError:
        raise UnknownAsset(asset) from None
