"""F22: a reorganisation before the payment is believed: the count starts over and nothing is credited; when the payment
is mined again it is credited once, like any other."""

import pytest

from lockbay.events.models import Event
from payments.models import ChainClaim, Deposit
from payments.states import ClaimState, DepositState
from tests.payments.money_in import payer
from tests.payments.on_chain import NEEDED, PaidOnChain, on_chain  # noqa: F401  a fixture
from wallets.models import Operation
from wallets.money import Money
from wallets.proof import check_ledger
from wallets.queries import balances_of

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_count_starts_over_and_the_payment_is_credited_once_in_its_new_block(on_chain: PaidOnChain) -> None:  # noqa: F811
    intent = on_chain.asked()
    txid = on_chain.sent(intent)
    on_chain.chain.mine(NEEDED - 1)
    on_chain.look()
    assert (ChainClaim.objects.get().confirmations, Deposit.objects.get().state) == (NEEDED - 1, DepositState.PENDING)

    on_chain.drop(txid)
    on_chain.look()
    on_chain.chain.mine(NEEDED)
    on_chain.look()
    claim = ChainClaim.objects.get()
    assert (claim.state, claim.confirmations, claim.note) == (ClaimState.WAITING, 0, "not_seen")
    assert not Operation.objects.exists()

    on_chain.mine_again(txid)
    on_chain.look()
    assert ChainClaim.objects.get().confirmations == 0
    on_chain.chain.mine(NEEDED)
    on_chain.look()
    deposit = Deposit.objects.get()
    assert (deposit.state, deposit.credits, deposit.times_vanished) == (DepositState.CONFIRMED, 1, 0)
    assert balances_of(payer().pk)["available", "USD"] == Money(2000, "USD")
    assert not Event.objects.filter(kind="deposit.vanished").exists()
    assert check_ledger(full=True).breaches == []
