"""The books only grow: the database itself refuses changes, on both engines (B2)."""

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.migrations.loader import MigrationLoader

from lockbay import clock
from lockbay.database import AppendOnly
from lockbay.events.models import Event


def make_event() -> Event:
    return Event.objects.create(kind="test.happened", subject_type="test", subject_id=1, at=clock.real_now())


@pytest.mark.django_db
@pytest.mark.parametrize("change", [lambda: Event.objects.update(kind="other"), lambda: Event.objects.all().delete()])
def test_an_event_can_be_neither_changed_nor_deleted(change) -> None:
    event = make_event()
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        change()
    event.refresh_from_db()
    assert event.kind == "test.happened"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("round_", [1, 2])
def test_a_test_database_is_emptied_between_real_transactions_and_protected_again(round_) -> None:
    assert not Event.objects.exists()
    make_event()
    with pytest.raises(IntegrityError, match="append-only"):
        Event.objects.all().delete()


@pytest.mark.django_db
def test_every_table_that_a_migration_protected_is_still_protected_after_all_migrations() -> None:
    loader = MigrationLoader(connection)
    operations = [op for migration in loader.disk_migrations.values() for op in migration.operations]
    tables = {op.table for op in operations if isinstance(op, AppendOnly)}
    assert "events_event" in tables
    assert {table: triggers_on(table) for table in tables if not triggers_on(table)} == {}


@pytest.mark.django_db(transaction=True)
def test_the_protection_can_be_taken_back_and_put_on_again() -> None:
    operation = AppendOnly("events_event")
    try:
        with connection.schema_editor() as editor:
            operation.database_backwards("events", editor, None, None)
        make_event()
        assert Event.objects.all().delete()[0] == 1
    finally:
        with connection.schema_editor() as editor:
            operation.database_forwards("events", editor, None, None)
    assert triggers_on("events_event")


def triggers_on(table: str) -> list[str]:
    sql = (
        "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND tgname LIKE '%%append_only%%'"
        if connection.vendor == "postgresql"
        else "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s AND name LIKE '%%append_only%%'"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [table])
        return [row[0] for row in cursor.fetchall()]
