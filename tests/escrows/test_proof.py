"""The proof names a trade whose hold, facts or events do not hold (B8). Each rule is seen red here."""

from typing import Any

import pytest
from django.db import connection, transaction

from escrows.models import Escrow
from escrows.proof import check_confirmed_complete, check_event_chains, check_holds
from escrows.states import Status
from lockbay.events.models import Event
from tests.cast import a_paid_trade, a_trade_in, bea, usd
from wallets.accounts import hold_account, user_account
from wallets.actions.transfer import transfer
from wallets.proof import check_ledger

pytestmark = pytest.mark.django_db(transaction=True)


def test_trades_in_every_status_are_green() -> None:
    for status in sorted(set(Status) - {Status.EXPIRED}):
        a_trade_in(status)
    assert check_ledger(full=True).breaches == []
    assert check_ledger(full=False).breaches == []


def test_a_hold_with_too_little_is_named() -> None:
    trade = a_paid_trade()
    hold = hold_account(trade.public_id, "USD")
    transfer(actor=None, key="theft", source=hold, target=user_account(bea().pk, "USD"), money=usd("0.01"))
    assert [(breach.subject, breach.asset) for breach in check_holds(False)] == [(trade.public_id, "USD")]


def test_money_left_in_the_hold_of_a_closed_trade_is_named() -> None:
    trade = a_paid_trade()
    Escrow.objects.filter(pk=trade.pk).update(status=Status.CANCELLED)
    assert [breach.subject for breach in check_holds(False)] == [trade.public_id]


def test_an_empty_hold_and_a_snapshot_that_cannot_be_trusted_are_named() -> None:
    trade, other = a_trade_in(Status.COMPLETED), a_paid_trade()
    Escrow.objects.filter(pk=trade.pk).update(status=Status.ACTIVE)
    Escrow.objects.filter(pk=other.pk).update(pricing={})
    assert {breach.subject for breach in check_holds(False)} == {trade.public_id, other.public_id}


def test_an_incomplete_confirmed_trade_is_named() -> None:
    trade = a_paid_trade()
    assert list(check_confirmed_complete(False)) == []
    with transaction.atomic(), connection.cursor() as cursor:
        _forget_the_constraint(cursor)
        Escrow.objects.filter(pk=trade.pk).update(deposit_reference="")
        assert [breach.subject for breach in check_confirmed_complete(False)] == [trade.public_id]
        transaction.set_rollback(True)
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA ignore_check_constraints = 0")


def test_a_changed_event_is_named_by_the_full_proof_only() -> None:
    trade = a_paid_trade()
    fact = Event.objects.filter(subject_id=trade.pk).order_by("seq").first()
    assert fact is not None
    _change_against_the_trigger(fact.pk)
    assert list(check_event_chains(False)) == []
    assert [breach.subject for breach in check_event_chains(True)] == [trade.public_id]


def test_looking_at_every_chain_costs_one_statement(django_assert_num_queries: Any) -> None:
    """A question a trade would outgrow the time that the queue gives the daily proof."""
    for _ in range(3):
        a_paid_trade()
    with django_assert_num_queries(1):
        assert list(check_event_chains(True)) == []


def _forget_the_constraint(cursor: Any) -> None:
    if connection.vendor == "sqlite":
        cursor.execute("PRAGMA ignore_check_constraints = 1")
    else:
        cursor.execute("ALTER TABLE escrows_escrow DROP CONSTRAINT escrow_confirmed_is_complete")


def _change_against_the_trigger(pk: int) -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET session_replication_role = replica")
            Event.objects.filter(pk=pk).update(data={"forged": True})
            cursor.execute("SET session_replication_role = DEFAULT")
            return
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'events_event'")
        triggers = cursor.fetchall()
        for name, _sql in triggers:
            cursor.execute(f"DROP TRIGGER {name}")
        Event.objects.filter(pk=pk).update(data={"forged": True})
        for _name, sql in triggers:
            cursor.execute(sql)
