"""Whose turn it is in a storm, and what they may pick from."""

import random
from dataclasses import dataclass

from lockbay.people.models import User
from wallets.models import Withdrawal
from wallets.money import Money
from wallets.withdrawal_states import WithdrawalStatus as S

RECENT = 30  # one of the last so many is picked: old stories come to rest, and rivals meet


@dataclass(frozen=True)
class Turn:
    """One action: `key` names it for ever, also when it is done again by whoever takes over from a killed worker."""

    key: str
    chance: random.Random
    people: list[User]
    staff: list[User]

    def person(self) -> User:
        return self.chance.choice(self.people)

    def money(self, least: int, most: int) -> Money:
        return Money(self.chance.randint(least, most), "USD")

    def withdrawal(self, *statuses: S) -> Withdrawal | None:
        """One of the newest in these states."""
        rows = Withdrawal.objects.filter(status__in=statuses).select_related("owner").order_by("-pk")[:RECENT]
        found = list(rows)
        return self.chance.choice(found) if found else None


def everybody() -> tuple[list[User], list[User]]:
    """The people of the storm and the staff, in an order that never changes."""
    people = User.objects.filter(username__startswith="storm").order_by("pk")
    return list(people), list(User.objects.filter(is_staff=True).order_by("pk"))
