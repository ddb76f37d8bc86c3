"""Which part of a deposit still lies in the hold of its trade, read from the books (P7)."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import F

from escrows.models import Escrow
from payments.purposes import VanishedDeposit
from wallets.accounts import AVAILABLE, TOLERANCE, AccountCode, hold_account, user_account
from wallets.ledger import lock_balances
from wallets.models import Account, Entry
from wallets.money import Money


@dataclass(frozen=True)
class _Step:
    """One entry of a hold: what operation `operation_id` moved, and what lay there after it."""

    operation_id: int
    amount: int
    after: int


@dataclass
class Origins:
    """`balances` are locked and run along as deposits are taken: holds by their code, and the payers' wallets."""

    balances: dict[AccountCode, Money]
    steps: dict[AccountCode, list[_Step]]
    tolerance: dict[int, int]  # what the house added, by the operation that credited

    @classmethod
    def of(cls, pairs: Sequence[tuple[Escrow, VanishedDeposit]]) -> "Origins":
        """Reads what the trades' holds went through and locks them with the payers' wallets: a constant number of
        queries."""
        holds = {str(code): code for code in (hold_account(escrow.public_id, escrow.asset) for escrow, _ in pairs)}
        steps: dict[AccountCode, list[_Step]] = {}
        entries = Entry.objects.filter(account__in=Account.objects.filter(code__in=sorted(holds)))
        for entry in entries.order_by("id").select_related("account"):
            step = _Step(entry.operation_id, entry.amount, entry.balance_after or 0)
            steps.setdefault(holds[entry.account.code], []).append(step)
        reversed_ids = sorted({one.reverses_id for _, one in pairs})
        added = Entry.objects.filter(operation_id__in=reversed_ids, account__kind=TOLERANCE, amount__lt=0)
        tolerance = dict(added.annotate(given=-F("amount")).values_list("operation_id", "given"))
        wallets = {user_account(one.intent.payer_id, one.value.asset, AVAILABLE) for _, one in pairs}
        return cls(lock_balances([*steps, *wallets]), steps, tolerance)

    def take(self, escrow: Escrow, one: VanishedDeposit) -> tuple[Money, Money]:
        """What leaves the hold for this deposit, and how much of that is the house's tolerance.

        What was given back or paid out since is not there any more: the hold never held less than what is left of it.
        """
        hold = hold_account(escrow.public_id, escrow.asset)
        steps = self.steps.get(hold, [])
        place = next((n for n, step in enumerate(steps) if step.operation_id == one.reverses_id), None)
        if place is None:
            return Money(0, escrow.asset), Money(0, escrow.asset)
        put_in = steps[place].amount
        taken = max(min(put_in, *(step.after for step in steps[place:])), 0)
        tolerance = max(self.tolerance.get(one.reverses_id, 0) - (put_in - taken), 0)
        left = self.balances[hold].minor - taken
        self.balances[hold] = Money(left, escrow.asset)
        steps.append(_Step(0, -taken, left))
        return Money(taken, escrow.asset), Money(tolerance, escrow.asset)
