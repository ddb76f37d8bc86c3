"""A payment that vanished is taken back once, in whatever order and however often it is told, and only by what was seen
after what is believed (P7, F6)."""

import itertools
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from lockbay import clock
from lockbay.events.models import Event
from payments import evidence, rechecking
from payments.actions.apply_event import drain
from payments.actions.receive_event import receive_answer
from payments.actions.replay_event import replay_event
from payments.chains.base import Transfer
from payments.chains.checks import Expectation
from payments.errors import PlanIncomplete
from payments.evidence import Evidence
from payments.folded import Vanished
from payments.interpreting import Verdict
from payments.models import Deposit, InboxEvent, Intent
from payments.providers.onchain import OnChain
from payments.rechecking import Loss
from payments.states import DepositState
from payments.suspense import unassigned
from tests.at_once import at_once
from tests.payments.assigning import assign
from tests.payments.money_in import NotingPurpose, an_intent, payer
from wallets.accounts import CLEARING, SUSPENSE, platform_account, user_account
from wallets.actions.transfer import transfer
from wallets.debts import debt_of
from wallets.errors import InsufficientFunds
from wallets.models import Operation
from wallets.money import Money
from wallets.queries import balance_of, balances_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("books_green")]

OURS = "0x" + "c0" * 20
TXID = "0x" + "ab" * 32


def asked(who: str = "bea", **more: Any) -> Intent:
    """A request at our own address."""
    intent = an_intent(provider="onchain", network="ERC20", who=payer(who), **more)
    Intent.objects.filter(pk=intent.pk).update(provider_payment_id=intent.public_id, address=OURS)
    intent.refresh_from_db()
    return intent


def seen(intent: Intent, look: int, *, minor: int | None = None, txid: str = TXID) -> bytes:
    """The document of a look that found the payment deep in a block."""
    now = clock.now()
    transfer_ = Transfer(
        chain="ethereum",
        txid=txid,
        asset="USDT",
        contract="0x" + "da" * 20,
        recipient=OURS,
        raw_amount=intent.pay_minor if minor is None else minor,
        raw_digits=6,
        succeeded=True,
        block_number=100,
        block_hash="0xb10c",
        block_time=now,
        confirmations=20,
        is_final=True,
    )
    expected = Expectation(
        address=OURS,
        asset="USDT",
        expected_usd=Decimal(intent.price_minor) / 100,
        usd_per_coin=Decimal(intent.rate),
        is_hash_unused=True,
        intent_made_at=now - timedelta(minutes=5),
        pasted_at=now,
        confirmations_needed=20,
    )
    found = Evidence(txid, "ERC20", (transfer_,), expected, intent.pay_minor, False, False, look)
    return evidence.write(intent.public_id, found, [])


def gone(intent: Intent, look: int, *, payment_id: str = "", txid: str = TXID) -> bytes:
    """The document of a look that found no block with it."""
    loss = Loss(
        cause="gone",
        look=look,
        payment_id=payment_id or intent.public_id,
        network="ERC20",
        txid=txid,
        address=OURS,
        asset="USDT",
        block_number=100,
        block_hash="0xb10c",
        found_hash="",
        confirmations=0,
    )
    return rechecking.write(intent.public_id, loss, [])


def told(intent: Intent, *documents: bytes) -> list[str]:
    """Stores the documents in this order and applies them; the outcomes of the last look at each."""
    rows = [receive_answer(provider=OnChain(), raw=raw, payment_id=intent.public_id) for raw in documents]
    drain()
    found = InboxEvent.objects.in_bulk([row for row in rows if row is not None])
    return [found[row].last_outcome if row else "known" for row in rows]


def available(name: str = "bea") -> Money:
    return balances_of(payer(name).pk).get(("available", "USD"), Money(0, "USD"))


def keys() -> list[str]:
    found = Operation.objects.filter(key__startswith="deposit:").order_by("pk").values_list("key", flat=True)
    return [key.split(":", 2)[2] for key in found]


