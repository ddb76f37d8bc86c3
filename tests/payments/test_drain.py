"""The drain: batches in a constant number of round trips, bad events isolated, nothing left behind (P2)."""

import json
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.models import Event
from payments.actions.apply_event import drain
from payments.models import Deposit, InboxEvent, Intent
from payments.states import DepositState, InboxStatus
from tests.payments.money_in import NotingPurpose, a_txid, an_intent, body_of, payer, raw_of, stored
from wallets.models import Operation
from wallets.money import Money
from wallets.queries import balances_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("books_green")]


def available() -> Money:
    return balances_of(payer().pk).get(("available", "USD"), Money(0, "USD"))


def test_a_confirmed_payment_reaches_the_wallet() -> None:
    intent = an_intent(price="20.00")
    row = stored(raw_of(intent))

    assert drain() == 1

    row.refresh_from_db()
    deposit = Deposit.objects.get()
    assert (row.status, row.operations) == (InboxStatus.APPLIED, [f"deposit:{deposit.pk}:credit:1"])
    assert deposit.state == DepositState.CONFIRMED
    assert available() == Money(2000, "USD")
    assert Event.objects.get(kind=Kind.DEPOSIT_CREDITED).data["value"] == "20.00 USD"


def test_the_entries_go_from_clearing_through_exchange_to_the_wallet() -> None:
    stored(raw_of(an_intent(price="20.00", asset="BTC", network="BTC", rate="40000")))
    drain()
    entries = {str(entry.account): entry.amount for entry in Operation.objects.get().entries.select_related("account")}
    assert entries == {
        "platform:clearing/sandbox:BTC": -50_000,
        "platform:fx:BTC": 50_000,
        "platform:fx:USD": -2_000,
        f"user:{payer().pk}:available:USD": 2_000,
    }


def test_a_drain_of_100_asks_the_database_as_often_as_a_drain_of_one() -> None:
    stored(raw_of(an_intent()))
    drain()  # opens the accounts
    counts = []
    for size in (1, 100):
        for _ in range(size):
            stored(raw_of(an_intent()))
        clock.now()  # the sandbox's clock is read at most twice a second
        with CaptureQueriesContext(connection) as captured:
            assert drain() == size
        counts.append(len([q for q in captured if "virtualclock" not in q["sql"]]))
    assert counts[0] == counts[1]


def test_a_backlog_is_taken_in_batches_of_a_hundred(noting: NotingPurpose) -> None:
    intents = [an_intent(purpose="noting") for _ in range(130)]
    for intent in intents:
        stored(raw_of(intent))
    assert drain() == 130
    assert [len(references) for references in noting.locked] == [100, 30]
    assert noting.applied == 130


def test_a_bad_event_fails_alone_and_keeps_its_traceback(noting: NotingPurpose) -> None:
    noting.fails_on = {"bad"}
    rows = [stored(raw_of(an_intent(purpose="noting", reference=name))) for name in ("a", "b", "bad", "c", "d")]

    drain()

    states = {row.pk: InboxEvent.objects.get(pk=row.pk) for row in rows}
    assert [states[row.pk].status for row in rows] == ["applied", "applied", "pending", "applied", "applied"]
    bad = states[rows[2].pk]
    assert "RuntimeError: no plan for bad" in bad.error
    assert bad.attempts == 1
    assert bad.next_try_at > clock.real_now()
    assert not Deposit.objects.filter(intent__reference="bad").exists()


def test_a_failed_event_is_tried_again_and_parks_with_an_alert_after_the_last_try(
    noting: NotingPurpose, settings: Any
) -> None:
    settings.INBOX_MAX_ATTEMPTS = 3
    noting.fails_on = {"bad"}
    row = stored(raw_of(an_intent(purpose="noting", reference="bad")))
    for _ in range(3):
        InboxEvent.objects.update(next_try_at=None)
        drain()
    row.refresh_from_db()
    assert (row.status, row.attempts) == (InboxStatus.PARKED, 3)
    alert = Event.objects.get(kind=Kind.INBOX_PARKED)
    assert alert.subject_id == row.pk
    assert "no plan for bad" in alert.data["reason"]


