"""The benchmark's database: durability is read from the live connection, yardsticks speak psycopg without Django."""

from pathlib import Path

import psycopg
from django.db import connection


def durability() -> str:
    """What the server says of its own durability. Raises: SystemExit when a commit would not reach the disk."""
    found = {}
    with connection.cursor() as cursor:
        for name in ("server_version", "fsync", "synchronous_commit", "full_page_writes"):
            cursor.execute(f"SHOW {name}")
            found[name] = cursor.fetchone()[0]
    if [found[name] for name in ("fsync", "synchronous_commit", "full_page_writes")] != ["on"] * 3:
        raise SystemExit(f"not durable, no figures: {found}")
    return "PostgreSQL " + ", ".join(f"{name} {value}" for name, value in found.items())


def raw_connection() -> psycopg.Connection:
    """A plain psycopg connection in autocommit with the yardsticks installed."""
    chosen = connection.settings_dict
    raw = psycopg.connect(dbname=chosen["NAME"], user=chosen["USER"], host=chosen["HOST"] or None, autocommit=True)
    raw.execute((Path(__file__).parent / "yardsticks.sql").read_text())
    return raw
