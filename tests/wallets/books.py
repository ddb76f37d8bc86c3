"""Small words for tests of the books: people with money, and the amounts they move."""

from typing import Any

from lockbay.people.models import User
from wallets.accounts import AVAILABLE, CLEARING, AccountCode, platform_account, user_account
from wallets.actions.transfer import transfer
from wallets.ledger import NewOperation
from wallets.models import Account
from wallets.money import Money, parse_money

BANK = platform_account(CLEARING, "USD", "bank")


def usd(text: str) -> Money:
    """usd("12.50") is 1,250 cents."""
    return parse_money(text, "USD") if not text.startswith("-") else -parse_money(text[1:], "USD")


def person(name: str = "bea") -> User:
    """A user with that name."""
    return User.objects.create_user(username=name)


def deposit(owner: User, amount: str, *, key: str = "", asset: str = "USD") -> AccountCode:
    """Money from outside on a person's available account, whose code is returned."""
    target = user_account(owner.pk, asset, AVAILABLE)
    money = parse_money(amount, asset)
    transfer(
        actor=None,
        key=key or f"deposit:{owner.pk}:{asset}",
        source=platform_account(CLEARING, asset, "bank"),
        target=target,
        money=money,
        kind="deposit",
    )
    return target


def balance(code: AccountCode) -> Money:
    """The running balance as stored."""
    stored = Account.objects.get(code=str(code)).money
    assert stored is not None
    return stored


def operation(key: str, *legs: tuple[AccountCode, Money], **more: Any) -> NewOperation:
    """An operation of kind "test"."""
    return NewOperation(kind=more.pop("kind", "test"), key=key, legs=legs, **more)
