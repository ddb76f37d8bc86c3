"""Pasted transaction ids, on a real local chain: what arrived is credited once, nothing else is, and unknown means wait
(P8, P9, P11, F22, F24-F28)."""

from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
import structlog
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from lockbay import clock
from lockbay.checks import check_production_settings
from lockbay.events.kinds import Kind
from lockbay.events.models import Event
from lockbay.people.models import User
from payments import chains, jobs
from payments.actions.claim_transaction import MOST_CLAIMS, claim_transaction
from payments.actions.look_again import look_again
from payments.actions.replay_event import replay_event
from payments.actions.start_intent import ask_for_address
from payments.chains.addresses import checksummed_evm
from payments.errors import HashMalformed, HashUsed, LookRefused, NotClaimable, TooManyClaims, UnknownMethod
from payments.models import ChainClaim, Deposit, InboxEvent, Intent, Verification
from payments.providers import provider_of
from payments.states import ClaimState, DepositState
from payments.suspense import unassigned
from tests.at_once import at_once
from tests.payments.assigning import assign
from tests.payments.money_in import an_intent, fingerprint, payer
from tests.plugins.local_chain import LocalChain
from wallets.money import Money
from wallets.queries import balances_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("books_green")]

NEEDED = 20
A_TXID = "0x" + "ab" * 32


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
    """A request that is open at our own address; it is as old as blocks may be."""
    intent = an_intent(
        provider="onchain", network="ERC20", price=price, who=payer(who), purpose="wallet", is_open=False, **more
    )
    return ask_for_address(intent.pk)


def pays(chain: LocalChain, token: str, intent: Intent, amount: int | None = None, to: str = "") -> str:
    """Sends tokens as the intent asks; the raw amount counts millionths."""
    return chain.send_token(token, to or intent.address.lower(), intent.pay_minor if amount is None else amount)


def claims(intent: Intent, text: str) -> ChainClaim:
    return claim_transaction(actor=intent.payer, intent_id=intent.pk, text=text)


def look() -> None:
    """The worker looks at whatever waits, due or not."""
    chains.forget_readers()
    ChainClaim.objects.filter(state=ClaimState.WAITING).update(next_look_at=clock.real_now())
    jobs.look_at_claims()


def available(name: str = "bea") -> Money:
    return balances_of(payer(name).pk).get(("available", "USD"), Money(0, "USD"))


def the_claim() -> ChainClaim:
    return ChainClaim.objects.get()


class TestFromHashToCredit:
    def test_pending_while_it_counts_then_credited_once(self, chain: LocalChain, token: str) -> None:
        intent = asked()
        claims(intent, pays(chain, token, intent))
        look()
        assert (Deposit.objects.get().state, available().minor) == (DepositState.PENDING, 0)
        chain.mine(7)
        look()
        assert (the_claim().confirmations, the_claim().confirmations_needed) == (7, NEEDED)
        chain.mine(NEEDED - 8)
        look()
        assert (the_claim().state, available().minor) == (ClaimState.WAITING, 0)
        chain.mine(1)
        look()
        assert (the_claim().state, the_claim().failed) == (ClaimState.PROVEN, [])
        assert (Deposit.objects.get().state, available()) == (DepositState.CONFIRMED, Money(2000, "USD"))

    def test_evidence_replayed_and_looked_at_again_changes_nothing(self, chain: LocalChain, token: str) -> None:
        intent = asked()
        txid = pays(chain, token, intent)
        chain.mine(NEEDED)
        claims(intent, txid)
        look()
        for row in InboxEvent.objects.all():
            replay_event(actor=None, inbox_id=row.pk, dry_run=False, reason="again")
        assert claims(intent, txid).state == ClaimState.PROVEN
        ChainClaim.objects.update(state=ClaimState.WAITING)
        look()
        assert Deposit.objects.count() == 1
        assert available() == Money(2000, "USD")

    def test_a_quiet_request_is_asked_about_as_well(self, chain: LocalChain, token: str) -> None:
        intent = asked()
        claims(intent, pays(chain, token, intent))
        chain.mine(NEEDED)
        Intent.objects.update(ask_due_at=clock.now())
        assert jobs.ask_quiet_intents() == 1
        assert available() == Money(2000, "USD")

    def test_every_look_leaves_an_attempt_and_a_result(self, chain: LocalChain, token: str) -> None:
        """P11."""
        intent = asked()
        claim = claims(intent, pays(chain, token, intent))
        with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
            look()
        told = [line for line in lines if line["event"].startswith("CHAIN_VERIFICATION")]
        assert [line["event"] for line in told] == ["CHAIN_VERIFICATION_ATTEMPT", "CHAIN_VERIFICATION_RESULT"]
        for line in told:
            facts = (line["correlation_id"], line["txid"], line["address"], line["chain"], line["coin"])
            assert facts == (claim.correlation_id, claim.txid, intent.address, "ethereum", "USDT")
            assert line["expected"] == str(intent.pay_amount)
        row = Verification.objects.get(question="transaction")
        assert (row.correlation_id, row.txid, row.outcome, row.results) == (
            claim.correlation_id, claim.txid, "waiting", told[1]["checks"],
        )  # fmt: skip
        assert row.finished_at is not None
        assert told[1]["checks"][-1] == ["confirmations", False, f"0 of {NEEDED}"]
        assert InboxEvent.objects.get().correlation_id == claim.correlation_id


