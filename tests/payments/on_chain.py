"""Payments on a real local Ethereum, for tests: asked for, sent, reorganised away, mined again, moved (F22, F23)."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from pytest_django import Settings

from lockbay import clock
from payments import chains, jobs
from payments.actions.claim_transaction import claim_transaction
from payments.actions.start_intent import ask_for_address
from payments.chains.addresses import checksummed_evm
from payments.models import ChainClaim, Intent
from payments.states import ClaimState
from tests.payments.money_in import an_intent, payer
from tests.plugins.local_chain import LocalChain

NEEDED = 20


class PaidOnChain:
    """A chain with an allow-listed token and an address of ours that nobody has paid to yet."""

    def __init__(self, chain: LocalChain, token: str) -> None:
        self.chain, self.token = chain, token
        self._raw: dict[str, str] = {}

    def asked(self, who: str = "bea", price: str = "20.00", **more: Any) -> Intent:
        """A request for `price` in tokens that is open at our own address."""
        purpose = more.pop("purpose", "wallet")
        intent = an_intent(
            provider="onchain", network="ERC20", price=price, who=payer(who), purpose=purpose, is_open=False, **more
        )
        return ask_for_address(intent.pk)

    def sent(self, intent: Intent, amount: int | None = None) -> str:
        """Pays as the intent asks, or `amount` millionths, and pastes the hash, which is returned."""
        minor = intent.pay_minor if amount is None else amount
        txid = self.chain.send_token(self.token, intent.address.lower(), minor)
        self._raw[txid] = self.chain.rpc("eth_getRawTransactionByHash", txid)
        claim_transaction(actor=intent.payer, intent_id=intent.pk, text=txid)
        return txid

    def confirmed(self, intent: Intent, amount: int | None = None) -> str:
        """The same, deep enough, looked at and applied."""
        txid = self.sent(intent, amount)
        self.chain.mine(NEEDED)
        self.look()
        return txid

    def look(self) -> None:
        """The worker looks at whatever waits, due or not."""
        chains.forget_readers()
        ChainClaim.objects.filter(state=ClaimState.WAITING).update(next_look_at=clock.real_now())
        jobs.look_at_claims()

    def recheck(self) -> int:
        """The worker looks again at whatever is believed, due or not; how many payments vanished."""
        chains.forget_readers()
        ChainClaim.objects.filter(recheck_at__isnull=False).update(recheck_at=clock.real_now())
        return jobs.recheck_claims()

    def drop(self, txid: str) -> None:
        """A reorganisation after which no block has it, and no node remembers it."""
        self.chain.rpc("anvil_reorg", self._depth_of(txid), [])
        self._go_on()

    def move(self, txid: str) -> None:
        """A reorganisation that puts it one block later; the chain is as long as before."""
        before, until = self.block_of(txid), time.monotonic() + 20
        self.chain.rpc("anvil_reorg", self._depth_of(txid), [[self._raw[txid], 1]])
        self._go_on()
        while self.block_of(txid) in ("", before):  # the node may answer from what it knew for a moment
            assert time.monotonic() < until, "the transaction is where it was"
            time.sleep(0.01)

    def mine_again(self, txid: str) -> None:
        """The very transaction comes back and is in the newest block."""
        assert self.chain.rpc("eth_sendRawTransaction", self._raw[txid]) == txid
        until = time.monotonic() + 20
        while self.chain.rpc("eth_getTransactionReceipt", txid) is None:
            assert time.monotonic() < until, "the transaction is not mined"
            time.sleep(0.01)

    def block_of(self, txid: str) -> str:
        """The hash of the block it is in."""
        receipt = self.chain.rpc("eth_getTransactionReceipt", txid)
        return "" if receipt is None else str(receipt["blockHash"])

    def _depth_of(self, txid: str) -> int:
        number = int(self.chain.rpc("eth_getTransactionReceipt", txid)["blockNumber"], 16)
        return int(self.chain.rpc("eth_blockNumber"), 16) - number + 1

    def _go_on(self) -> None:
        self.chain.rpc("anvil_setTime", int(clock.real_now().timestamp()))


@pytest.fixture
def on_chain(local_chain: LocalChain, settings: Settings) -> Iterator[PaidOnChain]:
    """For every test module that imports it."""
    token = local_chain.deploy("Token", "USDT", 6)
    settings.CHAIN_ENDPOINTS = {"ethereum": [local_chain.url]}
    settings.CHAIN_TEST_TOKENS = [f"ethereum:USDT:{token}:6"]
    settings.CHAIN_BREAKER_FAILURES = 1
    settings.ONCHAIN_ADDRESSES = {"ERC20": checksummed_evm(local_chain.fresh_address())}
    chains.forget_readers()
    yield PaidOnChain(local_chain, token)
    chains.forget_readers()
