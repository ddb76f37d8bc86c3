"""The allow-list: which contract is which asset, and how many decimals it has. A token's own name is never proof (P8).

Contracts are written as the reader of their chain normalises them. An asset that is not here is not credited.
"""

from dataclasses import dataclass

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

_USDT_NAMES = ("USDT", "BSC-USD", "USD")


@dataclass(frozen=True, slots=True)
class Token:
    """One allow-listed contract, mint, metadata address or ticker; `digits` are its decimals.

    `display_names` are what explorers and wallets call it: for showing, never for recognising.
    """

    chain: str
    asset: str
    contract: str
    digits: int
    display_names: tuple[str, ...]


_LISTED = (
    Token("ethereum", "USDT", "0xdac17f958d2ee523a2206206994597c13d831ec7", 6, _USDT_NAMES),
    Token("ethereum", "USDC", "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48", 6, ("USDC",)),
    Token("bsc", "USDT", "0x55d398326f99059ff775485246999027b3197955", 18, _USDT_NAMES),
    Token("bsc", "USDC", "0x8ac76a51cc950d9822d68b83fe1ad97b32cd580d", 18, ("USDC",)),
    Token("tron", "USDT", "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t", 6, _USDT_NAMES),
    Token("solana", "USDT", "Es9vMFrzaCERmJfrF4H2FYD4KCoNkY11McCe8BenwNYB", 6, _USDT_NAMES),
    Token("solana", "USDC", "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v", 6, ("USDC",)),
    Token("aptos", "USDT", "0x357b0b74bc833e95a115ad22604854d6b0fca151cecd94111770e5d6ffc9dc2b", 6, _USDT_NAMES),
    Token("aptos", "USDC", "0xbae207659db88bea0cbead6da0ed00aac12edcdda169e591cd41c94180b46f3b", 6, ("USDC",)),
    Token("cellframe", "CELL", "CELL", 18, ("CELL",)),
    Token("cellframe", "CPUNK", "CPUNK", 18, ("CPUNK",)),
)


def tokens_on(chain: str) -> tuple[Token, ...]:
    """Every allow-listed token of a chain, with the local test contracts of the playground."""
    return tuple(token for token in (*_LISTED, *_test_tokens()) if token.chain == chain)


def token_of(chain: str, contract: str) -> Token | None:
    """The token behind a normalised contract; None when it is not allow-listed, whatever it calls itself."""
    return next((token for token in tokens_on(chain) if token.contract == contract), None)


def contracts_of(chain: str, asset: str) -> tuple[str, ...]:
    """The contracts that hold `asset` on `chain`."""
    return tuple(token.contract for token in tokens_on(chain) if token.asset == asset)


def _test_tokens() -> tuple[Token, ...]:
    return tuple(_read_token(text) for text in settings.CHAIN_TEST_TOKENS)


def _read_token(text: str) -> Token:
    parts = text.split(":", 2)
    contract, _, digits = parts[-1].rpartition(":")  # a coin type has colons of its own
    if len(parts) != 3 or not contract or not digits.isascii() or not digits.isdigit():
        raise ImproperlyConfigured(f"CHAIN_TEST_TOKENS: {text!r} is not chain:asset:contract:digits.")
    return Token(parts[0], parts[1], contract, int(digits), (parts[1],))
