"""Whatever comes, goes and comes back, in whatever order: hold, flag and rows agree, and nobody's money is made up."""

from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from escrows.actions.accept import accept_escrow
from escrows.actions.end_frozen import end_frozen_escrow
from escrows.actions.mark_delivered import mark_delivered
from escrows.actions.pay_from_wallet import pay_from_wallet
from escrows.actions.release import release_escrow
from escrows.actions.take_back_short import take_back_short
from escrows.errors import EscrowRefusal
from escrows.preview import end_frozen_preview, payment_preview, release_preview, take_back_preview
from escrows.proof import check_frozen, check_holds
from payments.purposes import CreditedDeposit
from tests.cast import a_waiting_trade, bea, give, held_by, olu, sol, usd, wallet_of
from tests.escrows.deposits import a_deposit, again, credit, take_back
from wallets import account_rows
from wallets.accounts import FEES, TOLERANCE, platform_account
from wallets.debts import debt_of
from wallets.proof import check_ledger
from wallets.queries import balance_of

VALUES = st.sampled_from(["9.00", "12.00", "20.60", "21.00", "25.00"])
STEPS = ("accept", "deliver", "release")


class OneTrade(RuleBasedStateMachine):
    """`there` are deposits that are credited now, `gone` those that have vanished."""

    @initialize(value=VALUES, done=st.integers(0, len(STEPS)))
    def open(self, value: str, done: int) -> None:
        """The trade begins paid or short, and has come some way: what matters is what happens to it then."""
        self.atomic = transaction.atomic()
        self.atomic._from_testcase = True  # type: ignore[attr-defined]  # durable acts may nest in it
        self.atomic.__enter__()
        self.trade = a_waiting_trade()
        self.there: list[CreditedDeposit] = []
        self.gone: list[CreditedDeposit] = []
        give(bea(), "30.00")
        self._credit(value)
        for step in STEPS[:done]:
            self.somebody_acts(step)

    def teardown(self) -> None:
        if hasattr(self, "atomic"):
            assert check_ledger(full=True).breaches == []
            transaction.set_rollback(True)
            self.atomic.__exit__(None, None, None)
            account_rows.forget_accounts()

    @rule(value=VALUES)
    def money_comes(self, value: str) -> None:
        self._credit(value)

    @precondition(lambda self: self.there)
    @rule()
    def all_money_vanishes(self) -> None:
        take_back(*self.there)
        self.there, self.gone = [], [*self.gone, *self.there]

    @precondition(lambda self: self.there)
    @rule()
    def the_oldest_money_vanishes(self) -> None:
        take_back(self.there[0])
        self.gone.append(self.there.pop(0))

    @precondition(lambda self: self.gone)
    @rule(newest=st.booleans())
    def money_comes_back(self, newest: bool) -> None:
        back = again(self.gone.pop(-1 if newest else 0))
        credit(back)
        self.there.append(back)

    @rule(act=st.sampled_from([*STEPS, "pay", "end", "short"]))
    def somebody_acts(self, act: str) -> None:
        self.trade.refresh_from_db()
        try:
            self._do(act, self.trade.pk)
        except EscrowRefusal:
            assert self.trade.pk  # refused, and the invariants below say that nothing is wrong

    @invariant()
    def nothing_is_made_up(self) -> None:
        if not hasattr(self, "atomic"):
            return
        assert [*check_holds(True), *check_frozen(True)] == []
        came = sum((deposit.value for deposit in self.there), usd("30.00"))
        house = balance_of(platform_account(TOLERANCE, "USD")) + balance_of(platform_account(FEES, "USD"))
        people = wallet_of(bea()) + wallet_of(sol()) - debt_of(bea().pk)
        assert held_by(self.trade) + people + house == came

    def _credit(self, value: str) -> None:
        deposit = a_deposit(self.trade, value)
        credit(deposit)
        self.there.append(deposit)

    def _do(self, act: str, pk: int) -> Any:
        if act == "accept":
            return accept_escrow(actor=sol(), escrow_id=pk)
        if act == "deliver":
            return mark_delivered(actor=sol(), escrow_id=pk)
        if act == "release":
            return release_escrow(actor=bea(), escrow_id=pk, digest=release_preview(self.trade).digest)
        if act == "pay":
            return pay_from_wallet(actor=bea(), escrow_id=pk, digest=payment_preview(self.trade).digest)
        if act == "short":
            return take_back_short(actor=bea(), escrow_id=pk, digest=take_back_preview(self.trade).digest)
        digest = end_frozen_preview(self.trade).digest
        return end_frozen_escrow(actor=olu(), escrow_id=pk, reason="gone", digest=digest)


@pytest.mark.django_db
def test_any_order_of_coming_and_going_leaves_the_trade_proven() -> None:
    run_state_machine_as_test(
        OneTrade,
        settings=settings(
            max_examples=20,
            stateful_step_count=8,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
