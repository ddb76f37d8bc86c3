"""The suite runs on the database that was asked for, and on nothing else."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from tests.plugins.databases import CHOSEN

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.django_db
def test_answers_from_the_database_that_was_chosen() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)
    assert connection.vendor == {"sqlite": "sqlite", "postgres": "postgresql"}[os.environ[CHOSEN]]


def test_keeps_its_files_out_of_the_working_tree() -> None:
    assert ROOT not in Path(settings.VAR_DIR).resolve().parents


def test_refuses_a_database_it_does_not_know() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", __file__],
        cwd=ROOT,
        env={**environment, CHOSEN: "oracle"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode != 0
    assert "oracle is not known" in run.stderr
