"""Chooses the database before Django reads its settings: `--database=sqlite` (default) or `--database=postgres`.

PostgreSQL: DATABASE_URL wins when it is set; otherwise a server is started here, once, and the parallel workers
inherit it through the environment. SQLite: a file in a temporary folder (in memory, threads meet "table is locked").
"""

import atexit
import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.plugins.local_postgres import fast_folder

CHOICES = ("sqlite", "postgres")
CHOSEN = "LOCKBAY_TEST_DATABASE"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--database", choices=CHOICES, help="the database to test on (default: sqlite)")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Iterator[None]:
    """A wrapper, so that it runs before pytest-django loads the settings; later, the choice would be ignored."""
    if "PYTEST_XDIST_WORKER" not in os.environ:  # a parallel worker inherits what the controller prepared
        choose_database(early_config)
    return (yield)


def choose_database(early_config: pytest.Config) -> None:
    """Raises: pytest.UsageError for a name we do not know."""
    chosen = early_config.known_args_namespace.database or os.environ.get(CHOSEN) or _implied_by_address()
    if chosen not in CHOICES:
        raise pytest.UsageError(f"{CHOSEN}={chosen} is not known: expected one of {', '.join(CHOICES)}")
    prepare_environment(chosen)


def prepare_environment(chosen: str) -> None:
    """Sets what settings.py reads."""
    os.environ[CHOSEN] = chosen
    os.environ["LOCKBAY_MODE"] = "test"
    folder = tempfile.mkdtemp(prefix="lockbay-tests-", dir=fast_folder())
    _owned_at_exit(lambda: shutil.rmtree(folder, ignore_errors=True))
    os.environ["LOCKBAY_VAR_DIR"] = folder
    (Path(folder) / "static").mkdir()  # the middleware for static files warns when it is missing
    if chosen == "sqlite":
        os.environ.pop("DATABASE_URL", None)
        return
    os.environ["LOCKBAY_TEST_PATTERN"] = f"lockbay_pattern_{uuid.uuid4().hex[:12]}"
    if os.environ.get("DATABASE_URL"):
        _owned_at_exit(_drop_pattern)  # a server of ours goes away with everything on it
    else:
        from tests.plugins.local_postgres import start_local_postgres

        server = start_local_postgres()
        _owned_at_exit(server.stop)
        os.environ.update(server.environment)


@pytest.fixture(scope="session", autouse=True)
def _the_chosen_database_is_the_one_in_use() -> None:
    from django.db import connection

    expected = {"sqlite": "sqlite", "postgres": "postgresql"}[os.environ[CHOSEN]]
    assert connection.vendor == expected, f"asked for {expected}, but the settings use {connection.vendor}"


def pytest_report_header() -> str:
    """Says it at the top of every run."""
    return f"database: {os.environ[CHOSEN]}"


def _implied_by_address() -> str:
    return "postgres" if os.environ.get("DATABASE_URL") else "sqlite"


def _drop_pattern() -> None:
    """What houses were copied from (tests/journeys/fresh_database.py)."""
    import psycopg

    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as server:
        server.execute(f"DROP DATABASE IF EXISTS {os.environ['LOCKBAY_TEST_PATTERN']}")  # type: ignore[arg-type]


def _owned_at_exit(clean: Callable[[], None]) -> None:
    """Registers `clean` for this process alone: a fork that exits must not take the database away."""
    owner = os.getpid()
    atexit.register(lambda: clean() if os.getpid() == owner else None)
