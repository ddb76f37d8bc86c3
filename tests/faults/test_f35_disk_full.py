"""F35: the disk is full. What cannot be written is refused with "send again", nothing is half done, and when there is
space again every payment is credited once.

SQLite: the file may not take another page, which it answers as it answers a full disk. PostgreSQL: every INSERT is
answered with the error of a server that cannot extend a table (https://www.postgresql.org/docs/15/disk-full.html).
"""

import contextlib
from collections.abc import Iterator

import pytest
from django.db import OperationalError, connection, transaction

from payments.jobs import drain_inbox
from payments.models import Deposit, InboxEvent, Intent
from payments.states import InboxStatus
from tests.payments.money_in import an_intent, payer, post, raw_of
from tests.wallets.books import BANK, operation, usd
from wallets import ledger
from wallets.accounts import user_account
from wallets.money import parse_money
from wallets.proof import check_ledger
from wallets.queries import balances_of

pytestmark = pytest.mark.django_db(transaction=True)

PAYMENTS = 40
FULL_AFTER = 5


def test_a_full_disk_refuses_and_loses_nothing_and_heals_when_there_is_space() -> None:
    webhooks = [raw_of(an_intent(price="20.00")) for _ in range(PAYMENTS)]
    answers = [post(raw).status_code for raw in webhooks[:FULL_AFTER]]
    assert set(answers) == {200}
    with full_disk():
        refused = [post(raw) for raw in webhooks[FULL_AFTER:]]
        assert 503 in {answer.status_code for answer in refused}
        assert {answer.status_code for answer in refused} <= {200, 503}
        assert all(answer["Retry-After"] == "5" for answer in refused if answer.status_code == 503)
        before = balances_of(payer().pk)
        with pytest.raises(OperationalError, match=r"full|No space"):
            fund_until_it_fails()
        assert balances_of(payer().pk) == before
    taken = FULL_AFTER + sum(answer.status_code == 200 for answer in refused)
    assert InboxEvent.objects.count() == taken
    assert check_ledger(full=True).breaches == []

    for raw in webhooks:
        assert post(raw).status_code == 200
    drain_inbox()
    assert set(InboxEvent.objects.values_list("status", flat=True)) == {InboxStatus.APPLIED}
    assert Deposit.objects.count() == PAYMENTS
    assert balances_of(payer().pk) == {("available", "USD"): parse_money(f"{20 * PAYMENTS}.00", "USD")}
    assert check_ledger(full=True).breaches == []


def fund_until_it_fails() -> None:
    """Moves of money, all of them in one transaction: all or none."""
    wallet = user_account(payer().pk, "USD")
    with transaction.atomic():
        for batch in range(100):
            ledger.post([operation(f"{batch}-{n}", (BANK, usd("-1.00")), (wallet, usd("1.00"))) for n in range(200)])


@contextlib.contextmanager
def full_disk() -> Iterator[None]:
    """No space from here to the end of the block."""
    with _full_sqlite() if connection.vendor == "sqlite" else _full_postgres():
        yield


@contextlib.contextmanager
def _full_sqlite() -> Iterator[None]:
    with connection.cursor() as cursor:
        pages = cursor.execute("PRAGMA page_count").fetchone()[0]
        unlimited = cursor.execute("PRAGMA max_page_count").fetchone()[0]
        cursor.execute("CREATE TABLE ballast (filling BLOB)")
        cursor.execute(f"PRAGMA max_page_count = {pages}")
        try:
            for size in (1_000_000, 50_000, 3_000, 100):  # what earlier tests left free is used up
                with contextlib.suppress(OperationalError):
                    while True:
                        cursor.execute("INSERT INTO ballast VALUES (zeroblob(%s))", [size])
            yield
        finally:
            cursor.execute(f"PRAGMA max_page_count = {unlimited}")
            cursor.execute("DROP TABLE ballast")


@contextlib.contextmanager
def _full_postgres() -> Iterator[None]:
    tables = [Intent._meta.db_table, InboxEvent._meta.db_table, Deposit._meta.db_table, "wallets_entry"]
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION no_space() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION"
            " 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$"
        )
        for table in tables:
            cursor.execute(f"CREATE TRIGGER no_space BEFORE INSERT ON {table} EXECUTE FUNCTION no_space()")
        try:
            yield
        finally:
            cursor.execute("DROP FUNCTION no_space CASCADE")
