"""A floored account while a call of the ledger works on it: its balance, and what its owner owes, run along."""

from dataclasses import dataclass, field

from wallets.debts import loss_account
from wallets.errors import InsufficientFunds
from wallets.money import Money


@dataclass
class Running:
    """An account under our lock. `owes` is the debt of an available account, in minor units (P7).

    `lowest` is the least it held in this call so far: what it holds above that has come in and may settle the debt.
    `raised_by` is the id of the last operation that raised it.
    """

    id: int
    code: str
    asset: str
    balance: int
    owes: int
    owner_id: int | None
    is_touched: bool = False
    is_debt_touched: bool = False
    raised_by: int = 0
    lowest: int = field(init=False)
    _before: tuple[int, int] = field(init=False)

    def __post_init__(self) -> None:
        self.lowest, self._before = self.balance, (self.balance, self.owes)

    def add(self, minor: int) -> int:
        """Adds one leg and returns the balance after it."""
        self.balance += minor
        self.is_touched = True
        return self.balance

    def add_loss(self, minor: int) -> None:
        """Adds one leg on the loss account of this account's owner."""
        self.owes -= minor
        self.is_touched = self.is_debt_touched = True

    def end_operation(self, operation_id: int) -> None:
        """Called after the last leg of an operation. Raises: InsufficientFunds; a debt cannot be paid twice either."""
        balance, owes = self._before
        if self.balance < 0:
            raise InsufficientFunds(code=self.code, asset=self.asset, available=balance, wanted=balance - self.balance)
        if self.owes < 0:
            assert self.owner_id is not None  # noqa: S101  only available accounts owe, and they have owners
            code = str(loss_account(self.owner_id, self.asset))
            raise InsufficientFunds(code=code, asset=self.asset, available=owes, wanted=owes - self.owes)
        if self.balance > balance:
            self.raised_by = operation_id
        self.lowest = min(self.lowest, self.balance)
        self._before = self.balance, self.owes

    @property
    def collectable(self) -> Money:
        """What has come in during this call and goes to the debt."""
        return Money(min(self.balance - self.lowest, self.owes), self.asset)
