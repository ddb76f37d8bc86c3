"""Payments to our own addresses are found without a pasted hash, on a real local chain: once each, whoever looks and
however often, and what fits no request goes to the desk (P8, P12, F26, F27)."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from pytest_django import Settings

from lockbay import clock
from payments import chains, jobs
from payments.actions import watch_address as looking
from payments.actions.claim_transaction import AT_DESK, claim_transaction
from payments.actions.start_intent import ask_for_address
from payments.actions.watch_address import Looked, watch_address
from payments.chains.addresses import checksummed_evm
from payments.errors import HashUsed
from payments.metrics import WATCH_LOOKS, WATCH_TRANSFERS
from payments.models import ChainClaim, Deposit, Intent, SeenState, SeenTransfer, WatchedAddress
from payments.states import ClaimState, DepositState
from payments.suspense import suggestions_for, unassigned
from payments.watching import addresses_to_watch
from tests.at_once import at_once
from tests.payments.assigning import assign
from tests.payments.money_in import an_intent, payer
from tests.plugins.local_chain import LocalChain
from wallets.money import Money
from wallets.queries import balances_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("books_green")]

NEEDED = 20


@pytest.fixture(scope="session")
def token(local_chain: LocalChain) -> str:
    return local_chain.deploy("Token", "USDT", 6)


@pytest.fixture
def chain(local_chain: LocalChain, token: str, settings: Settings) -> Iterator[LocalChain]:
    """Ethereum with an allow-listed token, and an address of ours that nobody has paid to."""
    settings.CHAIN_ENDPOINTS = {"ethereum": [local_chain.url]}
    settings.CHAIN_TEST_TOKENS = [f"ethereum:USDT:{token}:6"]
    settings.CHAIN_BREAKER_FAILURES = 1
    settings.ONCHAIN_ADDRESSES = {"ERC20": checksummed_evm(local_chain.fresh_address())}
    chains.forget_readers()
    yield local_chain
    chains.forget_readers()


def asked(who: str = "bea", price: str = "20.00", **more: Any) -> Intent:
    intent = an_intent(
        provider="onchain", network="ERC20", price=price, who=payer(who), purpose="wallet", is_open=False, **more
    )
    return ask_for_address(intent.pk)


def pays(chain: LocalChain, token: str, intent: Intent, amount: int | None = None) -> str:
    return chain.send_token(token, intent.address.lower(), intent.pay_minor if amount is None else amount)


def watch() -> int:
    """The worker looks for payments, with heads asked for anew."""
    chains.forget_readers()
    return jobs.watch_addresses()


def prove() -> None:
    """The worker looks at what was claimed, due or not."""
    chains.forget_readers()
    ChainClaim.objects.filter(state=ClaimState.WAITING).update(next_look_at=clock.real_now())
    jobs.look_at_claims()


def hand_over(settings: Settings) -> None:
    """The time to paste a hash is over."""
    settings.ONCHAIN_HASH_WAIT = timedelta(0)
    SeenTransfer.objects.filter(state=SeenState.WAITING).update(look_at=clock.real_now())
    watch()


def available(name: str = "bea") -> Money:
    return balances_of(payer(name).pk).get(("available", "USD"), Money(0, "USD"))


def the_seen() -> SeenTransfer:
    return SeenTransfer.objects.get()


class TestFromSeenToCredit:
    def test_a_payment_is_found_counted_and_credited_once_and_nobody_named_it(
        self, chain: LocalChain, token: str
    ) -> None:
        intent = asked()
        txid = pays(chain, token, intent)
        assert watch() == 1
        claim = ChainClaim.objects.get()
        assert (claim.txid, claim.intent_id, claim.claimed_by) == (txid, intent.pk, None)
        assert (the_seen().state, the_seen().claim_id, the_seen().money) == (
            SeenState.CLAIMED,
            claim.pk,
            intent.pay_amount,
        )
        prove()
        assert (Deposit.objects.get().state, available().minor) == (DepositState.PENDING, 0)
        chain.mine(NEEDED)
        assert watch() == 0
        prove()
        watch()
        prove()
        assert (Deposit.objects.get().state, available()) == (DepositState.CONFIRMED, Money(2000, "USD"))

    def test_a_coin_without_a_contract_is_found_as_well(self, chain: LocalChain) -> None:
        intent = asked(asset="ETH", rate="2000")
        chain.send(to=intent.address.lower(), value=intent.pay_minor * 10**10)
        watch()
        chain.mine(NEEDED)
        prove()
        assert available() == Money(2000, "USD")

    def test_each_of_several_requests_gets_its_own_payment(self, chain: LocalChain, token: str) -> None:
        intents = [asked(name) for name in ("ann", "bob", "cid")]
        for intent in reversed(intents):
            pays(chain, token, intent)
        watch()
        assert {claim.intent_id for claim in ChainClaim.objects.all()} == {intent.pk for intent in intents}
        chain.mine(NEEDED)
        prove()
        assert {available(name).minor for name in ("ann", "bob", "cid")} == {2000}

    def test_one_that_ended_a_while_ago_is_found_and_its_payment_in_time_is_not_late(
        self, chain: LocalChain, token: str
    ) -> None:
        intent = asked()
        pays(chain, token, intent)
        Intent.objects.update(expires_at=clock.now() + timedelta(milliseconds=1))
        watch()
        chain.mine(NEEDED)
        prove()
        assert (available(), Deposit.objects.get().is_late) == (Money(2000, "USD"), False)

    def test_nobody_is_asked_anything_while_nobody_waits(self, chain: LocalChain, settings: Settings) -> None:
        settings.CHAIN_ENDPOINTS = {}
        intent = asked()
        Intent.objects.update(expires_at=clock.now() - settings.ONCHAIN_WATCH_AFTER - timedelta(minutes=1))
        assert addresses_to_watch() == []
        assert watch() == 0
        assert not WatchedAddress.objects.exists()
        Intent.objects.update(expires_at=clock.now())
        (target,) = addresses_to_watch()
        assert (target.chain, target.address, target.since) == ("ethereum", intent.address.lower(), intent.created_at)


class TestPastedAsWell:
    def test_whoever_pastes_what_we_have_seen_sees_how_far_it_is(self, chain: LocalChain, token: str) -> None:
        intent = asked()
        txid = pays(chain, token, intent)
        watch()
        claim = claim_transaction(actor=intent.payer, intent_id=intent.pk, text=txid.upper().replace("0X", "0x"))
        assert claim == ChainClaim.objects.get()
        chain.mine(NEEDED)
        prove()
        assert available() == Money(2000, "USD")

    def test_somebody_else_is_refused(self, chain: LocalChain, token: str) -> None:
        txid = pays(chain, token, asked())
        watch()
        thief = asked("eve")
        with pytest.raises(HashUsed):
            claim_transaction(actor=thief.payer, intent_id=thief.pk, text=txid)

    def test_what_was_pasted_first_is_the_same_claim(self, chain: LocalChain, token: str) -> None:
        intent = asked()
        txid = pays(chain, token, intent)
        claim = claim_transaction(actor=intent.payer, intent_id=intent.pk, text=txid)
        watch()
        assert (the_seen().state, the_seen().claim_id) == (SeenState.CLAIMED, claim.pk)
        assert ChainClaim.objects.get().claimed_by == intent.payer

    def test_claims_that_we_made_do_not_count_against_the_payer(self, chain: LocalChain, token: str) -> None:
        intent = asked()
        for number in range(10):
            ChainClaim.objects.create(
                intent=intent, chain="ethereum", txid=f"0x{number:064x}", claimed_at=clock.now(), claimed_by=None
            )
        assert claim_transaction(actor=intent.payer, intent_id=intent.pk, text="0x" + "ab" * 32)


class TestFitsNoRequest:
    def test_it_waits_for_a_hash_and_then_goes_to_the_desk_with_its_name(
        self, chain: LocalChain, token: str, settings: Settings
    ) -> None:
        """P12."""
        intent = asked()
        txid = pays(chain, token, intent, 19_000_000)
        watch()
        assert (the_seen().state, unassigned()) == (SeenState.WAITING, [])
        chain.mine(2 * NEEDED)
        watch()
        assert (the_seen().state, unassigned()) == (SeenState.WAITING, [])
        hand_over(settings)
        (deposit,) = unassigned()
        assert (deposit.txid, deposit.money) == (txid, Money(19_000_000, "USDT"))
        assert the_seen().state == SeenState.SUSPENDED
        hand_over(settings)
        assert Deposit.objects.count() == 1
        assert available().minor == 0

    def test_it_is_not_handed_over_before_it_is_settled(
        self, chain: LocalChain, token: str, settings: Settings
    ) -> None:
        """Deep enough for a payment is not enough: nobody looks at its block again (P9)."""
        pays(chain, token, asked(), 19_000_000)
        watch()
        chain.mine(2 * NEEDED - 1)
        hand_over(settings)
        assert (the_seen().state, unassigned()) == (SeenState.WAITING, [])

    def test_a_hash_in_time_takes_it(self, chain: LocalChain, token: str, settings: Settings) -> None:
        intent = asked()
        txid = pays(chain, token, intent, 19_000_000)
        chain.mine(2 * NEEDED)
        watch()
        claim_transaction(actor=intent.payer, intent_id=intent.pk, text=txid)
        prove()
        hand_over(settings)
        assert (the_seen().state, unassigned(), available()) == (SeenState.CLAIMED, [], Money(1900, "USD"))

    def test_a_hash_that_comes_later_is_a_hint_for_staff_and_never_a_second_credit(
        self, chain: LocalChain, token: str, settings: Settings
    ) -> None:
        intent = asked()
        other = asked("cleo", price="19.00")
        txid = pays(chain, token, intent, 19_500_000)
        chain.mine(2 * NEEDED)
        watch()
        hand_over(settings)
        claim = claim_transaction(actor=intent.payer, intent_id=intent.pk, text=txid)
        assert (claim.state, claim.note, claim.next_look_at) == (ClaimState.HELD, AT_DESK, None)
        (deposit,) = unassigned()
        best, *_ = suggestions_for(deposit)
        assert (best.intent, best.reasons[0]) == (intent, "claimed")
        assert other.pk != best.intent.pk
        assign(deposit, intent)
        prove()
        watch()
        assert (Deposit.objects.count(), available()) == (1, Money(1950, "USD"))

    def test_a_hash_and_the_desk_at_the_same_time_have_one_winner(
        self, chain: LocalChain, token: str, settings: Settings
    ) -> None:
        intent = asked()
        txid = pays(chain, token, intent, 19_000_000)
        chain.mine(2 * NEEDED)
        watch()
        SeenTransfer.objects.update(look_at=clock.real_now())

        def act(who: str) -> None:
            if who == "payer":
                claim_transaction(actor=intent.payer, intent_id=intent.pk, text=txid)
            else:
                jobs.watch_addresses()

        at_once(act, ["desk", "payer", "desk"])
        prove()
        hand_over(settings)
        (deposit,) = Deposit.objects.all()
        credited, kept = available().minor, len(unassigned())
        assert (credited, kept) in [(1900, 0), (0, 1)]
        assert deposit.minor == 19_000_000

    def test_the_same_amount_a_second_time_is_for_a_person_to_decide(
        self, chain: LocalChain, token: str, settings: Settings
    ) -> None:
        """Two payments of one amount: the second may be anybody's."""
        intent = asked()
        pays(chain, token, intent)
        watch()
        chain.mine(2 * NEEDED)
        prove()
        asked("cleo")  # somebody waits, so the address is watched on
        pays(chain, token, intent)
        chain.mine(2 * NEEDED)
        watch()
        hand_over(settings)
        assert available() == Money(2000, "USD")
        assert [deposit.minor for deposit in unassigned()] == [intent.pay_minor]

    def test_a_rounded_amount_is_never_somebody_elses(self, chain: LocalChain, token: str) -> None:
        """Two people owe the same price; who leaves the last digits away pays nobody's exact amount."""
        first, second = asked(), asked("cleo")
        for digits in (10, 100, 10_000):
            pays(chain, token, second, second.pay_minor // digits * digits)
            pays(chain, token, first, (first.pay_minor // digits + 1) * digits)
        watch()
        assert SeenTransfer.objects.count() == 6
        assert not ChainClaim.objects.exists()

    def test_an_older_transfer_of_the_same_amount_is_not_taken_for_a_new_request(
        self, chain: LocalChain, token: str
    ) -> None:
        first = asked()
        pays(chain, token, first)
        Intent.objects.filter(pk=first.pk).update(created_at=clock.now() - timedelta(days=8))
        second = asked("cleo")
        assert second.pay_minor == first.pay_minor
        Intent.objects.filter(pk=second.pk).update(created_at=clock.now() + timedelta(minutes=5))
        watch()
        assert not ChainClaim.objects.exists()


class TestSpam:
    """F26: an address that is known gets zero amounts, dust, and tokens that call themselves USDT."""

    def test_only_what_arrived_in_a_listed_contract_is_seen(self, chain: LocalChain, token: str) -> None:
        intent = asked()
        fake = chain.deploy("Token", "USDT", 6)
        pays(chain, fake, intent)
        pays(chain, token, intent, 0)
        chain.send(to=intent.address.lower(), value=1)
        liar = chain.deploy("LyingToken", "USDT", 6)
        pays(chain, liar, intent)
        assert watch() == 0
        assert not SeenTransfer.objects.exists()

    def test_a_batch_with_dust_counts_what_is_ours_together(self, chain: LocalChain, token: str) -> None:
        intent = asked()
        us = intent.address.lower()
        half = intent.pay_minor // 2
        chain.send_token_to_many(token, [(us, half), (chain.fresh_address(), 5), (us, intent.pay_minor - half)])
        watch()
        assert the_seen().minor == intent.pay_minor
        chain.mine(NEEDED)
        prove()
        assert available() == Money(2000, "USD")

    def test_a_transfer_that_failed_is_told_and_credits_nothing(self, chain: LocalChain, token: str) -> None:
        intent = asked(asset="ETH", rate="2000")
        txid = chain.send(to=token, value=0, data="0x")
        SeenTransfer.objects.create(
            chain="ethereum",
            txid=txid,
            recipient=intent.address.lower(),
            asset="ETH",
            raw_amount="1",
            minor=intent.pay_minor,
            seen_at=clock.now(),
            look_at=clock.real_now() + timedelta(hours=1),
        )
        chain.mine(NEEDED)
        watch()
        prove()
        assert (ChainClaim.objects.get().state, available().minor) == (ClaimState.REFUSED, 0)

    def test_a_hint_that_our_nodes_deny_comes_to_nothing(
        self, chain: LocalChain, token: str, settings: Settings
    ) -> None:
        intent = asked()
        txid = chain.send_token(token, chain.fresh_address(), 5)
        chain.mine(NEEDED)
        SeenTransfer.objects.create(
            chain="ethereum",
            txid=txid,
            recipient=intent.address.lower(),
            asset="USDT",
            raw_amount="7000000",
            minor=7_000_000,
            seen_at=clock.now(),
            look_at=clock.real_now(),
        )
        watch()
        assert (the_seen().state, unassigned()) == (SeenState.VOID, [])


class TestNodes:
    def test_an_outage_only_delays(self, chain: LocalChain, token: str, settings: Settings) -> None:
        """F27: half an hour without nodes makes a payment neither late nor too old."""
        intent = asked(minutes=5)
        pays(chain, token, intent)
        settings.CHAIN_ENDPOINTS = {"ethereum": ["http://127.0.0.1:9"]}
        assert watch() == 0
        assert (WatchedAddress.objects.get().note, WatchedAddress.objects.get().cursor) == ("unknown", "")
        clock.advance(1_800)
        settings.CHAIN_ENDPOINTS = {"ethereum": [chain.url]}
        assert watch() == 1
        chain.mine(NEEDED)
        prove()
        assert (available(), Deposit.objects.get().is_late) == (Money(2000, "USD"), False)
        assert WatchedAddress.objects.get().note == ""

    def test_what_waits_for_its_block_is_seen_and_credits_nothing(self, chain: LocalChain, token: str) -> None:
        """A transfer in the mempool only, as explorers of Bitcoin tell it."""
        intent = asked()
        txid = "0x" + "cd" * 32
        SeenTransfer.objects.create(
            chain="ethereum",
            txid=txid,
            recipient=intent.address.lower(),
            asset="USDT",
            raw_amount=str(intent.pay_minor),
            minor=intent.pay_minor,
            block_time=None,
            seen_at=clock.now(),
            look_at=clock.real_now() + timedelta(hours=1),
        )
        watch()
        prove()
        claim = ChainClaim.objects.get()
        assert (claim.state, claim.note, available().minor) == (ClaimState.WAITING, "not_seen", 0)
        # The wallet raised the fee: the transaction that takes its place is matched as well.
        pays(chain, token, intent)
        watch()
        chain.mine(NEEDED)
        prove()
        assert (ChainClaim.objects.count(), available()) == (2, Money(2000, "USD"))

    def test_a_payment_that_a_reorganisation_drops_is_not_credited_and_found_again(
        self, chain: LocalChain, token: str
    ) -> None:
        """F22."""
        intent = asked()
        pays(chain, token, intent)
        chain.mine(2)
        watch()
        chain.reorganise(4)
        chain.mine(NEEDED)
        watch()
        prove()
        assert (ChainClaim.objects.get().state, available().minor) == (ClaimState.WAITING, 0)
        pays(chain, token, intent)
        chain.mine(NEEDED)
        watch()
        prove()
        assert available() == Money(2000, "USD")


class TestWorkers:
    def test_several_at_once_double_nothing(self, chain: LocalChain, token: str) -> None:
        intents = [asked(f"person{number}") for number in range(3)]
        for intent in intents:
            pays(chain, token, intent)
        chain.mine(NEEDED)
        chains.forget_readers()
        at_once(lambda _: jobs.watch_addresses(), list(range(4)))
        watch()
        at_once(lambda _: jobs.look_at_claims(), list(range(4)))
        prove()
        assert (SeenTransfer.objects.count(), ChainClaim.objects.count(), Deposit.objects.count()) == (3, 3, 3)
        assert {available(f"person{number}").minor for number in range(3)} == {2000}

    def test_one_that_was_frozen_does_not_move_the_cursor(
        self, chain: LocalChain, token: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        intent = asked()
        (target,) = addresses_to_watch()
        watch()
        pays(chain, token, intent)
        chains.forget_readers()
        stored = looking._store

        def freeze(watched: WatchedAddress, scan: Any) -> int:
            monkeypatch.setattr(looking, "_store", stored)
            WatchedAddress.objects.update(next_look_at=clock.real_now())  # the lease ran out
            watch_address(target=target)
            moved_on = WatchedAddress.objects.get().cursor
            new = stored(watched, type(scan)(scan.sightings, "1:0x"))
            assert WatchedAddress.objects.get().cursor == moved_on
            return new

        monkeypatch.setattr(looking, "_store", freeze)
        assert watch_address(target=target) == Looked(is_done=True, new=0)
        assert SeenTransfer.objects.count() == 1

    def test_the_cursor_stays_when_what_was_seen_is_not_stored(
        self, chain: LocalChain, token: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pays(chain, token, asked())

        def dies(*_args: object) -> None:
            raise RuntimeError("the process dies here")

        with monkeypatch.context() as patch:
            patch.setattr(looking, "_take_into_block", dies)
            assert watch() == 0
        assert (WatchedAddress.objects.get().cursor, SeenTransfer.objects.count()) == ("", 0)
        WatchedAddress.objects.update(next_look_at=clock.real_now())
        assert watch() == 1

    def test_while_one_looks_another_leaves_it_alone(self, chain: LocalChain, token: str) -> None:
        asked()
        (target,) = addresses_to_watch()
        watch()
        WatchedAddress.objects.update(next_look_at=clock.real_now() + timedelta(minutes=1))
        pays(chain, token, asked())
        assert watch_address(target=target) == Looked(is_done=True, new=0)
        assert not SeenTransfer.objects.exists()

    def test_is_counted(self, chain: LocalChain, token: str) -> None:
        looks, seen = WATCH_LOOKS.total("ethereum", "ok"), WATCH_TRANSFERS.total("ethereum", "seen")
        matched = WATCH_TRANSFERS.total("ethereum", "matched")
        pays(chain, token, asked())
        watch()
        assert WATCH_LOOKS.total("ethereum", "ok") > looks
        assert WATCH_TRANSFERS.total("ethereum", "seen") == seen + 1
        assert WATCH_TRANSFERS.total("ethereum", "matched") == matched + 1


def test_staff_see_what_was_seen_and_what_fits_nothing(chain: LocalChain, token: str, admin_client: Any) -> None:
    intent = asked()
    pays(chain, token, intent)
    stray = pays(chain, token, intent, 3_000_000)
    watch()
    page = admin_client.get(reverse("admin:payments_seentransfer_changelist")).content.decode()
    assert stray in page
    unmatched = admin_client.get(reverse("admin:payments_seentransfer_changelist"), {"matched": "no"}).content.decode()
    assert stray in unmatched
    assert ChainClaim.objects.get().txid not in unmatched
