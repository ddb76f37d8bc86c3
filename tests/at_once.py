"""Runs the same thing in many threads at one moment, and closes the database connections they opened; the environment
of processes that do it."""

import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar
from urllib.parse import urlsplit

A = TypeVar("A")
R = TypeVar("R")


def at_once(function: Callable[[A], R], arguments: Iterable[A]) -> list[R]:
    """The results in order; every thread waits for the others before it starts. The first exception is raised."""
    from django.db import connections

    given = list(arguments)
    start = threading.Barrier(len(given))

    def run(argument: A) -> R:
        start.wait(30)
        try:
            return function(argument)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(given)) as threads:
        return list(threads.map(run, given))


def same_database() -> dict[str, str]:
    """The environment in which another process opens the database of this test."""
    from django.conf import settings
    from django.db import connection

    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "postgresql":
        where = {"DATABASE_URL": urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()}
    else:
        where = {"SQLITE_PATH": name}
    return {**os.environ, **where, "LOCKBAY_MODE": "test", "PYTHONPATH": str(settings.BASE_DIR)}