def test_a_failed_event_is_applied_once_its_cause_is_gone(noting: NotingPurpose) -> None:
    noting.fails_on = {"bad"}
    row = stored(raw_of(an_intent(purpose="noting", reference="bad")))
    drain()
    noting.fails_on = set()
    InboxEvent.objects.update(next_try_at=None)
    drain()
    row.refresh_from_db()
    assert (row.status, row.error) == (InboxStatus.APPLIED, "")
    assert available() == Money(2000, "USD")


def test_a_database_error_in_one_event_does_not_harm_its_neighbours(noting: NotingPurpose, monkeypatch: Any) -> None:
    def break_the_database(deposits: Any) -> None:
        if any(deposit.intent.reference == "bad" for deposit in deposits):
            Deposit.objects.create(intent_id=None, minor=-1, first_seen_at=clock.now())

    plain = NotingPurpose.plan

    def plan(self: NotingPurpose, locked: Any, deposits: Any) -> Any:
        plan = plain(self, locked, deposits)
        plan.apply = lambda: break_the_database(deposits)
        return plan

    monkeypatch.setattr(NotingPurpose, "plan", plan)
    rows = [stored(raw_of(an_intent(purpose="noting", reference=name))) for name in ("a", "bad", "c")]
    drain()
    assert list(InboxEvent.objects.order_by("pk").values_list("status", flat=True)) == ["applied", "pending", "applied"]
    rows[1].refresh_from_db()
    assert "IntegrityError" in rows[1].error


@pytest.mark.parametrize("purpose", ["nobody", "noting"])
def test_a_purpose_without_a_handler_or_a_plan_fails_its_event(
    noting: NotingPurpose, monkeypatch: Any, purpose: str
) -> None:
    from payments.purposes import Plan

    monkeypatch.setattr(NotingPurpose, "plan", lambda *_: Plan())
    row = stored(raw_of(an_intent(purpose=purpose)))
    drain()
    row.refresh_from_db()
    assert row.status == InboxStatus.PENDING
    assert ("UnknownPurpose" if purpose == "nobody" else "PlanIncomplete") in row.error


