"""What people owe us after money was taken back that they had spent (P7).

A debt is the balance of a loss account of that user, below zero; `Account.owes` of the available account is its running
copy, so that a credit finds the debt under the lock that it holds anyway. The ledger keeps the copy and collects.
"""

import re

from wallets.accounts import AVAILABLE, LOSSES, AccountCode, platform_account, user_account
from wallets.errors import DebtOpen
from wallets.models import Account
from wallets.money import Money

COLLECTED = "debt_collected"  # the kind of the operation that collects
_DEBTOR = re.compile(r"user-([1-9][0-9]{0,18})", re.ASCII)


def loss_account(user_id: int, asset: str) -> AccountCode:
    """Where our loss by a user is booked; minus its balance is what the user owes."""
    return platform_account(LOSSES, asset, f"user-{user_id}")


def debtor_account(code: AccountCode) -> AccountCode | None:
    """The available account that owes when `code` goes below zero; None when `code` is no user's loss account."""
    found = _DEBTOR.fullmatch(code.reference) if code.kind == LOSSES else None
    return user_account(int(found[1]), code.asset, AVAILABLE) if found else None


def taking_legs(*, owner_id: int, need: Money, available: Money) -> tuple[tuple[AccountCode, Money], ...]:
    """Takes `need` from a user: what is available first, the rest is the user's debt. () for nothing.

    `available` must have been read under lock_balances(). Raises: ValueError for less than nothing.
    """
    if need.minor < 0 or available.minor < 0:
        raise ValueError(f"{need} of {available}")
    from_available = min(need, available)
    legs = (
        (user_account(owner_id, need.asset, AVAILABLE), -from_available),
        (loss_account(owner_id, need.asset), from_available - need),
    )
    return tuple(leg for leg in legs if leg[1])


def debt_of(user_id: int, asset: str = "USD") -> Money:
    """What a user owes us; zero for nearly everybody."""
    code = str(user_account(user_id, asset, AVAILABLE))
    owes = Account.objects.filter(code=code).values_list("owes", flat=True).first()
    return Money(owes or 0, asset)


def require_no_debt(user_id: int, asset: str = "USD") -> None:
    """Raises: DebtOpen. What must not be overtaken by a new debt asks after lock_balances() of the available
    account."""
    debt = debt_of(user_id, asset)
    if debt:
        raise DebtOpen(user_id=user_id, debt=debt)
