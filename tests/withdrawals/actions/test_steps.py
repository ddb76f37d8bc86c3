"""What a rail reports, in its own transaction: the triple for each step, and where the money is then (W4, W6)."""

import pytest

from lockbay.events.kinds import Kind
from lockbay.people.models import User
from tests.cast import bea, olu, usd, wallet_of
from tests.withdrawals.actions.triple import Triple
from tests.withdrawals.debtors import owes
from tests.withdrawals.stories import (
    S,
    a_withdrawal_in,
    failed,
    held_for,
    kinds_of,
    reversed_,
    sent,
    settled,
    stepped,
    unknown,
)
from wallets.accounts import HELD
from wallets.actions.payout_stops import stop_payouts
from wallets.errors import DebtOpen, NotProcessing, PayoutsStopped, WrongWithdrawalStatus
from wallets.models import Withdrawal
from wallets.withdrawal_policy import require_may_be_sent
from wallets.withdrawal_states import WithdrawalStatus
from wallets.withdrawal_steps import mark_sent_within

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("books_green")]


class TestSent(Triple):
    allowed = {S.PROCESSING: S.SENT, S.UNKNOWN: S.SENT}
    answered = frozenset({S.SENT})

    def act(self, withdrawal: Withdrawal, actor: User | None = None) -> object:
        return sent(withdrawal)

    def test_it_keeps_when_and_the_reference_and_the_money_stays_on_its_hold(self) -> None:
        done = sent(a_withdrawal_in(S.PROCESSING))
        assert (done.provider_reference, held_for(done)) == ("P-1", usd("50.00"))
        assert done.sent_at is not None
        again = stepped(unknown(done), mark_sent_within, provider_reference="")
        assert again.provider_reference == "P-1"


class TestUnknown(Triple):
    allowed = {S.PROCESSING: S.UNKNOWN, S.SENT: S.UNKNOWN}
    answered = frozenset({S.UNKNOWN})

    def act(self, withdrawal: Withdrawal, actor: User | None = None) -> object:
        return unknown(withdrawal)


class TestSettled(Triple):
    allowed = {S.PROCESSING: S.COMPLETED, S.SENT: S.COMPLETED, S.UNKNOWN: S.COMPLETED}
    answered = frozenset({S.COMPLETED})

    def act(self, withdrawal: Withdrawal, actor: User | None = None) -> object:
        return settled(withdrawal)

    def test_a_success_after_a_failure_is_refused_and_pays_nothing_twice(self) -> None:
        done = failed(a_withdrawal_in(S.SENT))
        with pytest.raises(WrongWithdrawalStatus):
            settled(done)
        assert wallet_of(bea()) == usd("50.00")


class TestFailed(Triple):
    allowed = {
        S.PROCESSING: S.FAILED,
        S.SENT: S.FAILED,
        S.UNKNOWN: S.FAILED,
        S.AWAITING_REGISTRATION: S.FAILED,
    }
    answered = frozenset({S.FAILED})

    def act(self, withdrawal: Withdrawal, actor: User | None = None) -> object:
        return failed(withdrawal)

    def test_all_of_it_is_back_and_nothing_is_held(self) -> None:
        done = failed(a_withdrawal_in(S.PROCESSING))
        assert (wallet_of(bea()), wallet_of(bea(), HELD), held_for(done)) == (usd("50.00"), usd("0.00"), usd("0.00"))
        assert kinds_of(done)[-1] == Kind.WITHDRAWAL_FAILED


class TestReversed(Triple):
    allowed = {S.COMPLETED: S.REVERSED}
    answered = frozenset({S.REVERSED})

    def act(self, withdrawal: Withdrawal, actor: User | None = None) -> object:
        return reversed_(withdrawal)

    def test_what_comes_back_pays_a_debt_first(self) -> None:
        done = a_withdrawal_in(S.COMPLETED)
        owes(bea(), "20.00")
        reversed_(done)
        assert wallet_of(bea()) == usd("30.00")


@pytest.mark.parametrize("status", sorted(set(WithdrawalStatus) - {S.PROCESSING}))
def test_the_guard_at_the_call_lets_nothing_through_that_is_not_processing(status: WithdrawalStatus) -> None:
    with pytest.raises(NotProcessing, match=status.value):
        require_may_be_sent(a_withdrawal_in(status))


def test_the_guard_lets_what_is_processing_through_until_a_stop_or_a_debt() -> None:
    ready = a_withdrawal_in(S.PROCESSING)
    require_may_be_sent(ready)
    owes(bea(), "1.00")
    with pytest.raises(DebtOpen):
        require_may_be_sent(ready)

    stop_payouts(actor=olu(), asset="USDT", reason="the rail behaves oddly")
    with pytest.raises(PayoutsStopped):
        require_may_be_sent(ready)
