"""Moves money between two accounts of the books."""

from django.db import transaction

from lockbay.people.models import User
from wallets import ledger
from wallets.accounts import AccountCode
from wallets.ledger import NewOperation
from wallets.models import Operation
from wallets.money import Money


def transfer(
    *,
    actor: User | None,
    key: str,
    source: AccountCode,
    target: AccountCode,
    money: Money,
    kind: str = "transfer",
    reference: str = "",
    memo: str = "",
) -> Operation:
    """Posts one operation that takes `money` from `source` and gives it to `target`; the same `key` posts once.

    `actor` is None when the system moves it. Raises: InsufficientFunds, IdempotencyConflict, UnbalancedOperation.
    """
    del actor  # the books keep facts; who asked is in the event of the action that asked
    operation = NewOperation(
        kind=kind, key=key, legs=((source, -money), (target, money)), reference=reference, memo=memo
    )
    with transaction.atomic(durable=True):
        return ledger.post([operation])[0]