class TestOrder:
    @pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
    def test_the_newest_look_is_right_in_whatever_order_it_is_told(self, order: tuple[int, ...]) -> None:
        """F6: confirmed, gone, confirmed again."""
        intent = asked()
        documents = [seen(intent, 1), gone(intent, 2), seen(intent, 3)]
        for number in order:
            told(intent, documents[number])
        InboxEvent.objects.filter(status="pending").update(next_try_at=None)
        drain()
        assert (available(), Deposit.objects.get().state) == (Money(2000, "USD"), DepositState.CONFIRMED)

    @pytest.mark.parametrize("is_one_batch", [True, False])
    @pytest.mark.parametrize("order", [(0, 1), (1, 0), (0, 1, 1, 0, 1)])
    def test_what_was_seen_before_it_vanished_credits_nothing(self, order: tuple[int, ...], is_one_batch: bool) -> None:
        intent = asked()
        documents = [seen(intent, 1), gone(intent, 2)]
        if is_one_batch:
            told(intent, *(documents[number] for number in order))
        else:
            for number in order:
                told(intent, documents[number])
        InboxEvent.objects.filter(status="pending").update(next_try_at=None)
        drain()
        assert (available().minor, Deposit.objects.get().state) == (0, DepositState.PENDING)
        assert keys() == ["credit:1", "uncredit:1"]

    def test_it_vanishes_and_returns_as_often_as_it_likes(self) -> None:
        intent = asked()
        told(intent, *(raw for look in (1, 3, 5) for raw in (seen(intent, look), gone(intent, look + 1))))
        assert keys() == [f"{word}:{n}" for n in (1, 2, 3) for word in ("credit", "uncredit")]
        assert (Deposit.objects.get().times_vanished, available().minor) == (3, 0)
        assert Event.objects.filter(kind="deposit.vanished").count() == 3

    def test_replaying_what_is_no_longer_true_changes_nothing(self) -> None:
        intent = asked()
        told(intent, seen(intent, 1), gone(intent, 2))
        for row in InboxEvent.objects.order_by("pk"):
            report = replay_event(actor=None, inbox_id=row.pk, dry_run=False, reason="to see")
            assert (report.outcome, report.entries) == ("duplicate", ())
        assert [(row.effect, len(row.operations)) for row in InboxEvent.objects.order_by("pk")] == [
            ("credited", 1),
            ("uncredited", 1),
        ]

    def test_a_loss_without_its_number_waits_for_a_person(self) -> None:
        intent = asked()
        assert told(intent, seen(intent, 1), gone(intent, 0)) == ["applied", "failed"]
        assert (InboxEvent.objects.latest("pk").status, available()) == ("parked", Money(2000, "USD"))

    def test_a_loss_of_something_never_heard_of_waits(self) -> None:
        intent = asked()
        assert told(intent, gone(intent, 2)) == ["retry_later"]
        assert not Deposit.objects.exists()

    def test_a_document_that_lacks_a_fact_is_parked(self) -> None:
        intent = asked()
        raw = gone(intent, 2).replace(b'"cause":"gone",', b"")
        assert told(intent, raw) == ["failed"]
        assert InboxEvent.objects.get().status == "parked"


class TestAtOnce:
    def test_told_by_sixteen_at_once_it_is_taken_back_once(self) -> None:
        intent = asked()
        told(intent, seen(intent, 1))
        at_once(lambda _: told(intent, gone(intent, 2)), range(16))
        drain()
        assert (keys(), available().minor) == (["credit:1", "uncredit:1"], 0)
        assert InboxEvent.objects.count() == 2

    def test_sixteen_looks_that_all_found_it_gone_take_it_back_once(self) -> None:
        intent = asked()
        told(intent, seen(intent, 1))
        at_once(lambda look: told(intent, gone(intent, look)), range(2, 18))
        drain()
        assert keys() == ["credit:1", "uncredit:1"]

    def test_gone_and_confirmed_at_once_ends_with_the_newer(self) -> None:
        intent = asked()
        told(intent, seen(intent, 1))
        documents = [gone(intent, look) if look % 2 == 0 else seen(intent, look) for look in range(2, 18)]
        at_once(lambda raw: told(intent, raw), documents)
        InboxEvent.objects.filter(status="pending").update(next_try_at=None)
        drain()
        assert (Deposit.objects.get().state, available()) == (DepositState.CONFIRMED, Money(2000, "USD"))
        assert keys()[-1].startswith("credit:")

    def test_spending_while_it_is_taken_back_loses_no_cent(self) -> None:
        intent = asked()
        told(intent, seen(intent, 1))
        bea, sol = (user_account(payer(name).pk, "USD") for name in ("bea", "sol"))

        def act(number: int) -> None:
            if number == 0:
                told(intent, gone(intent, 2))
            else:
                with suppress(InsufficientFunds):  # whoever comes too late
                    transfer(actor=None, key=f"pay:{number}", source=bea, target=sol, money=Money(300, "USD"))

        at_once(act, range(7))
        drain()
        assert available().minor == 0
        assert debt_of(payer().pk) == available("sol")


