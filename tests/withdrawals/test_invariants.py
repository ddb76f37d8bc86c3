"""Any sequence of acts on withdrawals leaves the books proven: a Hypothesis machine beside plain numbers (B8)."""

from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from lockbay.people.models import User
from tests.cast import give, olu, usd, wallet_of
from tests.withdrawals.stories import (
    S,
    a_destination,
    a_request,
    ada,
    approved,
    failed,
    quote,
    reversed_,
    sent,
    settled,
    terms,
    unknown,
)
from wallets.accounts import AFFILIATE, AVAILABLE, HELD
from wallets.actions.cancel_withdrawal import cancel_withdrawal
from wallets.actions.fail_withdrawal import fail_withdrawal
from wallets.actions.reject_withdrawal import reject_withdrawal
from wallets.errors import Refusal
from wallets.models import Withdrawal
from wallets.money import Money
from wallets.proof import check_ledger
from wallets.withdrawal_states import CLOSED, IN_FLIGHT, PAID_OUT, PENDING, TRANSITIONS, WithdrawalStatus

_ACTS: dict[str, tuple[WithdrawalStatus, Any]] = {
    "approve": (S.PROCESSING, lambda w: approved(w, ada(), payout=quote(w))),
    "reject": (S.REJECTED, lambda w: reject_withdrawal(actor=ada(), withdrawal_id=w.pk, revision=1, reason="no")),
    "cancel": (S.CANCELLED, lambda w: cancel_withdrawal(actor=w.owner, withdrawal_id=w.pk)),
    "send": (S.SENT, sent),
    "lose": (S.UNKNOWN, unknown),
    "settle": (S.COMPLETED, settled),
    "fail": (S.FAILED, failed),
    "reverse": (S.REVERSED, reversed_),
}


class Payouts(RuleBasedStateMachine):
    """Asks, decides, sends, loses, settles, fails, reverses, in any order and state; after each step the accounts
    equal the model's, and the proof is green."""

    @initialize()
    def open(self) -> None:
        self.savepoint = transaction.savepoint()  # not a block: the acts' own are durable
        self.owner = User.objects.create_user(username="bea")
        olu(), ada()
        for kind in (AVAILABLE, AFFILIATE):
            give(self.owner, "120.00", kind=kind)
        self.target = a_destination(self.owner)
        self.status: dict[int, WithdrawalStatus] = {}
        self.asked: dict[int, tuple[str, Money]] = {}

    def teardown(self) -> None:
        if hasattr(self, "savepoint"):
            transaction.savepoint_rollback(self.savepoint)

    @rule(amount=st.integers(100, 6_000), kind=st.sampled_from([AVAILABLE, AFFILIATE]), is_paid=st.booleans())
    def ask(self, amount: int, kind: str, is_paid: bool) -> None:
        money = Money(amount, "USD")
        try:
            request = a_request(
                money.plain(),
                owner=self.owner,
                destination=self.target,
                is_given=False,
                account_kind=kind,
                terms=terms(money.plain(), fee="0.50", network_fee="0.10"),
            )
        except Refusal:
            assert money < usd("2.00") or self._left(kind) < money or len(self.asked) >= 10
            return
        self.status[request.pk], self.asked[request.pk] = S.PENDING_APPROVAL, (kind, money)
        if is_paid:
            settled(approved(request, ada()))
            self.status[request.pk] = S.COMPLETED

    @rule(data=st.data(), sensible=st.sampled_from([True, True, False]))
    def act(self, data: st.DataObject, sensible: bool) -> None:
        """Mostly what the state allows, so that the far ends are reached; else anything at all."""
        if not self.status:
            return
        pk = data.draw(st.sampled_from(sorted(self.status)))
        withdrawal = Withdrawal.objects.select_related("owner", "destination").get(pk=pk)
        before = self.status[pk]
        possible = [name for name, (target, _act) in _ACTS.items() if target in TRANSITIONS[before] or not sensible]
        target, act = _ACTS[data.draw(st.sampled_from(sorted(possible or _ACTS)))]
        try:
            act(withdrawal)
        except Refusal:
            assert target not in TRANSITIONS[before]
            return
        if target in TRANSITIONS[before]:
            self.status[pk] = target

    @rule(data=st.data())
    def two_people_fail_it(self, data: st.DataObject) -> None:
        lost = [pk for pk, status in self.status.items() if status in {S.SENT, S.UNKNOWN}]
        if lost:
            pk = data.draw(st.sampled_from(lost))
            for person in (olu(), ada()):
                fail_withdrawal(actor=person, withdrawal_id=pk, reason="not there")
            self.status[pk] = S.FAILED

    @rule(full=st.booleans())
    def prove(self, full: bool) -> None:
        assert check_ledger(full=full).breaches == []

    @invariant()
    def accounts_equal_the_model(self) -> None:
        if not hasattr(self, "status"):
            return
        assert dict(Withdrawal.objects.values_list("pk", "status")) == {
            pk: status.value for pk, status in self.status.items()
        }
        for kind in (AVAILABLE, AFFILIATE):
            assert wallet_of(self.owner, kind) == self._left(kind)
        waiting = sum(self.asked[pk][1].minor for pk, status in self.status.items() if status in PENDING)
        assert wallet_of(self.owner, HELD).minor == waiting
        assert not IN_FLIGHT & CLOSED

    def _left(self, kind: str) -> Money:
        gone = PENDING | IN_FLIGHT | PAID_OUT
        out = [self.asked[pk] for pk, status in self.status.items() if status in gone]
        return usd("120.00") - Money(sum(money.minor for of, money in out if of == kind), "USD")


@pytest.mark.django_db
def test_any_sequence_of_acts_leaves_the_books_proven() -> None:
    run_state_machine_as_test(
        Payouts,
        settings=hypothesis_settings(
            max_examples=15, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
