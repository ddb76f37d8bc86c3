"""F7: a provider's webhook, a second provider, our own watching and a pasted hash report one payment, in any order and
at once: one credit. The places are spelled differently on purpose: what is one address is one key."""

from collections.abc import Iterator
from itertools import permutations
from typing import Any

import pytest
from pytest_django import Settings

from lockbay import clock
from payments import chains, jobs
from payments.actions.apply_event import drain
from payments.actions.claim_transaction import claim_transaction
from payments.actions.start_intent import ask_for_address
from payments.chains.addresses import checksummed_evm
from payments.models import ChainClaim, Deposit, Intent
from payments.states import ClaimState, DepositState
from tests.at_once import at_once
from tests.payments.money_in import a_txid, an_intent
from tests.payments.providers.rails import RAILS, configure
from tests.plugins.local_chain import LocalChain
from wallets.models import Operation
from wallets.proof import check_ledger

pytestmark = pytest.mark.django_db(transaction=True)

NEEDED = 20
SANDBOX, DYNOPAY = (next(rail for rail in RAILS if rail.name == name) for name in ("sandbox", "dynopay"))
REPORTERS = ("a provider", "another provider", "our watching")
MODERN, LEGACY = "M7uBSTV2qNDHDe2tHfNMqhFkZucgRMpJQk", "31h38a54tFMrR8kzBnP2241MFD2EUHtGha"


@pytest.fixture(scope="session")
def token(local_chain: LocalChain) -> str:
    return local_chain.deploy("Token", "USDT", 6)


@pytest.fixture
def chain(local_chain: LocalChain, token: str, settings: Settings) -> Iterator[LocalChain]:
    configure(settings)
    settings.CHAIN_ENDPOINTS = {"ethereum": [local_chain.url]}
    settings.CHAIN_TEST_TOKENS = [f"ethereum:USDT:{token}:6"]
    settings.CHAIN_BREAKER_FAILURES = 1
    yield local_chain
    chains.forget_readers()


class Story:
    """One payment to one address that three requests were given, each in a spelling of its own."""

    def __init__(self, chain: LocalChain, token: str, settings: Settings) -> None:
        address = chain.fresh_address()
        settings.ONCHAIN_ADDRESSES = {"ERC20": checksummed_evm(address)}
        asked = an_intent(provider="onchain", network="ERC20", is_open=False)
        self.ours = ask_for_address(asked.pk)
        self.first = opened("sandbox", "ERC20", "0x" + address[2:].upper())
        self.second = opened("dynopay", "ERC20", f" {address}")
        self.txid = chain.send_token(token, address, self.ours.pay_minor)
        chain.mine(NEEDED)
        self.amount = self.ours.pay_amount.plain()

    def report(self, reporter: str) -> None:
        if reporter == "a provider":
            told = {"currency": "USDT", "network": "ERC20", "amount_received": self.amount, "txid": self.txid}
            assert SANDBOX.send(SANDBOX.event(self.first, SANDBOX.confirmed, **told)) == 200
        elif reporter == "another provider":
            told = {"currency": "USDT-ERC20", "amount": self.amount, "txId": self.txid[2:].upper()}
            assert DYNOPAY.send(DYNOPAY.event(self.second, DYNOPAY.confirmed, **told)) == 200
        elif reporter == "our watching":
            jobs.watch_addresses()
            look_at_claims()
        else:
            claim_transaction(actor=self.ours.payer, intent_id=self.ours.pk, text=self.txid)
            look_at_claims()

    def require_one_credit(self) -> None:
        drain()
        look_at_claims()
        drain()
        credited = Deposit.objects.filter(txid=self.txid, state=DepositState.CONFIRMED)
        assert [(deposit.chain, deposit.credits) for deposit in credited] == [("ethereum", 1)]
        assert Deposit.objects.filter(txid=self.txid).count() == 1
        assert Operation.objects.filter(reference=self.txid).count() == 1


def opened(provider: str, network: str, address: str, **terms: Any) -> Intent:
    intent = an_intent(provider=provider, network=network, **terms)
    Intent.objects.filter(pk=intent.pk).update(address=address)
    intent.refresh_from_db()
    return intent


def look_at_claims() -> None:
    ChainClaim.objects.filter(state=ClaimState.WAITING).update(next_look_at=clock.real_now())
    jobs.look_at_claims()


def test_in_any_order_it_is_one_credit(chain: LocalChain, token: str, settings: Settings) -> None:
    for order in permutations(REPORTERS):
        story = Story(chain, token, settings)
        chains.forget_readers()
        for reporter in order:
            story.report(reporter)
        story.require_one_credit()
        Intent.objects.update(expires_at=clock.now() - settings.ONCHAIN_WATCH_AFTER)  # nobody waits there any more
    assert check_ledger(full=True).breaches == []


@pytest.mark.parametrize("ours", ["our watching", "a pasted hash"])
def test_at_once_it_is_one_credit(chain: LocalChain, token: str, settings: Settings, ours: str) -> None:
    story = Story(chain, token, settings)
    chains.forget_readers()
    at_once(story.report, ["a provider", "another provider", ours, "our watching", "a provider"])
    story.require_one_credit()
    assert check_ledger(full=True).breaches == []


@pytest.mark.parametrize("spelled", [(MODERN, LEGACY), (LEGACY, MODERN)])
def test_two_providers_that_spell_the_address_in_two_ways_are_one_credit(
    settings: Settings, spelled: tuple[str, str]
) -> None:
    configure(settings)
    terms = {"asset": "LTC", "rate": "80", "price": "20.00"}
    first, second = (
        opened(name, "LTC", text, **terms) for name, text in zip(("sandbox", "dynopay"), spelled, strict=True)
    )
    txid, amount = a_txid(spelled), first.pay_amount.plain()
    told = {"currency": "LTC", "network": "LTC", "amount_received": amount, "txid": txid}
    SANDBOX.send(SANDBOX.event(first, SANDBOX.confirmed, **told))
    DYNOPAY.send(DYNOPAY.event(second, DYNOPAY.confirmed, currency="LTC", amount=amount, txId=txid))
    drain()
    (deposit,) = Deposit.objects.filter(txid=txid)
    assert (deposit.recipient, deposit.credits) == (MODERN, 1)