class TestWhereItGoes:
    def test_several_deposits_of_one_payer_take_from_one_wallet(self) -> None:
        first, second = asked(), asked()
        other = "0x" + "cd" * 32
        told(first, seen(first, 1))
        told(second, seen(second, 1, txid=other))
        transfer(
            actor=None,
            key="spent",
            source=user_account(payer().pk, "USD"),
            target=user_account(payer("sol").pk, "USD"),
            money=Money(2500, "USD"),
        )
        told(first, gone(first, 2))
        told(second, gone(second, 2, txid=other))
        assert (available().minor, debt_of(payer().pk)) == (0, Money(2500, "USD"))
        data = [event.data for event in Event.objects.filter(kind="deposit.vanished").order_by("pk")]
        assert [(one["from_available"], one["debt"]) for one in data] == [("15.00 USD", "5.00 USD"), ("", "20.00 USD")]

    def test_suspense_goes_back_whole_and_returns_there(self) -> None:
        intent = asked()
        told(intent, seen(intent, 1, minor=900_000_000))
        held = f"held:{TXID}"[:100]
        assert len(unassigned()) == 1
        told(intent, gone(intent, 2, payment_id=held))
        assert (unassigned(), balance_of(platform_account(SUSPENSE, "USDT"))) == ([], Money(0, "USDT"))
        assert Event.objects.get(kind="deposit.vanished").data["user_id"] is None
        told(intent, seen(intent, 3, minor=900_000_000))
        assert len(unassigned()) == 1
        assert keys() == ["credit:1", "uncredit:1", "credit:2"]

    def test_what_staff_had_assigned_is_taken_from_whoever_got_it(self) -> None:
        """It had left suspense for good: it goes back out through clearing, and back to the same request."""
        intent = asked()
        told(intent, seen(intent, 1, minor=900_000_000))
        sol = an_intent(who=payer("sol"), price="900.00")
        (deposit,) = unassigned()
        assign(deposit, sol)
        assert available("sol") == Money(90_000, "USD")
        told(intent, gone(intent, 2, payment_id=f"held:{TXID}"[:100]))
        assert available("sol").minor == 0
        for kind, reference in ((SUSPENSE, ""), (CLEARING, "onchain")):
            assert balance_of(platform_account(kind, "USDT", reference)) == Money(0, "USDT")
        told(intent, seen(intent, 3, minor=900_000_000))
        assert available("sol") == Money(90_000, "USD")
        assert keys() == ["credit:1", "credit:2", "uncredit:2", "credit:3"]

    def test_money_from_suspense_that_is_proven_somebodys_when_it_returns_is_theirs(self) -> None:
        intent = asked(price="900.00")
        other = asked("eve", price="20.00")
        told(other, seen(other, 1, minor=intent.pay_minor))
        told(other, gone(other, 2, payment_id=f"held:{TXID}"[:100]))
        told(intent, seen(intent, 3))
        assert (available(), available("eve").minor) == (Money(90_000, "USD"), 0)
        assert Deposit.objects.get().intent_id == intent.pk

    def test_dust_goes_back_whole(self) -> None:
        intent = asked()
        told(intent, seen(intent, 1))
        Deposit.objects.update(txid="0x" + "ee" * 32)
        small = an_intent(provider="onchain", network="ERC20", who=payer(), price="0.01", rate="0.0001")
        Intent.objects.filter(pk=small.pk).update(provider_payment_id=small.public_id, address=OURS)
        small.refresh_from_db()
        told(small, seen(small, 1, minor=99_000_000))
        deposit = Deposit.objects.get(txid=TXID)
        assert (deposit.value_minor, deposit.state) == (0, DepositState.CONFIRMED)
        told(small, gone(small, 2))
        assert keys() == ["credit:1", "credit:1", "uncredit:1"]
        assert available() == Money(2000, "USD")

    def test_the_purpose_learns_that_it_is_credited_again(self, noting: NotingPurpose) -> None:
        intent = asked(purpose="noting")
        told(intent, seen(intent, 1), gone(intent, 2), seen(intent, 3))
        assert [one.is_again for one in noting.planned] == [False, True]

    def test_a_credit_that_the_books_do_not_know_is_not_taken_back(self) -> None:
        intent = asked()
        told(intent, seen(intent, 1))
        Deposit.objects.update(credits=7)
        assert told(intent, gone(intent, 2)) == ["failed"]
        assert PlanIncomplete.__name__ in InboxEvent.objects.latest("pk").error
        assert available() == Money(2000, "USD")
        Deposit.objects.update(credits=1)

    def test_nothing_is_taken_back_outside_a_transaction(self) -> None:
        from payments.actions.revert_deposit import take_back_within

        row = Vanished(Deposit(), None, None, Verdict(InboxEvent()), "gone")
        with pytest.raises(RuntimeError):
            take_back_within([row])
        assert take_back_within([]) == ([], [])
