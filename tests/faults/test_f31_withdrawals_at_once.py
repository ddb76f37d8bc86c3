"""F31: a withdrawal approved by two admins, approval against cancellation, 10 × 150 of 1,000: one payout; six pass,
four are refused, 100 are left."""

from collections import Counter

import pytest

from tests.at_once import at_once
from tests.cast import bea, give, olu, usd, wallet_of
from tests.withdrawals.stories import S, a_destination, a_request, ada, approved, held_for, quote, terms
from wallets.accounts import HELD
from wallets.actions.cancel_withdrawal import cancel_withdrawal
from wallets.errors import InsufficientFunds, Refusal
from wallets.models import Operation, Withdrawal
from wallets.proof import check_ledger

pytestmark = pytest.mark.django_db(transaction=True)


def test_ten_requests_of_150_from_1000_are_six_withdrawals_and_four_refusals() -> None:
    give(bea(), "1000.00")
    owner, target, price = bea(), a_destination(bea()), terms("150.00", fee="3.00")

    def ask(number: int) -> str:
        try:
            a_request(
                "150.00",
                owner=owner,
                is_given=False,
                destination=target,
                terms=price,
                request_key=f"update:{number}",
            )
        except InsufficientFunds:
            return "refused"
        return "accepted"

    assert Counter(at_once(ask, range(10))) == {"accepted": 6, "refused": 4}
    assert (wallet_of(owner), wallet_of(owner, HELD)) == (usd("100.00"), usd("900.00"))
    assert Withdrawal.objects.count() == 6
    assert check_ledger(full=True).breaches == []


def test_two_admins_and_the_owner_at_once_leave_one_payout_or_none() -> None:
    for _ in range(3):
        request = a_request("10.00", terms=terms("10.00", fee="0.50"))
        given = quote(request)

        def act(who: str, request: Withdrawal = request, given: object = given) -> bool:
            try:
                if who == "owner":
                    cancel_withdrawal(actor=bea(), withdrawal_id=request.pk)
                else:
                    approved(request, {"olu": olu, "ada": ada}[who](), payout=given)
            except Refusal:
                return False
            return True

        olu(), ada()
        done = at_once(act, ["olu", "ada", "owner"])
        request.refresh_from_db()
        assert sum(done) == 1
        assert request.status == (S.CANCELLED if done[2] else S.PROCESSING)
        assert held_for(request) == usd("0.00" if done[2] else "10.00")
        posted = Operation.objects.filter(key=f"withdrawal:{request.public_id}:approve")
        assert posted.count() == (0 if done[2] else 1)
    assert check_ledger(full=True).breaches == []