class TestReorganised:
    def test_below_the_threshold_the_count_starts_over_and_nothing_is_credited(
        self, chain: LocalChain, token: str
    ) -> None:
        """F22."""
        intent = asked()
        claims(intent, pays(chain, token, intent))
        chain.mine(3)
        look()
        assert the_claim().confirmations == 3
        chain.reorganise(5)
        look()
        assert (the_claim().state, the_claim().confirmations) == (ClaimState.WAITING, 0)
        chain.mine(NEEDED)
        look()
        assert available().minor == 0
        assert the_claim().state == ClaimState.WAITING


class TestOneHash:
    @pytest.mark.parametrize("spelled", [str.upper, lambda txid: f"  {txid[2:].upper()} \n", str])
    def test_pays_once_however_it_is_spelled(self, chain: LocalChain, token: str, spelled: Any) -> None:
        """F24."""
        first, second = asked(), asked("cleo")
        txid = pays(chain, token, first)
        claims(first, txid)
        with pytest.raises(HashUsed):
            claims(second, spelled(txid).replace("0X", "0x"))

    def test_of_several_people_at_once_one_gets_it(self, chain: LocalChain) -> None:
        """F24."""
        intents = [asked(f"person{number}") for number in range(6)]

        def claim(intent: Intent) -> bool:
            try:
                claims(intent, A_TXID)
            except HashUsed:
                return False
            return True

        assert sum(at_once(claim, intents)) == 1
        assert ChainClaim.objects.count() == 1

    @pytest.mark.parametrize("text", ["", "hello", "0x12", "ab" * 33, "0x" + "g" * 64, "T" * 88])
    def test_of_another_format_is_refused_before_any_call(self, chain: LocalChain, text: str) -> None:
        with pytest.raises(HashMalformed) as refusal:
            claims(asked(), text)
        assert refusal.value.chain == "ethereum"
        assert not ChainClaim.objects.exists()

    def test_only_the_payer_claims_and_not_for_ever(self, chain: LocalChain) -> None:
        intent = asked()
        with pytest.raises(NotClaimable):
            claim_transaction(actor=payer("eve"), intent_id=intent.pk, text=A_TXID)
        with pytest.raises(NotClaimable):
            claims(an_intent(), A_TXID)
        for number in range(MOST_CLAIMS):
            claims(intent, f"0x{number:064x}")
        with pytest.raises(TooManyClaims):
            claims(intent, A_TXID)


