"""Engine-specific guards: SQLite's pragmas are read back (B9), forks never share connections."""

import os
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.db.backends.signals import connection_created

_WANTED = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def install_guards() -> None:
    """Called once at start."""
    connection_created.connect(refuse_weak_sqlite, dispatch_uid="lockbay.refuse_weak_sqlite")
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
                raise ImproperlyConfigured(f"SQLite pragma {pragma} is {found!r}, not {wanted!r}: money is not safe on it.")
    if connection.settings_dict["OPTIONS"].get("transaction_mode") != "IMMEDIATE":
        raise ImproperlyConfigured("SQLite needs transaction_mode IMMEDIATE: without it parallel writers fail.")


def _drop_inherited_connections() -> None:
    # A forked child must not speak on its parent's socket; the parent keeps it open, the child only forgets it.
    for alias in connections:
        wrapper: Any = connections[alias]
        if wrapper.vendor == "postgresql" and wrapper.connection is not None:
            wrapper.connection = None
    pools = getattr(connections["default"].__class__, "_connection_pools", None)
    if pools:
        pools.clear()
