"""Any sequence of postings leaves the books proven: a Hypothesis machine beside a model of plain numbers."""

from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from lockbay.people.models import User
from tests.wallets.books import BANK, operation
from wallets import account_rows, ledger
from wallets.accounts import AVAILABLE, FEES, HELD, AccountCode, hold_account, platform_account, user_account
from wallets.actions.reverse_operation import reverse_operation_within
from wallets.debts import taking_legs
from wallets.errors import IdempotencyConflict, InsufficientFunds
from wallets.models import Account, Operation
from wallets.money import Money
from wallets.proof import check_ledger

AMOUNTS = st.integers(1, 500)
PLACES = st.integers(0, 5)


class Books(RuleBasedStateMachine):
    """Posts lists, repeats keys, overdraws, reverses, takes back what is spent; after each step every balance and
    every debt equals the model's and the proof is green."""

    @initialize()
    def open(self) -> None:
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        people = [User.objects.create_user(username=f"p{n}") for n in range(2)]
        self.accounts: list[AccountCode] = [
            user_account(people[0].pk, "USD", AVAILABLE),
            user_account(people[0].pk, "USD", HELD),
            user_account(people[1].pk, "USD", AVAILABLE),
            hold_account("ES010126HYPO", "USD"),
            BANK,
            platform_account(FEES, "USD"),
        ]
        self.model = dict.fromkeys(self.accounts[:4], 0)
        self.owners = {self.accounts[place]: people[n].pk for n, place in enumerate((0, 2))}
        self.debts = dict.fromkeys(self.owners, 0)
        self.posted: dict[str, tuple[int, int, int]] = {}
        self.taken = 0
        self.reversed: set[str] = set()

    def teardown(self) -> None:
        if hasattr(self, "atomic"):
            transaction.set_rollback(True)
            self.atomic.__exit__(None, None, None)
            account_rows.forget_accounts()

    @rule(moves=st.lists(st.tuples(PLACES, PLACES, AMOUNTS), min_size=1, max_size=6))
    def post_a_list(self, moves: list[tuple[int, int, int]]) -> None:
        moves = [(a, b, minor) for a, b, minor in moves if a != b]
        keys = [f"op:{len(self.posted) + n}" for n in range(len(moves))]
        after = self._after(moves)
        new = [self._operation(key, move) for key, move in zip(keys, moves, strict=True)]
        if after is None:
            with pytest.raises(InsufficientFunds), transaction.atomic():
                ledger.post(new)
            return
        with transaction.atomic():
            assert [stored.key for stored in ledger.post(new)] == keys
        self.model, self.debts = after
        self.posted.update(zip(keys, moves, strict=True))

    @rule(data=st.data(), changes=st.booleans())
    def repeat_a_key(self, data: st.DataObject, changes: bool) -> None:
        if not self.posted:
            return
        key = data.draw(st.sampled_from(sorted(self.posted)))
        source, target, minor = self.posted[key]
        if changes:
            with pytest.raises(IdempotencyConflict), transaction.atomic():
                ledger.post([self._operation(key, (source, target, minor + 1))])
        else:
            with transaction.atomic():
                ledger.post([self._operation(key, (source, target, minor))])

    @rule(data=st.data())
    def reverse_one(self, data: st.DataObject) -> None:
        if not self.posted:
            return
        key = data.draw(st.sampled_from(sorted(self.posted)))
        source, target, minor = self.posted[key]
        stored = Operation.objects.get(key=key)
        after = (self.model, self.debts) if key in self.reversed else self._after([(target, source, minor)])
        try:
            with transaction.atomic():
                reverse_operation_within(actor=None, operation_id=stored.pk, reason="test")
        except InsufficientFunds:
            assert after is None
        else:
            assert after is not None
            self.model, self.debts = after
            self.reversed.add(key)

    @rule(place=st.sampled_from([0, 2]), minor=AMOUNTS)
    def take_back(self, place: int, minor: int) -> None:
        """A payment vanished: what is there is taken, the rest is owed."""
        code = self.accounts[place]
        with transaction.atomic():
            available = ledger.lock_balances([code])[code]
            legs = taking_legs(owner_id=self.owners[code], need=Money(minor, "USD"), available=available)
            self.taken += 1
            ledger.post([operation(f"back:{self.taken}", (BANK, Money(minor, "USD")), *legs)])
        taken = min(minor, self.model[code])
        self.model[code] -= taken
        self.debts[code] += minor - taken

    @invariant()
    def balances_equal_the_model(self) -> None:
        if not hasattr(self, "model"):
            return
        stored: dict[str, Any] = dict(Account.objects.filter(balance__isnull=False).values_list("code", "balance"))
        assert {str(code): minor for code, minor in self.model.items() if minor} == {
            code: minor for code, minor in stored.items() if minor
        }
        owed = dict(Account.objects.filter(owes__gt=0).values_list("code", "owes"))
        assert {str(code): minor for code, minor in self.debts.items() if minor} == owed

    @rule(full=st.booleans())
    def prove(self, full: bool) -> None:
        assert check_ledger(full=full).breaches == []

    def _operation(self, key: str, move: tuple[int, int, int]) -> ledger.NewOperation:
        source, target, minor = move
        return operation(
            key, (self.accounts[source], Money(-minor, "USD")), (self.accounts[target], Money(minor, "USD"))
        )

    def _after(self, moves: list[tuple[int, int, int]]) -> tuple[dict[AccountCode, int], dict[AccountCode, int]] | None:
        after, debts, lowest = dict(self.model), dict(self.debts), dict(self.model)
        for source, target, minor in moves:
            for place, delta in ((source, -minor), (target, minor)):
                if self.accounts[place] in after:
                    after[self.accounts[place]] += delta
            if any(balance < 0 for balance in after.values()):
                return None
            lowest = {code: min(least, after[code]) for code, least in lowest.items()}
        for code, owed in self.debts.items():
            collected = min(owed, after[code] - lowest[code])
            after[code], debts[code] = after[code] - collected, owed - collected
        return after, debts


@pytest.mark.django_db
def test_any_sequence_leaves_the_books_proven() -> None:
    run_state_machine_as_test(
        Books,
        settings=settings(
            max_examples=40, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