class TestOnlyWhatArrived:
    """F25, F26."""

    def refused(self, chain: LocalChain, intent: Intent, txid: str) -> list[str]:
        chain.mine(NEEDED)
        claims(intent, txid)
        look()
        assert (Deposit.objects.count(), available().minor) == (0, 0)
        assert the_claim().state == ClaimState.REFUSED
        return the_claim().failed

    def test_a_token_that_only_calls_itself_usdt_is_refused(self, chain: LocalChain) -> None:
        intent = asked()
        fake = chain.deploy("Token", "USDT", 6)
        assert "token" in self.refused(chain, intent, pays(chain, fake, intent))

    def test_another_recipient_is_refused(self, chain: LocalChain, token: str) -> None:
        intent = asked()
        assert "recipient" in self.refused(chain, intent, pays(chain, token, intent, to=chain.fresh_address()))

    def test_a_reverted_transaction_is_refused_and_another_hash_may_follow(self, chain: LocalChain, token: str) -> None:
        intent = asked()
        failed = chain.send_token(token, intent.address.lower(), 10**40)
        assert "succeeded" in self.refused(chain, intent, failed)
        claims(intent, pays(chain, token, intent))
        chain.mine(NEEDED)
        look()
        assert available() == Money(2000, "USD")

    def test_too_little_goes_to_the_desk_when_it_may_be_somebody_elses(self, chain: LocalChain, token: str) -> None:
        asked("victim", price="15.00")
        intent = asked()
        claims(intent, pays(chain, token, intent, 14_000_000))
        chain.mine(NEEDED)
        look()
        assert (the_claim().state, the_claim().note) == (ClaimState.HELD, "amount")
        self.at_the_desk(14_000_000)

    @pytest.mark.parametrize("amount", [9_000_000, 22_100_000, 500_000_000])
    def test_an_amount_that_is_far_off_goes_to_the_desk(self, chain: LocalChain, token: str, amount: int) -> None:
        """Money on a shared address that nobody asked for is not for whoever names it first."""
        intent = asked()
        claims(intent, pays(chain, token, intent, amount))
        chain.mine(NEEDED)
        look()
        assert the_claim().state == ClaimState.HELD
        self.at_the_desk(amount)

    def test_of_two_small_requests_the_exact_amount_tells(self, chain: LocalChain, token: str) -> None:
        """Within half a dollar of both: only the amount to the last digit says whose it is."""
        asked("victim", price="5.00")
        intent = asked(price="5.00")
        claims(intent, pays(chain, token, intent, 4_990_000))
        chain.mine(NEEDED)
        look()
        assert the_claim().state == ClaimState.HELD
        exact = asked(price="5.00")
        claims(exact, pays(chain, token, exact))
        chain.mine(NEEDED)
        look()
        assert available() == Money(500, "USD")

    def test_another_coin_of_ours_goes_to_the_desk(self, chain: LocalChain, token: str) -> None:
        intent = asked(asset="USDC")
        claims(intent, pays(chain, token, intent))
        chain.mine(NEEDED)
        look()
        assert (the_claim().state, the_claim().note) == (ClaimState.HELD, "token")
        self.at_the_desk(intent.pay_minor)

    def test_a_refused_hash_may_be_looked_at_again(self, chain: LocalChain, token: str) -> None:
        intent = asked()
        txid = pays(chain, token, intent, to=chain.fresh_address())
        self.refused(chain, intent, txid)
        assert claims(intent, txid).state == ClaimState.WAITING

    def test_too_little_is_credited_as_it_arrived_when_it_can_be_nobody_elses(
        self, chain: LocalChain, token: str
    ) -> None:
        intent = asked()
        claims(intent, pays(chain, token, intent, 18_500_000))
        chain.mine(NEEDED)
        look()
        assert the_claim().failed == ["amount"]
        assert available() == Money(1850, "USD")

    def test_an_amount_that_somebody_else_was_asked_for_goes_to_the_desk(self, chain: LocalChain, token: str) -> None:
        victim, thief = asked("victim"), asked()
        assert victim.pay_minor != thief.pay_minor
        claims(thief, pays(chain, token, victim))
        chain.mine(NEEDED)
        look()
        assert (the_claim().state, the_claim().note) == (ClaimState.HELD, "amount")
        self.at_the_desk(victim.pay_minor)

    def test_an_old_transaction_goes_to_the_desk_with_the_check_named(self, chain: LocalChain, token: str) -> None:
        intent = asked()
        txid = pays(chain, token, intent)
        chain.mine(NEEDED)
        claims(intent, txid)
        ChainClaim.objects.update(claimed_at=clock.now() + timedelta(minutes=30))
        look()
        assert (the_claim().state, the_claim().failed) == (ClaimState.HELD, ["age"])
        self.at_the_desk(intent.pay_minor)

    def test_an_address_set_in_another_case_is_the_same(
        self, chain: LocalChain, token: str, settings: Settings
    ) -> None:
        settings.ONCHAIN_ADDRESSES = {"ERC20": settings.ONCHAIN_ADDRESSES["ERC20"].lower()}
        intent = asked()
        claims(intent, pays(chain, token, intent))
        chain.mine(NEEDED)
        look()
        assert available() == Money(2000, "USD")

    def at_the_desk(self, minor: int) -> None:
        """Not credited to anybody, and not lost: booked in suspense, where staff assign it (P12)."""
        assert available().minor == 0
        assert [deposit.minor for deposit in unassigned()] == [minor]


