"""Runs the same thing in many threads at one moment, and closes the database connections they opened."""

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

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
