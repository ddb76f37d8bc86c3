"""Empties the test database after a test of real transactions: only the tables that the test has filled.

Django's own flush does it the first time (through the triggers that keep books append-only), and what stands in the
tables then is remembered: what migrations install, such as permissions, roles and the schedules of jobs. From then on
every other table is emptied where it has rows, and those are put back where they differ; a point of time in them is as
old as it was then, whenever the test runs. Sequences go on, as with Django's flush.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

Rows = list[tuple[Any, ...]]
_NOT_DATA = "django_migrations"
_JOINED_AT_ONCE = 100  # SELECTs; SQLite refuses more than 500


class Flushing:
    """One database, after one test after the other."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._tables: list[str] = []
        self._kept: dict[str, Rows] = {}
        self._remembered_at = datetime.min.replace(tzinfo=UTC)

    def flush(self, flush_by_django: Callable[[], None]) -> None:
        """Leaves what migrations install and nothing else."""
        if self._tables:
            self._put_back()
            return
        flush_by_django()
        if self._connection.vendor == "sqlite" or _is_superuser(self._connection):
            self._remember()

    def _remember(self) -> None:
        with self._connection.cursor() as cursor:
            self._tables = [name for name in self._connection.introspection.table_names(cursor) if name != _NOT_DATA]
            self._kept = {name: self._rows_of(cursor, name) for name in self._filled(cursor)}
        self._remembered_at = datetime.now(UTC)

    def _put_back(self) -> None:
        from django.db import transaction

        with transaction.atomic(using=self._connection.alias), self._connection.cursor() as cursor:
            wrong = [name for name in self._filled(cursor) if name not in self._kept]
            changed = [
                name for name, rows in self._kept.items() if _has_times(rows) or self._rows_of(cursor, name) != rows
            ]
            guards = self._put_guards_aside(cursor, {*wrong, *changed})
            for name in [*wrong, *changed]:
                cursor.execute(f"DELETE FROM {self._quoted(name)}")  # noqa: S608
            for name in changed:
                self._insert(cursor, name, self._kept[name])
            for statement in guards:
                cursor.execute(statement)

    def _filled(self, cursor: Any) -> list[str]:
        """The tables with rows."""
        looks = [f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM {self._quoted(name)})" for name in self._tables]  # noqa: S608
        found: list[str] = []
        for start in range(0, len(looks), _JOINED_AT_ONCE):
            cursor.execute(" UNION ALL ".join(looks[start : start + _JOINED_AT_ONCE]))
            found += [name for (name,) in cursor.fetchall()]
        return found

    def _rows_of(self, cursor: Any, name: str) -> Rows:
        cursor.execute(f"SELECT * FROM {self._quoted(name)} ORDER BY 1")  # noqa: S608
        return list(map(tuple, cursor.fetchall()))

    def _insert(self, cursor: Any, name: str, rows: Rows) -> None:
        passed = datetime.now(UTC) - self._remembered_at
        moved = [[value + passed if isinstance(value, datetime) else value for value in row] for row in rows]
        places = ", ".join(["%s"] * len(rows[0]))
        cursor.executemany(f"INSERT INTO {self._quoted(name)} VALUES ({places})", moved)  # noqa: S608

    def _put_guards_aside(self, cursor: Any, names: set[str]) -> Sequence[str]:
        """Rows may be deleted until the transaction's end; returns what must be executed for that to end."""
        if self._connection.vendor == "postgresql":
            cursor.execute("SET LOCAL session_replication_role = replica")  # no triggers, no foreign keys
            return ["SET LOCAL session_replication_role = origin"]
        cursor.execute("SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'trigger' AND sql LIKE '%%delete%%'")
        triggers = [(name, sql) for name, table, sql in cursor.fetchall() if table in names]
        for name, _sql in triggers:
            cursor.execute(f"DROP TRIGGER {self._quoted(name)}")
        return [sql for _name, sql in triggers]

    def _quoted(self, name: str) -> str:
        return str(self._connection.ops.quote_name(name))


def _has_times(rows: Rows) -> bool:
    return any(isinstance(value, datetime) for value in rows[0])


def _is_superuser(connection: Any) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        return bool(cursor.fetchone()[0])


@pytest.fixture(scope="session", autouse=True)
def _flush_what_was_filled() -> None:
    from django.db import connections
    from django.test import TransactionTestCase

    flush_by_django = TransactionTestCase._fixture_teardown
    flushings: dict[str, Flushing] = {}

    def flush(self: TransactionTestCase) -> None:
        [alias] = self._databases_names(include_mirrors=False)
        flushing = flushings.setdefault(alias, Flushing(connections[alias]))
        flushing.flush(lambda: flush_by_django(self))

    TransactionTestCase._fixture_teardown = flush  # type: ignore[method-assign]


@pytest.fixture(scope="session", autouse=True)
def _flush_of_django_passes_append_only_triggers() -> None:
    """SQLite flushes by DELETE, which the books refuse; PostgreSQL flushes by TRUNCATE."""
    from django.db.backends.sqlite3.base import DatabaseOperations

    flush = DatabaseOperations.execute_sql_flush

    def flush_around_triggers(self: DatabaseOperations, sql_list: Sequence[str]) -> None:
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
            triggers = cursor.fetchall()
        drops = [f"DROP TRIGGER {self.quote_name(name)}" for name, _sql in triggers]
        flush(self, [*drops, *sql_list, *(sql for _name, sql in triggers)])

    DatabaseOperations.execute_sql_flush = flush_around_triggers  # type: ignore[method-assign]
