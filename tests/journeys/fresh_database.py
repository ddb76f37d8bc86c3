"""Databases for houses: one is migrated in a run, and every house is given a copy of it.

What counts time from the migration (the schedules of the jobs) is not in the copies: the house's own `migrate`, which
finds nothing else to do, installs it.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from django.conf import settings


def make_fresh_database(environment: dict[str, str]) -> Callable[[], None]:
    """Makes a house's database and puts its address into `environment`, which is the house's; returns what drops it."""
    name = f"house_{uuid.uuid4().hex[:12]}"
    if not os.environ.get("DATABASE_URL"):
        path = _folder() / f"{name}.sqlite3"
        with _only_one_at_a_time():
            shutil.copy(_sqlite_pattern(environment), path)
        environment["SQLITE_PATH"] = str(path)
        return lambda: path.unlink()
    with _only_one_at_a_time():
        _execute(f"CREATE DATABASE {name} TEMPLATE {_postgres_pattern(environment)}")
    environment["DATABASE_URL"] = _address_of(name)
    return lambda: _execute(f"DROP DATABASE {name} WITH (FORCE)")


def _sqlite_pattern(environment: Mapping[str, str]) -> Path:
    pattern = _folder() / "pattern.sqlite3"
    if not pattern.exists():
        unfinished = pattern.with_suffix(".unfinished")
        _migrate({**environment, "SQLITE_PATH": str(unfinished)})
        unfinished.rename(pattern)
    return pattern


def _postgres_pattern(environment: Mapping[str, str]) -> str:
    name, made = os.environ["LOCKBAY_TEST_PATTERN"], _folder() / "pattern.made"
    if not made.exists():
        _execute(f"CREATE DATABASE {name}")
        _migrate({**environment, "DATABASE_URL": _address_of(name)})
        made.touch()
    return name


def _migrate(environment: Mapping[str, str]) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "tests.journeys.fresh_database"],
        env=environment,
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr


@contextmanager
def _only_one_at_a_time() -> Iterator[None]:
    """Among the parallel workers of this run; they share the folder."""
    with (_folder() / "pattern.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _folder() -> Path:
    return Path(os.environ["LOCKBAY_VAR_DIR"])


def _address_of(name: str) -> str:
    return urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()


def _execute(statement: str) -> None:
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as server:
        server.execute(statement)  # type: ignore[arg-type]


if __name__ == "__main__":
    import django

    django.setup()

    from django.core.management import call_command
    from django_q.models import Schedule

    from lockbay.models import JobRun

    call_command("migrate", verbosity=0)
    Schedule.objects.all().delete()
    JobRun.objects.all().delete()
