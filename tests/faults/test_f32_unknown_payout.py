"""F32: whatever becomes of a sender or of an answer, a provider is asked to pay at most once for each reference, and
the end state is right. Senders are real processes that are killed; the provider is a real server that counts."""

import os
import signal
from datetime import timedelta

import pytest

from lockbay import clock
from payments.payouts.jobs import ask_payouts, send_payouts
from tests import cast
from tests.faults.payout_senders import Senders
from tests.faults.payout_stage import POINTS
from tests.payments.payouts.loopback import LoopbackProvider
from tests.payments.payouts.stories import an_approved, attempt_of, let_the_lease_end, make_due, status_of
from wallets.models import Withdrawal
from wallets.proof import check_ledger

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(120)]

PEOPLE, EACH = 5, 10
KILLED = -signal.SIGKILL
# What the healthy workers after the crash make of it, and how often the provider was asked to pay.
ENDS = {
    "before_claim": ("sent", 1),
    "after_claim": ("sent", 1),
    "after_guard": ("unknown", 0),  # nobody can tell that it never came to the call
    "after_call": ("sent", 1),
    "before_commit": ("sent", 1),
    "after_commit": ("sent", 1),
}


def heal(withdrawal: Withdrawal) -> None:
    """The workers of the next minutes."""
    let_the_lease_end(withdrawal)
    for _ in range(3):
        make_due(withdrawal)
        send_payouts()
        ask_payouts()


def test_killed_at_every_step_it_is_asked_to_pay_at_most_once(provider: LoopbackProvider, senders: Senders) -> None:
    assert set(ENDS) == set(POINTS)
    ends = {}
    for point in POINTS:
        withdrawal = an_approved()
        assert senders.run("die", point, withdrawal.pk) == KILLED, point
        heal(withdrawal)
        ends[point] = (status_of(withdrawal), provider.asked_to_pay[withdrawal.public_id])
    assert ends == ENDS
    assert check_ledger(full=True).breaches == []


def test_killed_while_the_provider_has_the_order_it_is_found_by_our_reference(
    provider: LoopbackProvider, senders: Senders
) -> None:
    withdrawal = an_approved()
    provider.on_order = lambda: os.kill(pid, signal.SIGKILL)
    pid = senders.start("die", "never", withdrawal.pk)
    assert senders.wait_for(pid) == KILLED
    assert status_of(withdrawal) == "processing"
    assert attempt_of(withdrawal).outcome == "calling", "the intent was committed before the call"
    heal(withdrawal)
    assert status_of(withdrawal) == "sent"
    provider.orders[withdrawal.public_id]["status"] = "paid"
    make_due(withdrawal)
    ask_payouts()
    assert status_of(withdrawal) == "completed"
    assert provider.asked_to_pay == {withdrawal.public_id: 1}
    assert provider.looked_up[withdrawal.public_id] >= 1


def test_one_that_never_arrived_gives_the_money_back_when_that_is_proven(
    provider: LoopbackProvider, senders: Senders
) -> None:
    withdrawal = an_approved()
    assert senders.run("die", "after_guard", withdrawal.pk) == KILLED
    heal(withdrawal)
    assert status_of(withdrawal) == "unknown"
    withdrawal.payout_attempts.update(called_at=clock.real_now() - timedelta(minutes=10))
    heal(withdrawal)
    assert status_of(withdrawal) == "failed"
    assert cast.wallet_of(cast.bea()) == cast.usd("50.00")
    assert not provider.asked_to_pay


def test_two_workers_race_over_fifty_payouts_and_each_is_asked_for_once(
    provider: LoopbackProvider, senders: Senders
) -> None:
    people = [cast._person(f"p{n}", 2000 + n) for n in range(PEOPLE)]
    withdrawals = [an_approved(owner=person) for person in people for _ in range(EACH)]
    both = [senders.start("work"), senders.start("work")]
    assert [senders.wait_for(pid) for pid in both] == [0, 0]
    assert provider.asked_to_pay == {withdrawal.public_id: 1 for withdrawal in withdrawals}
    assert set(Withdrawal.objects.values_list("status", flat=True)) == {"sent"}
    assert check_ledger(full=True).breaches == []
