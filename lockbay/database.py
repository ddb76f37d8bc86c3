"""Engine-specific guards: SQLite's pragmas are read back (B9), forks never share connections, books only grow."""

import os
import sqlite3
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.backends.signals import connection_created
from django.db.migrations.operations.base import Operation

_WANTED = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def install_guards() -> None:
    """Called once at start."""
    connection_created.connect(refuse_weak_sqlite, dispatch_uid="lockbay.refuse_weak_sqlite")
    connection_created.connect(allow_wide_statements, dispatch_uid="lockbay.allow_wide_statements")
    os.register_at_fork(after_in_child=_drop_inherited_connections)


def refuse_weak_sqlite(*, connection: Any, **_kwargs: Any) -> None:
    """Reads the pragmas of a new SQLite connection back. Raises: ImproperlyConfigured naming the one that is off."""
    if connection.vendor != "sqlite":
        return
    busy_ms = connection.settings_dict["OPTIONS"].get("timeout", 0) * 1000
    with connection.cursor() as cursor:
        for pragma, wanted in {**_WANTED, "busy_timeout": busy_ms}.items():
            found = cursor.execute(f"PRAGMA {pragma}").fetchone()[0]
            if found != wanted:
                raise ImproperlyConfigured(f"SQLite pragma {pragma} is {found!r}, not {wanted!r}: unsafe for money.")
    if connection.settings_dict["OPTIONS"].get("transaction_mode") != "IMMEDIATE":
        raise ImproperlyConfigured("SQLite needs transaction_mode IMMEDIATE: without it parallel writers fail.")


def allow_wide_statements(*, connection: Any, **_kwargs: Any) -> None:
    """Lets bulk_create use as many values a statement as this SQLite takes, not the 999 of old ones: a batch of a
    hundred rows stays one round trip (B6)."""
    if connection.vendor == "sqlite":
        connection.features.max_query_params = connection.connection.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER)


def _drop_inherited_connections() -> None:
    # A forked child must not speak on its parent's socket; the parent keeps it open, the child only forgets it.
    for alias in connections:
        wrapper: Any = connections[alias]
        if wrapper.vendor == "postgresql" and wrapper.connection is not None:
            wrapper.connection = None
    pools = getattr(connections["default"].__class__, "_connection_pools", None)
    if pools:
        pools.clear()


class AppendOnly(Operation):
    """A migration operation: from here on the database itself refuses UPDATE and DELETE of `table`'s rows (B2).

    The refusal arrives as IntegrityError on both engines. SQLite drops the triggers when Django rebuilds the table for
    a later change: such a migration ends with this operation again (a test over all migrations notices when it does
    not).
    """

    reversible = True
    reduces_to_sql = False

    def __init__(self, table: str) -> None:
        self.table = table

    def state_forwards(self, app_label: str, state: Any) -> None:
        """The models do not change."""

    def database_forwards(self, _app: str, schema_editor: BaseDatabaseSchemaEditor, _from: Any, _to: Any) -> None:
        for statement in self._statements(schema_editor, _PROTECT):
            schema_editor.execute(statement, params=None)

    def database_backwards(self, _app: str, schema_editor: BaseDatabaseSchemaEditor, _from: Any, _to: Any) -> None:
        for statement in self._statements(schema_editor, _RELEASE):
            schema_editor.execute(statement, params=None)

    def describe(self) -> str:
        return f"Refuse UPDATE and DELETE on {self.table}"

    @property
    def migration_name_fragment(self) -> str:
        return f"{self.table}_append_only"

    def _statements(self, schema_editor: BaseDatabaseSchemaEditor, by_engine: dict[str, list[str]]) -> list[str]:
        return [statement.replace("{table}", self.table) for statement in by_engine[schema_editor.connection.vendor]]


_PROTECT = {
    "postgresql": [
        """
        CREATE OR REPLACE FUNCTION "{table}_refuse_change"() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION '{table} is append-only' USING ERRCODE = 'integrity_constraint_violation';
        END $$
        """,
        """
        CREATE OR REPLACE TRIGGER "{table}_append_only" BEFORE UPDATE OR DELETE ON "{table}"
        FOR EACH ROW EXECUTE FUNCTION "{table}_refuse_change"()
        """,
    ],
    "sqlite": [
        """
        CREATE TRIGGER IF NOT EXISTS "{table}_append_only_update" BEFORE UPDATE ON "{table}"
        BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END
        """,
        """
        CREATE TRIGGER IF NOT EXISTS "{table}_append_only_delete" BEFORE DELETE ON "{table}"
        BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END
        """,
    ],
}
_RELEASE = {
    "postgresql": [
        'DROP TRIGGER IF EXISTS "{table}_append_only" ON "{table}"',
        'DROP FUNCTION IF EXISTS "{table}_refuse_change"()',
    ],
    "sqlite": [
        'DROP TRIGGER IF EXISTS "{table}_append_only_update"',
        'DROP TRIGGER IF EXISTS "{table}_append_only_delete"',
    ],
}
