"""Amounts of dollars as people type them."""

import re

from wallets.money import Money, parse_money

HOME_ASSET = "USD"
_CURRENCY = re.compile(r"^\s*(?:\$|US\$|USD)\s*|\s*(?:\$|USD)\s*$", re.IGNORECASE)


def read_amount(text: str) -> Money:
    """An amount in US dollars, with or without its sign. Raises: MalformedAmount."""
    return parse_money(_CURRENCY.sub("", text), HOME_ASSET)