class TestNodes:
    def test_nodes_that_are_down_are_waited_for(self, chain: LocalChain, token: str, settings: Settings) -> None:
        """F27."""
        intent = asked()
        claims(intent, pays(chain, token, intent))
        chain.mine(NEEDED)
        settings.CHAIN_ENDPOINTS = {"ethereum": ["http://127.0.0.1:9"]}
        look()
        look()
        claim = the_claim()
        assert (claim.state, claim.note, claim.attempts) == (ClaimState.WAITING, "unknown", 2)
        assert claim.next_look_at is not None
        assert claim.next_look_at > clock.real_now()
        assert not InboxEvent.objects.exists()
        settings.CHAIN_ENDPOINTS = {"ethereum": [chain.url]}
        look()
        assert available() == Money(2000, "USD")

    def test_waiting_for_nodes_does_not_make_a_payment_late(
        self, chain: LocalChain, token: str, settings: Settings
    ) -> None:
        intent = asked()
        claims(intent, pays(chain, token, intent))
        chain.mine(NEEDED)
        Intent.objects.update(expires_at=clock.now())
        look()
        assert not Deposit.objects.get().is_late

    def test_a_transaction_nobody_has_seen_waits_ever_longer_and_is_not_refused(self, chain: LocalChain) -> None:
        intent = asked()
        claims(intent, A_TXID)
        look()
        assert (the_claim().state, the_claim().note) == (ClaimState.WAITING, "not_seen")
        ChainClaim.objects.update(claimed_at=clock.now() - timedelta(days=8))
        look()
        assert (the_claim().state, the_claim().next_look_at) == (ClaimState.WAITING, None)
        assert claims(intent, A_TXID).next_look_at is not None

    def test_a_transaction_replaced_by_another_is_told(self, chain: LocalChain, token: str) -> None:
        """F28."""
        intent = asked()
        chain.rpc("evm_setAutomine", False)
        try:
            nonce = chain.rpc("eth_getTransactionCount", chain.accounts[0], "latest")
            gas = {"gasPrice": hex(10**11), "nonce": nonce, "is_mined": False}
            claims(intent, chain.send_token(token, intent.address.lower(), intent.pay_minor, **gas))
            look()
            assert (the_claim().state, the_claim().note) == (ClaimState.WAITING, "pending")
            chain.send(to=chain.accounts[1], value=1, **{**gas, "gasPrice": hex(10**12)})
            chain.mine(NEEDED + 2)
        finally:
            chain.rpc("evm_setAutomine", True)
        look()
        assert the_claim().state == ClaimState.REPLACED
        assert available().minor == 0


