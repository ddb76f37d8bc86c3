"""The checks of the ground: database, migrations, heartbeats of worker and bot, the scheduled jobs (O4)."""

import time
from datetime import timedelta

from django.conf import settings
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from lockbay import clock
from lockbay.heartbeat import beat
from lockbay.job_runs import check_jobs
from lockbay.models import Heartbeat
from lockbay.observability.health import Result, register_check

_PROBE = "ready"
_MIGRATIONS_READ_EVERY = 3.0
_migrations: tuple[float, Result] | None = None


def register_ground_checks() -> None:
    """Called once at start."""
    register_check("database", check_database)
    register_check("migrations", check_migrations)
    register_check("worker", lambda: check_heartbeat("worker", settings.WORKER_HEARTBEAT_LIMIT))
    register_check("bot", lambda: check_heartbeat("bot", settings.BOT_HEARTBEAT_LIMIT))
    register_check("jobs", check_jobs)


def check_database() -> Result:
    """Green when a row could be written and committed: a database that only reads cannot take money."""
    started = time.monotonic()
    beat(_PROBE)
    return Result(True, f"{connection.vendor}, a write took {(time.monotonic() - started) * 1000:.0f} ms")


def check_migrations() -> Result:
    """Red while a migration is unapplied, or one is applied that this version does not know (F39)."""
    global _migrations
    if _migrations is None or time.monotonic() - _migrations[0] > _MIGRATIONS_READ_EVERY:
        _migrations = (time.monotonic(), _compare_migrations())
    return _migrations[1]


def forget_migrations() -> None:
    """Makes the next check read the table."""
    global _migrations
    _migrations = None


def check_heartbeat(name: str, limit: timedelta) -> Result:
    """Green when process `name` has beaten within `limit`; the detail says what it last proved."""
    row = Heartbeat.objects.filter(pk=name).first()
    if row is None:
        return Result(False, "never beat")
    age = clock.real_now() - row.beat_at
    facts = "".join(f", {key}={value}" for key, value in sorted(row.detail.items()))
    return Result(age <= limit, f"beat {age.total_seconds():.0f} s ago{facts}")


def _compare_migrations() -> Result:
    loader = MigrationLoader(connection)
    # Not MigrationExecutor.migration_plan: it overlooks a hole below a newest migration that is applied.
    unapplied = sorted(f"{app}.{name}" for app, name in loader.graph.nodes.keys() - loader.applied_migrations.keys())
    unknown = [
        f"{app}.{name}"
        for app, name in loader.applied_migrations
        if app in loader.migrated_apps and (app, name) not in loader.disk_migrations
    ]
    if unapplied:
        return Result(False, f"{len(unapplied)} unapplied, first {unapplied[0]}")
    if unknown:
        return Result(False, f"{len(unknown)} applied that this version does not know, first {sorted(unknown)[0]}")
    return Result(True, f"{len(loader.applied_migrations)} applied")
