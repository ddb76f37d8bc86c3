"""Lets a test database be emptied although its books refuse DELETE: SQLite flushes by DELETE, PostgreSQL by TRUNCATE.

Only the flush between tests of real transactions passes; the triggers are back in the same transaction.
"""

from collections.abc import Sequence

import pytest


@pytest.fixture(scope="session", autouse=True)
def _flush_passes_append_only_triggers() -> None:
    from django.db.backends.sqlite3.base import DatabaseOperations

    flush = DatabaseOperations.execute_sql_flush

    def flush_around_triggers(self: DatabaseOperations, sql_list: Sequence[str]) -> None:
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
            triggers = cursor.fetchall()
        drops = [f"DROP TRIGGER {self.quote_name(name)}" for name, _sql in triggers]
        flush(self, [*drops, *sql_list, *(sql for _name, sql in triggers)])

    DatabaseOperations.execute_sql_flush = flush_around_triggers  # type: ignore[method-assign]