class TestAmounts:
    def test_open_requests_of_a_coin_never_ask_for_the_same(self, chain: LocalChain) -> None:
        people = [f"person{number}" for number in range(6)]
        amounts = [intent.pay_minor for intent in at_once(asked, people)]
        assert sorted(amounts) == list(range(20_000_001, 20_000_007))

    def test_no_amount_left_is_no_way_to_pay(self, chain: LocalChain, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("payments.providers.onchain._TAGS", 2)
        asked()
        with pytest.raises(UnknownMethod):
            asked("cleo")


class TestOffer:
    def test_only_networks_with_an_address_are_offered(self, chain: LocalChain, settings: Settings) -> None:
        provider = provider_of("onchain")
        assert {method.code for method in provider.methods()} == {
            "onchain:USDT:ERC20",
            "onchain:USDC:ERC20",
            "onchain:ETH:ERC20",
        }
        settings.ONCHAIN_ADDRESSES = {}
        assert provider.methods() == []

    @pytest.mark.parametrize(
        ("addresses", "said"),
        [
            ({"ERC20": "0x52908400098527886E0F7030069857D2E4169Ee7"}, "wrong_checksum"),
            ({"BTC": ""}, "empty"),
            ({"MOON": "0x"}, "no network"),
            ({"BTC": "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"}, "no node of bitcoin"),
        ],
    )
    def test_addresses_are_checked_at_start(self, settings: Settings, addresses: dict[str, str], said: str) -> None:
        settings.PLAYGROUND, settings.ONCHAIN_ADDRESSES = False, addresses
        assert said in " ".join(message.msg for message in check_production_settings() if message.id == "lockbay.E007")


def test_staff_find_a_claim_by_hash_and_by_reference(chain: LocalChain, client: Client) -> None:
    client.force_login(User.objects.create(username="olu", is_staff=True, is_superuser=True))
    claim = claims(asked(), A_TXID)
    page = reverse("admin:payments_chainclaim_changelist")
    for words in (claim.txid, claim.correlation_id, claim.intent.public_id):
        assert claim.txid in client.get(page, {"q": words}).content.decode()
    assert claim.txid not in client.get(page, {"q": "nothing"}).content.decode()
    change = reverse("admin:payments_chainclaim_change", args=[claim.pk])
    assert client.get(change).status_code == 200
    assert client.post(change, {"state": "proven"}).status_code == 403


class TestLookedAtAgain:
    """P4: by staff, first as a dry run, whatever became of the claim."""

    @pytest.fixture
    def olu(self) -> User:
        return User.objects.create(username="olu", is_staff=True, is_superuser=True)

    def refused_at_first(self, chain: LocalChain, token: str, settings: Settings) -> ChainClaim:
        """The token was not on our list when it was looked at first."""
        intent, listed = asked(), settings.CHAIN_TEST_TOKENS
        claims(intent, pays(chain, token, intent))
        chain.mine(NEEDED)
        settings.CHAIN_TEST_TOKENS = []
        look()
        assert the_claim().state == ClaimState.REFUSED
        settings.CHAIN_TEST_TOKENS = listed
        chains.forget_readers()
        return the_claim()

    def test_the_dry_run_shows_checks_and_books_and_changes_nothing_then_it_is_done(
        self, chain: LocalChain, token: str, settings: Settings, olu: User
    ) -> None:
        claim = self.refused_at_first(chain, token, settings)
        before = fingerprint()
        dry = look_again(actor=olu, claim_id=claim.pk, dry_run=True)
        changed = {name for name, rows in fingerprint().items() if rows != before[name]}
        assert changed == {"payments.Verification"}, "that our nodes were asked is noted (P11)"
        assert (dry.state_before, dry.state, dry.is_change) == ("refused", "proven", True)
        assert [name for name, passed, _ in dry.checks_before if not passed] == ["token", "amount"]
        assert all(passed for _, passed, _ in dry.checks)
        assert dry.effect is not None
        assert Money(2000, "USD") in [entry.money for entry in dry.effect.entries]

        real = look_again(actor=olu, claim_id=claim.pk, dry_run=False, reason=" the token is listed now ")
        assert (real.state, available()) == ("proven", Money(2000, "USD"))
        event = Event.objects.get(kind=Kind.CLAIM_OPENED_AGAIN)
        assert (event.actor, event.data["reason"], event.data["before"]) == (olu, "the token is listed now", "refused")
        with pytest.raises(LookRefused, match="already_proven"):
            look_again(actor=olu, claim_id=claim.pk, dry_run=False, reason="again")
        assert available() == Money(2000, "USD")

    def test_what_waits_on_the_desk_is_never_credited_twice(self, chain: LocalChain, token: str, olu: User) -> None:
        victim, thief = asked("victim"), asked()
        claims(thief, pays(chain, token, victim))
        chain.mine(NEEDED)
        look()
        (deposit,) = unassigned()
        claim = the_claim()
        assert look_again(actor=olu, claim_id=claim.pk, dry_run=True).state == "held"
        with pytest.raises(LookRefused, match="on_the_desk"):
            look_again(actor=olu, claim_id=claim.pk, dry_run=False, reason="they insist")
        assign(deposit, thief)
        paid = available()
        report = look_again(actor=olu, claim_id=claim.pk, dry_run=False, reason="it was assigned")
        assert available() == paid
        assert Deposit.objects.count() == 1
        assert report.state_before == "held"

    def test_what_was_given_up_or_replaced_is_looked_at_again(self, chain: LocalChain, token: str, olu: User) -> None:
        intent = asked()
        claim = claims(intent, pays(chain, token, intent))
        ChainClaim.objects.update(state=ClaimState.REPLACED, next_look_at=None)
        report = look_again(actor=olu, claim_id=claim.pk, dry_run=False, reason="it is there after all")
        assert (report.state_before, report.state) == ("replaced", "waiting")
        assert the_claim().next_look_at is not None
        ChainClaim.objects.update(next_look_at=None)
        chain.mine(NEEDED)
        chains.forget_readers()
        assert look_again(actor=olu, claim_id=claim.pk, dry_run=False, reason="given up").state == "proven"
        assert available() == Money(2000, "USD")

    def test_nodes_that_are_down_are_told(self, chain: LocalChain, settings: Settings, olu: User) -> None:
        claim = claims(asked(), A_TXID)
        settings.CHAIN_ENDPOINTS = {"ethereum": ["http://127.0.0.1:9"]}
        chains.forget_readers()
        report = look_again(actor=olu, claim_id=claim.pk, dry_run=True)
        assert (report.state, report.reason, report.checks) == ("waiting", "unknown", [])

    def test_on_the_command_line_and_at_the_desk(
        self, chain: LocalChain, token: str, settings: Settings, olu: User, client: Client
    ) -> None:
        claim, out = self.refused_at_first(chain, token, settings), StringIO()
        call_command("look_at_claim", claim.txid.upper().replace("0X", "0x"), stdout=out)
        assert "refused -> proven" in out.getvalue()
        assert "passed  token" in out.getvalue()
        for arguments, words in (
            ((A_TXID,), "no_such_claim"),
            ((claim.txid, "--apply", "--reason", "x"), "actor_is_no"),
            ((claim.txid, "--apply", "--actor", "olu"), "reason_missing"),
        ):
            with pytest.raises(CommandError, match=words):
                call_command("look_at_claim", *arguments, stdout=out)
        client.force_login(olu)
        page = reverse("admin:payments_chainclaim_look_again", args=[claim.pk])
        assert "platform:clearing/onchain:USDT" in client.get(page).content.decode()
        assert available().minor == 0
        answer = client.post(page, {"reason": "listed now"}, follow=True).content.decode()
        assert "it was refused, now it is proven" in " ".join(answer.split())
        assert available() == Money(2000, "USD")
        client.force_login(User.objects.create(username="max", is_staff=True))
        assert client.get(page).status_code == 403