class TestOneDeposit:
    def test_pending_then_confirmed_credits_once(self) -> None:
        intent = an_intent()
        stored(raw_of(intent, "pending"))
        drain()
        assert Deposit.objects.get().state == DepositState.PENDING
        assert available().minor == 0
        assert Event.objects.filter(kind=Kind.DEPOSIT_PENDING).count() == 1
        stored(raw_of(intent, "confirmed"))
        drain()
        assert Deposit.objects.get().state == DepositState.CONFIRMED
        assert available().minor == 2000

    @pytest.mark.parametrize("is_one_batch", [True, False])
    @pytest.mark.parametrize(
        "order", [["confirmed", "pending"], ["confirmed"] * 3, ["pending", "pending", "confirmed"]]
    )
    def test_reordered_and_repeated_events_change_nothing(self, order: list[str], is_one_batch: bool) -> None:
        intent = an_intent()
        for status in order:
            stored(raw_of(intent, status))
            if not is_one_batch:
                drain()
        drain()
        assert Deposit.objects.get().state == DepositState.CONFIRMED
        assert available() == Money(2000, "USD")
        assert not InboxEvent.objects.filter(status__in=["pending", "parked"]).exists()

    def test_two_transactions_to_one_address_are_two_deposits(self) -> None:
        intent = an_intent()
        stored(raw_of(intent, txid=a_txid(1)))
        stored(raw_of(intent, txid=a_txid(2), amount_received="5"))
        drain()
        assert available() == Money(2500, "USD")
        assert Deposit.objects.count() == 2

    @pytest.mark.parametrize("spelling", [str.upper, lambda txid: f" {txid} ", lambda txid: f"0x{txid}"])
    def test_one_transaction_in_another_spelling_is_one_deposit(self, spelling: Any) -> None:
        intent = an_intent()
        stored(raw_of(intent, txid=a_txid(1)))
        drain()
        stored(raw_of(intent, txid=spelling(a_txid(1))))
        drain()
        assert Deposit.objects.count() == 1
        assert available() == Money(2000, "USD")

    @pytest.mark.parametrize("is_one_batch", [True, False])
    def test_a_transaction_id_that_comes_later_is_merged(self, is_one_batch: bool) -> None:
        intent = an_intent()
        stored(raw_of(intent, "pending", txid=""))
        if not is_one_batch:
            drain()
        stored(raw_of(intent, "confirmed"))
        drain()
        assert Deposit.objects.get().txid == a_txid(intent.pk)
        assert available() == Money(2000, "USD")

    def test_a_transaction_id_after_the_credit_is_merged_and_not_credited_again(self) -> None:
        intent = an_intent()
        stored(raw_of(intent, txid=None))
        drain()
        stored(raw_of(intent))
        drain()
        assert Deposit.objects.get().txid == a_txid(intent.pk)
        assert available() == Money(2000, "USD")

    def test_another_payment_that_is_only_seen_does_not_take_the_place_of_a_credited_one(self) -> None:
        """The credited one has no transaction id yet: a second one's must not stick to it, or its own credits twice."""
        intent = an_intent()
        stored(raw_of(intent, txid=None))
        drain()
        stored(raw_of(intent, "pending", txid=a_txid("second"), amount_received="5"))
        drain()
        stored(raw_of(intent, txid=a_txid("first")))
        drain()
        assert available() == Money(2000, "USD")
        assert Deposit.objects.get().txid == a_txid("first")
        stored(raw_of(intent, txid=a_txid("second"), amount_received="5"))
        drain()
        assert available() == Money(2500, "USD")

    def test_a_sum_over_several_payments_is_not_booked_on_one_transaction(self) -> None:
        """An answer without transaction id names what came in all; the transactions are then reported one by one."""
        intent = an_intent()
        stored(raw_of(intent, "pending", txid=a_txid("first")))
        drain()
        row = stored(raw_of(intent, txid=None, amount_received="40"))
        drain()
        for name in ("first", "second"):
            stored(raw_of(intent, txid=a_txid(name)))
            drain()
        row.refresh_from_db()
        assert row.status == InboxStatus.PARKED
        assert available() == Money(4000, "USD")

    def test_money_confirmed_for_one_payment_while_it_waits_under_another_is_shown_to_a_person(self) -> None:
        first, second = an_intent(), an_intent()
        Intent.objects.filter(pk=second.pk).update(address=first.address)  # addresses come from a pool
        second.refresh_from_db()
        stored(raw_of(first, "pending", txid=a_txid("same")))
        row = stored(raw_of(second, txid=a_txid("same")))
        drain()
        row.refresh_from_db()
        assert (row.status, row.error) == (InboxStatus.PARKED, "seen_for_another_payment")

    def test_the_raw_amount_is_kept_with_all_its_digits(self) -> None:
        intent = an_intent()
        stored(raw_of(intent, "pending", amount_received="1"))
        drain()
        stored(raw_of(intent, amount_received="19.500000123456789"))
        drain()
        assert (Deposit.objects.get().raw_amount, Deposit.objects.get().minor) == ("19.500000123456789", 19_500_000)

    def test_a_transaction_id_of_the_wrong_form_is_no_key(self) -> None:
        stored(raw_of(an_intent(), txid="0xnot-a-hash"))
        drain()
        assert Deposit.objects.get().txid == ""

    def test_a_confirmed_amount_that_is_contradicted_parks_and_changes_nothing(self) -> None:
        intent = an_intent()
        stored(raw_of(intent))
        drain()
        row = stored(raw_of(intent, amount_received="2000"))
        drain()
        row.refresh_from_db()
        assert (row.status, row.error) == (InboxStatus.PARKED, "amount_differs")
        assert available() == Money(2000, "USD")

    def test_the_confirmed_amount_counts_not_the_pending_one(self) -> None:
        intent = an_intent()
        stored(raw_of(intent, "pending", amount_received="1"))
        stored(raw_of(intent, "confirmed", amount_received="19.5"))
        drain()
        assert available() == Money(1950, "USD")

    def test_two_payments_reporting_one_transaction_credit_once(self) -> None:
        first, second = an_intent(), an_intent()
        Intent.objects.filter(pk=second.pk).update(address=first.address)  # addresses come from a pool
        second.refresh_from_db()
        stored(raw_of(first, txid=a_txid("same")))
        stored(raw_of(second, txid=a_txid("same")))
        drain()
        assert Deposit.objects.count() == 1
        assert available() == Money(2000, "USD")

    def test_a_pool_address_used_again_belongs_to_the_payment_that_is_named(self) -> None:
        first, second = an_intent(price="20.00"), an_intent(price="7.00")
        Intent.objects.filter(pk=second.pk).update(address=first.address)
        second.refresh_from_db()
        stored(raw_of(second))
        drain()
        assert Deposit.objects.get().intent_id == second.pk


