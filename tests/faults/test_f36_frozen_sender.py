"""F36: a sender that froze for longer than its lease, while another took over, has one effect or none. The processes
are real and really stopped; the lease is ended by its clock, not by waiting."""

import os
import signal

import pytest

from payments.payouts.jobs import ask_payouts, send_payouts
from tests.faults.payout_senders import Senders, until_frozen
from tests.payments.payouts.loopback import LoopbackProvider
from tests.payments.payouts.stories import an_approved, attempt_of, let_the_lease_end, make_due, status_of
from wallets.proof import check_ledger

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(120)]


def test_frozen_before_its_call_it_does_not_call_when_it_wakes(provider: LoopbackProvider, senders: Senders) -> None:
    withdrawal = an_approved()
    frozen = senders.start("freeze", "after_claim", withdrawal.pk)
    until_frozen(frozen)
    assert send_payouts() == 0, "the lease is its own"
    let_the_lease_end(withdrawal)
    assert send_payouts() == 1
    os.kill(frozen, signal.SIGCONT)
    senders.wait_for(frozen)
    assert provider.asked_to_pay == {withdrawal.public_id: 1}
    assert (status_of(withdrawal), attempt_of(withdrawal).fence) == ("sent", 2)
    assert check_ledger(full=True).breaches == []


def test_frozen_in_its_call_it_writes_nothing_when_it_wakes(provider: LoopbackProvider, senders: Senders) -> None:
    withdrawal = an_approved()
    frozen = senders.start("freeze", "after_call", withdrawal.pk)
    until_frozen(frozen)
    let_the_lease_end(withdrawal)
    assert send_payouts() == 1, "it is found lost, and not sent again"
    assert status_of(withdrawal) == "unknown"
    os.kill(frozen, signal.SIGCONT)
    assert senders.wait_for(frozen) == 0
    assert status_of(withdrawal) == "unknown", "the answer of the one that lost its lease is not written"
    make_due(withdrawal)
    ask_payouts()
    assert status_of(withdrawal) == "sent"
    assert provider.asked_to_pay == {withdrawal.public_id: 1}
    assert check_ledger(full=True).breaches == []
