"""Every rule of the proof is seen red (B8): the books are broken by SQL with the database's own guards off, as somebody
with its password could, and the proof names the rule that caught it and stops the payouts."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection, transaction

from payments.actions.apply_event import drain
from tests.cast import an_active_trade, bea, give
from tests.payments.money_in import an_intent, raw_of, stored
from tests.withdrawals.stories import a_request, approved
from wallets import proof, proof_sql
from wallets.models import PayoutStop
from wallets.proof import check_ledger

# By rule: what somebody did to the rows.
CORRUPTIONS: dict[str, str] = {
    "operation_balances": (
        "UPDATE wallets_entry SET amount = amount + 1 "
        "WHERE id = (SELECT min(id) FROM wallets_entry WHERE balance_after IS NOT NULL)"
    ),
    "entry_matches_account": (
        "UPDATE wallets_entry SET asset = 'NGN' WHERE operation_id = (SELECT max(operation_id) FROM wallets_entry)"
    ),
    "operation_has_entries": (
        "DELETE FROM wallets_entry WHERE operation_id = (SELECT max(operation_id) FROM wallets_entry)"
    ),
    "balances_chain": (
        "UPDATE wallets_entry SET balance_after = balance_after + 5 "
        "WHERE id = (SELECT min(id) FROM wallets_entry WHERE balance_after IS NOT NULL)"
    ),
    "balance_is_last_entry": (
        "UPDATE wallets_account SET balance = balance + 1 WHERE kind = 'available' AND balance > 0"
    ),
    "floor_holds": "UPDATE wallets_account SET balance = -1 WHERE kind = 'available' AND balance > 0",
    "debt_is_the_loss": "UPDATE wallets_account SET owes = 500 WHERE kind = 'available' AND balance > 0",
    "checkpoint_holds": "UPDATE wallets_checkpoint SET balance = balance + 1",
    "withdrawal_held": (
        "UPDATE wallets_withdrawal SET amount_minor = amount_minor + 1 WHERE status = 'pending_approval'"
    ),
    "withdrawal_hold": "UPDATE wallets_withdrawal SET amount_minor = amount_minor - 1 WHERE status = 'processing'",
    "withdrawal_operations": (
        "UPDATE wallets_withdrawal SET status = 'processing', approved_at = requested_at, payout_minor = 1 "
        "WHERE status = 'pending_approval'"
    ),
    "withdrawal_events_whole": "UPDATE events_event SET data = '{}' WHERE subject_type = 'withdrawal' AND seq = 1",
    "escrow_hold": "UPDATE escrows_escrow SET status = 'cancelled' WHERE status = 'active'",
    "escrow_confirmed_is_complete": "UPDATE escrows_escrow SET payment_confirmed_at = NULL WHERE status = 'active'",
    "escrow_events_whole": "UPDATE events_event SET seq = 99 WHERE subject_type = 'escrow' AND seq = 2",
    "escrow_frozen_misses_money": "UPDATE escrows_escrow SET frozen_at = created_at WHERE status = 'active'",
    "inbox_applied_has_operations": "UPDATE payments_inboxevent SET operations = '[]'",
    "deposit_confirmed_has_operation": "UPDATE wallets_operation SET key = 'x' || key WHERE key LIKE 'deposit:%'",
    "deposit_vanished_is_taken_back": "UPDATE payments_deposit SET state = 'pending' WHERE state = 'confirmed'",
    "deposit_once": (
        "UPDATE payments_deposit SET (chain, txid, recipient) = (SELECT d.chain, upper(d.txid), d.recipient "
        "FROM payments_deposit d WHERE d.id = (SELECT min(id) FROM payments_deposit)) "
        "WHERE id = (SELECT max(id) FROM payments_deposit)"
    ),
}
_TABLES = (
    "wallets_account", "wallets_operation", "wallets_entry", "wallets_checkpoint", "wallets_withdrawal",
    "escrows_escrow", "events_event", "payments_deposit", "payments_inboxevent",
)  # fmt: skip


def test_every_rule_there_is_has_its_corruption() -> None:
    assert set(CORRUPTIONS) == {name for name, _sql, _words in proof_sql.RULES} | set(proof._rules)


@pytest.mark.django_db
def test_each_corruption_is_caught_named_and_stops_payouts() -> None:
    _a_busy_house()
    assert check_ledger(full=True).breaches == []
    missed = {rule: caught for rule, sql in CORRUPTIONS.items() if rule not in (caught := _caught_after(sql))}
    assert missed == {}
    assert check_ledger(full=True).breaches == []  # every corruption was taken back


def _a_busy_house() -> None:
    """A funded trade, two deposits, a withdrawal that waits, one in flight, and money left over."""
    an_active_trade()
    give(bea(), "25.00")
    a_request("50.00")
    approved(a_request("50.00"))
    for _ in range(2):
        stored(raw_of(an_intent()))
    drain()


def _caught_after(sql: str) -> set[str]:
    """The rules that a full proof names after `sql`; everything is rolled back."""
    try:
        with transaction.atomic(), _guards_off(), connection.cursor() as cursor:
            cursor.execute(sql)
            assert cursor.rowcount > 0, sql
            caught = {breach["rule"] for breach in check_ledger(full=True).breaches}
            assert PayoutStop.objects.exists()
            raise _TakenBack
    except _TakenBack:
        return caught


class _TakenBack(Exception):
    """Rolls the corruption back."""


@contextmanager
def _guards_off() -> Iterator[None]:
    """Triggers and CHECKs do nothing inside; the surrounding rollback brings them back."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            for table in _TABLES:
                cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            cursor.execute(
                "SELECT conrelid::regclass::text, conname FROM pg_constraint "
                "WHERE contype = 'c' AND conrelid::regclass::text = ANY(%s)",
                [list(_TABLES)],
            )
            for table, name in cursor.fetchall():
                cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
            yield
            return
        cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        for (name,) in cursor.fetchall():
            cursor.execute(f'DROP TRIGGER "{name}"')
        cursor.execute("PRAGMA ignore_check_constraints = ON")
        try:
            yield
        finally:
            cursor.execute("PRAGMA ignore_check_constraints = OFF")