class TestValue:
    def test_in_time_counts_at_the_frozen_rate_and_needs_no_live_one(self) -> None:
        stored(raw_of(an_intent(asset="BTC", network="BTC", rate="40000", price="20.00")))
        drain()
        assert available() == Money(2000, "USD")

    def test_the_value_is_floored_to_the_cent(self) -> None:
        stored(raw_of(an_intent(), amount_received="1.999999"))
        drain()
        assert available() == Money(199, "USD")

    def test_seen_in_time_and_confirmed_late_is_in_time(self) -> None:
        intent = an_intent(asset="BTC", network="BTC", rate="40000", price="20.00")
        stored(raw_of(intent, "pending"))
        drain()
        Intent.objects.update(expires_at=Deposit.objects.get().first_seen_at)
        stored(raw_of(intent, "confirmed"))
        drain()
        assert not Deposit.objects.get().is_late
        assert available() == Money(2000, "USD")

    def test_late_money_waits_for_a_fresh_rate_and_is_never_judged_by_the_old_one(self) -> None:
        from payments.models import StoredRate
        from payments.rates import quotes

        intent = an_intent(asset="BTC", network="BTC", rate="40000", price="20.00", minutes=-1)
        row = stored(raw_of(intent))
        drain()
        row.refresh_from_db()
        assert (row.status, row.last_outcome) == (InboxStatus.PENDING, "retry_later")
        assert Deposit.objects.get().state == DepositState.PENDING

        StoredRate.objects.create(base="BTC", quote="USD", rate="50000", source="test", fetched_at=clock.real_now())
        quotes.forget_all()
        InboxEvent.objects.update(next_try_at=None)
        drain()

        deposit = Deposit.objects.get()
        assert deposit.is_late
        assert Decimal(deposit.value_rate) == 50_000
        assert available() == Money(2500, "USD")

    def test_waiting_for_a_rate_never_parks(self, settings: Any) -> None:
        settings.INBOX_MAX_ATTEMPTS = 2
        row = stored(raw_of(an_intent(asset="BTC", network="BTC", rate="40000", minutes=-1)))
        for _ in range(4):
            InboxEvent.objects.update(next_try_at=None)
            drain()
        row.refresh_from_db()
        assert (row.status, row.attempts) == (InboxStatus.PENDING, 4)

    def test_the_first_failure_after_a_long_wait_is_not_the_last_try(
        self, noting: NotingPurpose, settings: Any
    ) -> None:
        settings.INBOX_MAX_ATTEMPTS = 2
        row = stored(raw_of(an_intent(purpose="noting", reference="bad", is_open=False), payment_id="pay_early"))
        for _ in range(4):
            InboxEvent.objects.update(next_try_at=None)
            drain()
        Intent.objects.update(status="open", provider_payment_id="pay_early", address="SANDBOXTearly")
        InboxEvent.objects.filter(pk=row.pk).update(next_try_at=None)
        noting.fails_on = {"bad"}
        drain()
        row.refresh_from_db()
        assert (row.status, row.last_outcome) == (InboxStatus.PENDING, "failed")

    def test_dust_is_booked_as_the_houses_own(self) -> None:
        row = stored(raw_of(an_intent(), amount_received="0.009999"))
        drain()
        row.refresh_from_db()
        operation = Operation.objects.get()
        assert (row.status, operation.kind, available().minor) == (InboxStatus.APPLIED, "deposit_dust", 0)
        assert sorted(operation.entries.values_list("amount", flat=True)) == [-9999, 9999]

    @pytest.mark.parametrize("amount", ["0", "0.0000001"])
    def test_nothing_received_is_ignored(self, amount: str) -> None:
        row = stored(raw_of(an_intent(), amount_received=amount))
        drain()
        row.refresh_from_db()
        assert row.status == InboxStatus.IGNORED
        assert not Deposit.objects.exists()


