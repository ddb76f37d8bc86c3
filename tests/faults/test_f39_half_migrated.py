"""F39: a migration is half applied, or a process of the old version still runs: /ready is red and says which."""

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client

from lockbay.observability import ground_checks, health


def migrations_of_ready():
    health.forget_results()
    ground_checks.forget_migrations()
    response = Client().get("/ready")
    return response.status_code, response.json()["checks"]["migrations"]


@pytest.fixture
def recorder(transactional_db):
    """Django's book of applied migrations, put right again afterwards: a flush does not touch it."""
    recorder = MigrationRecorder(connection)
    before = set(recorder.applied_migrations())
    yield recorder
    now = set(recorder.applied_migrations())
    for app, name in now - before:
        recorder.record_unapplied(app, name)
    for app, name in before - now:
        recorder.record_applied(app, name)


def test_ready_is_red_while_a_migration_is_unapplied_and_green_after_it(recorder):
    recorder.record_unapplied("payments", "0001_initial")
    status, found = migrations_of_ready()
    assert (status, found["ok"]) == (503, False)
    assert "payments.0001_initial" in found["detail"]
    recorder.record_applied("payments", "0001_initial")
    assert migrations_of_ready()[1]["ok"]


def test_the_old_version_is_red_once_the_database_has_moved_on(recorder):
    recorder.record_applied("payments", "0999_from_the_next_version")
    status, found = migrations_of_ready()
    assert (status, found["ok"]) == (503, False)
    assert "payments.0999_from_the_next_version" in found["detail"]
