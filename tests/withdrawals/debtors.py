"""People who owe us: money was taken back that they had spent (P7)."""

from itertools import count

from django.db import transaction

from lockbay.people.models import User
from tests.cast import usd
from wallets import ledger
from wallets.accounts import CLEARING, platform_account
from wallets.debts import loss_account
from wallets.ledger import NewOperation

_numbers = count(1)


def owes(person: User, amount: str) -> None:
    """From now on `person` owes us `amount`."""
    taken = usd(amount)
    legs = ((loss_account(person.pk, "USD"), -taken), (platform_account(CLEARING, "USD", "bank"), taken))
    with transaction.atomic():
        ledger.post([NewOperation(kind="test", key=f"owes:{person.pk}:{next(_numbers)}", legs=legs)])
