"""The one way from the bot's event loop to the database."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from asgiref.sync import sync_to_async
from django.db import close_old_connections, connection

P = ParamSpec("P")
T = TypeVar("T")


async def in_database(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Runs `function` in a thread of the loop's pool, on a connection that is alive, and returns its result.

    Threads work side by side; a connection that broke meanwhile (a restarted database) is dropped before.
    """
    return await sync_to_async(_with_fresh_connections, thread_sensitive=False)(function, *args, **kwargs)


def _with_fresh_connections(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    close_old_connections()
    try:
        return function(*args, **kwargs)
    finally:
        connection.close()  # back into the pool where there is one
