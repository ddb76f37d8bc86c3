"""The one module that knows which HTTP library the house uses.

Everything that speaks to the outside imports from here. Every call has a time-out; opening a socket while a database
transaction is open is refused (P3).
"""

import ssl
import time
from functools import cache
from typing import Any

import httpx
from django.db import connection

DEFAULT_TIMEOUT_SECONDS = 10.0
_OF_THE_WIRE = frozenset({"content-encoding", "content-length"})  # true of the packed answer only

HTTPError = httpx.HTTPError
InvalidURL = httpx.InvalidURL
TimeoutException = httpx.TimeoutException
NEVER_CONNECTED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)  # not a byte has left this machine
Response = httpx.Response
MockTransport = httpx.MockTransport

_transport: httpx.BaseTransport | None = None


class NetworkInsideTransaction(RuntimeError):
    """Somebody tried to use the network while a database transaction was open."""


def request(method: str, url: str, *, timeout: float = DEFAULT_TIMEOUT_SECONDS, **options: Any) -> httpx.Response:
    """Sends one request and returns the whole answer, whatever its status.

    `timeout` is in seconds. Raises: httpx.HTTPError when no answer came; NetworkInsideTransaction inside atomic().
    """
    refuse_inside_transaction()
    with _client(timeout) as client:
        return client.request(method, url, **options)


def request_bounded(
    method: str, url: str, *, seconds: float, most_bytes: int, timeout: float = DEFAULT_TIMEOUT_SECONDS, **options: Any
) -> httpx.Response:
    """Like request(), but the whole answer must come within `seconds` and be no longer than `most_bytes`.

    A server that sends one byte a second keeps every single read inside its time-out, but not this one.
    Raises: httpx.ReadTimeout when it takes too long, httpx.DecodingError when it is too long, what request() raises.
    """
    refuse_inside_transaction()
    until = time.monotonic() + seconds
    with (
        _client(min(timeout, seconds)) as client,
        client.stream(method, url, **options) as answer,
    ):
        parts, size = [], 0
        for part in answer.iter_bytes():  # unpacked: a small answer that unpacks to gigabytes is too long as well
            size += len(part)
            if size > most_bytes:
                raise httpx.DecodingError(f"more than {most_bytes} bytes", request=answer.request)
            if time.monotonic() > until:
                raise httpx.ReadTimeout(f"more than {seconds} s", request=answer.request)
            parts.append(part)
        headers = [(name, value) for name, value in answer.headers.multi_items() if name.lower() not in _OF_THE_WIRE]
        return httpx.Response(answer.status_code, headers=headers, content=b"".join(parts), request=answer.request)


def refuse_inside_transaction() -> None:
    """Raises NetworkInsideTransaction when this thread holds an open transaction."""
    # The block that Django's TestCase wraps around a whole test is not one of ours.
    if any(not getattr(block, "_from_testcase", False) for block in connection.atomic_blocks):
        raise NetworkInsideTransaction("No network call happens inside a database transaction (P3).")


def use_transport(transport: httpx.BaseTransport | None) -> None:
    """Tests put a recorded wire here; None restores the network."""
    global _transport
    _transport = transport


def _client(timeout: float) -> httpx.Client:
    return httpx.Client(transport=_transport, timeout=timeout, follow_redirects=False, verify=_certificates())


@cache
def _certificates() -> ssl.SSLContext:
    """Reading the list of authorities takes longer than a local call: once per process is enough."""
    return httpx.create_ssl_context()
