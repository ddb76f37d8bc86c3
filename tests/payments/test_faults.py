"""Faults around the drain: copies and processes at once, exceptions and kills between credit and commit, a failing
COMMIT
(F5, F6, F38, F40, F41, F42)."""

import random
from itertools import permutations
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction

from lockbay.events.kinds import Kind
from lockbay.events.models import Event
from payments import inbox
from payments.actions import apply_event
from payments.actions.apply_event import drain
from payments.actions.replay_event import replay_event
from payments.models import Deposit, InboxEvent, Intent
from payments.states import DepositState, InboxStatus
from tests.at_once import at_once
from tests.payments.money_in import NotingPurpose, a_txid, an_intent, payer, post, raw_of, stored
from wallets.models import Entry, Operation
from wallets.money import Money
from wallets.queries import balances_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("books_green")]


def available(name: str = "bea") -> Money:
    return balances_of(payer(name).pk).get(("available", "USD"), Money(0, "USD"))


def assert_nothing_persisted() -> None:
    assert not Deposit.objects.exists()
    assert not Operation.objects.exists()
    assert not Entry.objects.exists()
    assert not Event.objects.exclude(kind=Kind.INBOX_PARKED).exists()
    assert available().minor == 0


class TestAtOnce:
    def test_the_same_event_from_many_threads_is_one_credit(self) -> None:
        """F5."""
        raw = raw_of(an_intent())
        answers = at_once(lambda _: post(raw).status_code, range(12))
        drain()
        assert answers == [200] * 12
        assert Deposit.objects.count() == 1
        assert available() == Money(2000, "USD")
        assert Event.objects.filter(kind=Kind.DEPOSIT_CREDITED).count() == 1

    def test_many_events_of_one_payment_from_many_threads_are_one_credit(self) -> None:
        intent = an_intent()
        bodies = [raw_of(intent, random.choice(["pending", "confirmed"])) for _ in range(11)] + [raw_of(intent)]
        assert at_once(lambda raw: post(raw).status_code, bodies) == [200] * 12
        drain()
        assert Deposit.objects.count() == 1
        assert available() == Money(2000, "USD")

    def test_drains_at_once_leave_nothing_behind_and_take_nothing_twice(self, noting: NotingPurpose) -> None:
        for _ in range(60):
            stored(raw_of(an_intent(purpose="noting")))
        at_once(lambda _: drain(), range(6))
        drain()
        assert not InboxEvent.objects.exclude(status=InboxStatus.APPLIED).exists()
        assert available() == Money(60 * 2000, "USD")
        assert Operation.objects.count() == 60

    def test_an_event_committed_while_another_holds_the_turn_is_not_left_behind(self, settings: Any) -> None:
        settings.WEBHOOK_APPLY_BUDGET_MS = 30_000  # a slow machine leaves nothing to the worker's next round
        bodies = [raw_of(an_intent()) for _ in range(16)]
        assert at_once(lambda raw: post(raw).status_code, bodies) == [200] * 16
        assert not InboxEvent.objects.filter(status=InboxStatus.PENDING, next_try_at=None).exists()
        assert available() == Money(16 * 2000, "USD")

    def test_an_empty_turn_looks_again_because_somebody_may_have_come_meanwhile(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What was due is gone, taken by the turn before; what came during this one found the turn taken and left."""
        stored(raw_of(an_intent()))
        lock, turns = inbox.lock_due, []

        def lock_after_a_rival(most: int, *, only: int | None = None) -> list[InboxEvent]:
            turns.append(most)
            return [] if len(turns) == 1 else lock(most, only=only)

        monkeypatch.setattr(inbox, "lock_due", lock_after_a_rival)
        assert drain() == 1
        assert available() == Money(2000, "USD")

    def test_rows_that_somebody_holds_for_long_do_not_keep_a_drain_turning(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stored(raw_of(an_intent()))
        monkeypatch.setattr(inbox, "lock_due", lambda _most, **_only: [])
        assert drain() == 0

    def test_a_replay_and_a_drain_at_once_credit_once(self) -> None:
        row = stored(raw_of(an_intent()))
        acts = [drain, lambda: replay_event(actor=None, inbox_id=row.pk, dry_run=False, reason="race")] * 3
        at_once(lambda act: act(), acts)
        row.refresh_from_db()
        assert row.status == InboxStatus.APPLIED
        assert available() == Money(2000, "USD")


@pytest.mark.parametrize("order", list(permutations(["pending", "confirmed", "confirmed again", "other transaction"])))
def test_events_in_any_order_end_as_in_order(order: tuple[str, ...]) -> None:
    """F6."""
    intent = an_intent()
    for step in order:
        txid = a_txid("other") if step == "other transaction" else a_txid("one")
        post(raw_of(intent, "pending" if step == "pending" else "confirmed", txid=txid))
    assert available() == Money(4000, "USD")
    assert set(Deposit.objects.values_list("state", flat=True)) == {DepositState.CONFIRMED}


class TestBetweenCreditAndCommit:
    def test_an_exception_after_the_credit_persists_nothing_and_replay_finishes_it(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """F38."""
        row = stored(raw_of(an_intent()))
        with monkeypatch.context() as patched:
            patched.setattr(apply_event, "_seen_events", _raise(ValueError("after the credit")))
            drain()
        assert_nothing_persisted()
        row.refresh_from_db()
        assert row.status == InboxStatus.PENDING
        assert "ValueError: after the credit" in row.error
        assert "deposit:" not in caplog.text

        report = replay_event(actor=payer("olu"), inbox_id=row.pk, dry_run=False, reason="fixed the cause")
        assert report.status == InboxStatus.APPLIED
        assert available() == Money(2000, "USD")

    @pytest.mark.parametrize("stop", [SystemExit(1), KeyboardInterrupt(), GeneratorExit()])
    def test_a_stop_between_credit_and_commit_is_whole_or_nothing(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, stop: BaseException
    ) -> None:
        """F40."""
        caplog.set_level("INFO")
        row = stored(raw_of(an_intent()))
        with monkeypatch.context() as patched:
            patched.setattr(apply_event, "_seen_events", _raise(stop))
            with pytest.raises(type(stop)):
                drain()
        assert_nothing_persisted()
        assert "INBOX_BATCH_DONE" not in caplog.text
        row.refresh_from_db()
        assert (row.status, row.attempts) == (InboxStatus.PENDING, 0)
        drain()
        assert available() == Money(2000, "USD")

    def test_a_failing_commit_is_neither_logged_as_success_nor_lost(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """F41: COMMIT fails."""
        caplog.set_level("INFO")
        row = stored(raw_of(an_intent()))
        with monkeypatch.context() as patched:
            _break_commit(patched, times=1, does_commit=False)
            assert drain() == 1
        assert_nothing_persisted()
        assert "INBOX_BATCH_DONE" not in caplog.text
        assert "INBOX_BATCH_ROLLED_BACK" in caplog.text
        row.refresh_from_db()
        assert (row.status, row.attempts) == (InboxStatus.PENDING, 1)
        assert "the commit failed" in row.error
        InboxEvent.objects.update(next_try_at=None)
        drain()
        assert available() == Money(2000, "USD")
        assert "INBOX_BATCH_DONE" in caplog.text

    def test_a_commit_whose_reply_is_lost_is_found_done_and_not_done_twice(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """F41: the reply is lost."""
        caplog.set_level("INFO")
        row = stored(raw_of(an_intent()))
        with monkeypatch.context() as patched:
            _break_commit(patched, times=1, does_commit=True)
            drain()
        assert "INBOX_BATCH_DONE" not in caplog.text
        row.refresh_from_db()
        assert (row.status, row.attempts) == (InboxStatus.APPLIED, 1)
        drain()
        assert available() == Money(2000, "USD")
        assert Operation.objects.count() == 1

    def test_a_failing_commit_of_a_batch_is_repeated_event_by_event(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for _ in range(5):
            stored(raw_of(an_intent()))
        with monkeypatch.context() as patched:
            _break_commit(patched, times=1, does_commit=False)
            drain()
        assert available() == Money(5 * 2000, "USD")

    def test_an_event_whose_commit_always_fails_parks_with_an_alert(
        self, monkeypatch: pytest.MonkeyPatch, settings: Any
    ) -> None:
        settings.INBOX_MAX_ATTEMPTS = 3
        row = stored(raw_of(an_intent()))
        for _ in range(3):
            with monkeypatch.context() as patched:
                _break_commit(patched, times=1, does_commit=False)
                InboxEvent.objects.update(next_try_at=None)
                drain()
        row.refresh_from_db()
        assert (row.status, row.attempts, row.next_try_at) == (InboxStatus.PARKED, 3, None)
        assert "the commit failed" in row.error
        assert Event.objects.get(kind=Kind.INBOX_PARKED).subject_id == row.pk
        assert_nothing_persisted()

    def test_the_webhook_still_answers_200_when_the_commit_fails(self, monkeypatch: pytest.MonkeyPatch) -> None:
        raw = raw_of(an_intent())
        with monkeypatch.context() as patched:
            _break_commit(patched, times=1, does_commit=False)
            assert post(raw).status_code == 200
        assert InboxEvent.objects.get().status == InboxStatus.PENDING


def test_a_malformed_snapshot_parks_its_own_event_and_harms_no_neighbour(noting: NotingPurpose, settings: Any) -> None:
    """F42, as this room sees it: a handler that cannot read what it stored."""
    settings.INBOX_MAX_ATTEMPTS = 1
    noting.fails_on, noting.error = {"malformed"}, KeyError
    rows = [stored(raw_of(an_intent(purpose="noting", reference=name))) for name in ("a", "malformed", "b")]
    drain()
    assert list(InboxEvent.objects.order_by("pk").values_list("status", flat=True)) == ["applied", "parked", "applied"]
    rows[1].refresh_from_db()
    assert "Traceback" in rows[1].error
    assert "KeyError" in rows[1].error


def test_no_call_leaves_the_house_inside_a_transaction() -> None:
    """P3."""
    from lockbay.http import NetworkInsideTransaction
    from payments.actions.start_intent import ask_for_address

    intent = an_intent(is_open=False)
    with transaction.atomic(), pytest.raises(NetworkInsideTransaction):
        ask_for_address(intent.pk)
    assert Intent.objects.get().status == "requested"


def _raise(error: BaseException) -> Any:
    def fail(*_: Any) -> Any:
        raise error

    return fail


def _break_commit(monkeypatch: pytest.MonkeyPatch, *, times: int, does_commit: bool) -> None:
    """The driver's COMMIT fails; with `does_commit` the database has done it and only the reply is lost."""
    plain, left = connection._commit, [times]

    def commit() -> None:
        if left[0] and connection.needs_rollback is False:
            left[0] -= 1
            if does_commit:
                plain()
            raise OperationalError("the commit failed")
        plain()

    # Only COMMITs of the drain: storing an event is one statement of its own.
    monkeypatch.setattr(connection, "_commit", commit)
