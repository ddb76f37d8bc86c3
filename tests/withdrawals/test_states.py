"""Every cell of the table, through the one writer of the status."""

import pytest

from tests.withdrawals.stories import a_withdrawal_in
from wallets.errors import WrongWithdrawalStatus
from wallets.models import Withdrawal
from wallets.withdrawal_moving import amend_withdrawal, move_withdrawal
from wallets.withdrawal_states import CLOSED, IN_FLIGHT, OPEN, TRANSITIONS, WithdrawalStatus

pytestmark = pytest.mark.django_db
S = WithdrawalStatus


def test_a_step_is_taken_where_the_table_allows_it_and_refused_everywhere_else() -> None:
    for status in WithdrawalStatus:
        _walk(status)


def _walk(status: WithdrawalStatus) -> None:
    withdrawal = a_withdrawal_in(status)
    as_it_was = Withdrawal.objects.filter(pk=withdrawal.pk).values().get()
    facts = {"approved_at": withdrawal.requested_at, "payout_minor": 1}
    for target in WithdrawalStatus:
        closing = {"closed_at": withdrawal.requested_at if target in CLOSED else None}
        if target in TRANSITIONS[status]:
            move_withdrawal(withdrawal, target, **facts, **closing)
            assert withdrawal.status == target
            assert withdrawal.moves == as_it_was["moves"] + 1
            Withdrawal.objects.filter(pk=withdrawal.pk).update(**as_it_was)
            withdrawal.refresh_from_db()
        else:
            with pytest.raises(WrongWithdrawalStatus):
                move_withdrawal(withdrawal, target, **facts, **closing)
            assert Withdrawal.objects.filter(pk=withdrawal.pk).values().get() == as_it_was


def test_every_status_has_its_row_and_nothing_goes_back_to_be_approved_again() -> None:
    assert set(TRANSITIONS) == set(WithdrawalStatus)
    assert frozenset(WithdrawalStatus) == OPEN | CLOSED
    for status in (S.SENT, S.UNKNOWN, *CLOSED):
        assert not TRANSITIONS[status] & {S.PENDING_APPROVAL, S.AWAITING_REGISTRATION, S.PROCESSING}
    assert S.COMPLETED not in IN_FLIGHT


def test_whoever_read_an_older_row_is_refused() -> None:
    first = a_withdrawal_in(S.PROCESSING)
    second = Withdrawal.objects.get(pk=first.pk)
    move_withdrawal(first, S.SENT)
    move_withdrawal(first, S.UNKNOWN)
    with pytest.raises(WrongWithdrawalStatus):
        move_withdrawal(second, S.SENT)
    with pytest.raises(WrongWithdrawalStatus):
        amend_withdrawal(second, allowed=OPEN, reason="late")


def test_the_status_is_moved_not_amended() -> None:
    withdrawal = a_withdrawal_in(S.PROCESSING)
    for name in ("status", "moves"):
        with pytest.raises(ValueError, match="moved"):
            amend_withdrawal(withdrawal, allowed=OPEN, **{name: 1})
