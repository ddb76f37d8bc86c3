"""Where a deposit comes from in the books: the legs that credits and their reversals share, worth −value in the price
asset."""

from payments.models import Deposit
from wallets.accounts import CLEARING, FX, AccountCode, platform_account
from wallets.ledger import Leg
from wallets.money import Money


def clearing_of(deposit: Deposit) -> AccountCode:
    """The account of whoever holds a deposit for us."""
    return platform_account(CLEARING, deposit.asset, deposit.provider)


def source_legs(received: Money, value: Money, *, source: AccountCode) -> tuple[Leg, ...]:
    """source(coin) −received, fx(coin) +received, fx(price) −value; one leg when coin and price are the same asset
    (B3). Money that waited comes out of suspense, any other out of clearing."""
    if received.asset == value.asset:
        return ((source, -received),)
    return (
        (source, -received),
        (platform_account(FX, received.asset), received),
        (platform_account(FX, value.asset), -value),
    )


def dust_legs(deposit: Deposit) -> tuple[Leg, ...]:
    """clearing(coin) −received, fx(coin) +received: worth less than a cent, the platform's (B1)."""
    received = deposit.money
    return (clearing_of(deposit), -received), (platform_account(FX, received.asset), received)