class TestParked:
    """Well signed, but nothing a machine can do: kept, alerted, nothing else changes."""

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            (
                {"payment_id": "pay_of_somebody_else", "reference": "?", "type": "payment.pending"},
                "unknown_payment",
            ),
            ({"type": "payment.exploded"}, "unknown_kind"),
            ({"currency": "BTC"}, "wrong_asset"),
            ({"network": "ERC20"}, "wrong_network"),
            ({"address": "SANDBOXTsomebody"}, "wrong_address"),
            ({"amount_received": "9" * 24}, "amount_out_of_range"),
            ({"amount_received": "-5"}, "bad_amount"),
            ({"amount_received": "１２"}, "bad_amount"),
            ({"amount_received": True}, "bad_amount"),
            ({"amount_received": None}, "bad_amount"),
            ({"amount_received": [1]}, "bad_amount"),
            ({"payment_id": 7}, "bad_field"),
            ({"txid": {}}, "bad_field"),
            ({"currency": None}, "bad_field"),
        ],
    )
    def test_parks_at_once_with_an_alert(self, changes: dict[str, Any], reason: str) -> None:
        intent = an_intent()
        row = stored(json.dumps(body_of(intent, **changes)).encode())
        drain()
        row.refresh_from_db()
        assert row.status == InboxStatus.PARKED
        assert row.error.startswith(reason)
        assert Event.objects.get(kind=Kind.INBOX_PARKED).subject_id == row.pk
        assert not Deposit.objects.exists()
        assert not Operation.objects.exists()

    def test_an_event_that_comes_before_the_address_is_committed_waits_for_it(self) -> None:
        intent = an_intent(is_open=False)
        row = stored(raw_of(intent, payment_id="pay_early", address="SANDBOXTearly"))
        drain()
        row.refresh_from_db()
        assert (row.status, row.last_outcome) == (InboxStatus.PENDING, "retry_later")

        Intent.objects.update(status="open", provider_payment_id="pay_early", address="SANDBOXTearly")
        InboxEvent.objects.update(next_try_at=None)
        drain()
        row.refresh_from_db()
        assert row.status == InboxStatus.APPLIED


def test_a_foreign_key_that_breaks_only_at_commit_harms_no_neighbour(
    noting: NotingPurpose, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """PostgreSQL shows it at the batch's end, inside the savepoint; SQLite at COMMIT, and the batch is taken singly."""

    def point_at_nothing(deposits: Any) -> None:
        for deposit in deposits:
            if deposit.intent.reference == "bad":
                Intent.objects.filter(pk=deposit.intent.pk).update(payer_id=10**9)

    plain = NotingPurpose.plan

    def plan(self: NotingPurpose, locked: Any, deposits: Any) -> Any:
        plan = plain(self, locked, deposits)
        plan.apply = lambda: point_at_nothing(deposits)
        return plan

    monkeypatch.setattr(NotingPurpose, "plan", plan)
    rows = [stored(raw_of(an_intent(purpose="noting", reference=name))) for name in ("a", "bad", "c")]
    drain()
    assert ("INBOX_BATCH_ROLLED_BACK" in caplog.text) == (connection.vendor == "sqlite")
    assert list(InboxEvent.objects.order_by("pk").values_list("status", flat=True)) == ["applied", "pending", "applied"]
    rows[1].refresh_from_db()
    assert "IntegrityError" in rows[1].error
