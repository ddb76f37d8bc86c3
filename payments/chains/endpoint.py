"""One node of a chain: its calls, how an answer can be unbelievable, the breaker that leaves it alone (P10)."""

import re
import time
from itertools import count
from typing import Any
from urllib.parse import parse_qsl

import structlog
from django.conf import settings

from lockbay import http
from lockbay.observability.metrics import Tally
from payments import wire
from payments.errors import Unreadable

log = structlog.stdlib.get_logger(__name__)

CALLS = Tally("lockbay_chain_calls", "Calls to nodes by how they ended.", ("chain", "node", "outcome"))
BREAKER_OPEN = Tally("lockbay_chain_breaker_open", "Times that a node was left alone for a while.", ("chain", "node"))
_HEADERS = {"Cache-Control": "no-cache", "Accept": "application/json, text/plain"}
_MOST_BYTES = 8_388_608  # a block of receipts is large; an endless answer is larger
_SECOND = 1_000_000_000


class NodeFault(Exception):
    """This node's answer cannot be used: ask the next one. `code` is stable and counted, `detail` is for staff."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code} {detail}".strip())
        self.code, self.detail = code, detail


class MissingAnswer(NodeFault):
    """HTTP 404. `text` is what came with it; where 404 means "unknown transaction", the reader catches this."""

    def __init__(self, text: str) -> None:
        super().__init__("http_404", text[:150])
        self.text = text


class Endpoint:
    """A node's address with its memory: the head it last told and its failures in a row."""

    def __init__(self, chain: str, url: str, *, headers: dict[str, str], seconds: int) -> None:
        bare, _, query = url.partition("?")  # some providers take their key as a parameter of every call
        self.chain, self.url, self._seconds = chain, bare.rstrip("/"), seconds
        self._params = dict(parse_qsl(query))
        self.name = _host_of(url)  # the rest of an address may be a key
        self.head, self.probed_at = -1, 0
        self._headers = {**_HEADERS, **headers}
        self._failures, self._open_until = 0, 0
        self._ids = count(1)

    def get(self, path: str, **params: Any) -> Any:
        """The JSON that GET `path` answers; numbers are exact. Raises: NodeFault, MissingAnswer."""
        return _read_json(self._call("GET", path, params=params or None))

    def get_text(self, path: str) -> str:
        """The plain text that GET `path` answers. Raises: NodeFault, MissingAnswer."""
        return self._call("GET", path).decode("utf-8", "replace").strip()

    def post(self, path: str, body: Any) -> Any:
        """The JSON that POST `path` answers. Raises: NodeFault, MissingAnswer."""
        return _read_json(self._call("POST", path, json=body))

    def rpc(self, method: str, *params: Any) -> Any:
        """The result of a JSON-RPC call; None is an answer. Raises: NodeFault, also for an error inside HTTP 200."""
        request_id = next(self._ids)
        answer = self.post("", {"jsonrpc": "2.0", "id": request_id, "method": method, "params": list(params)})
        if not isinstance(answer, dict):
            raise NodeFault("malformed", f"{method}: not an object")
        if answer.get("error") is not None:
            raise NodeFault("rpc_error", f"{method}: {str(answer['error'])[:150]}")
        if "result" not in answer or answer.get("id") != request_id:
            raise NodeFault("malformed", f"{method}: no result for this id")
        return answer["result"]

    @property
    def is_awake(self) -> bool:
        """False while the breaker is open."""
        return time.monotonic_ns() >= self._open_until

    def may_be_asked(self) -> bool:
        """True when the breaker is closed. When its time is over one caller may try; the others wait as long again."""
        if not self.is_awake:
            return False
        if self._open_until:
            self._open_until = _breaker_end()
        return True

    def note_success(self) -> None:
        """Closes the breaker."""
        CALLS.add(self.chain, self.name, "ok")
        self._failures, self._open_until = 0, 0

    def note_fault(self, fault: NodeFault) -> None:
        """Counts a failure; the third in a row opens the breaker, and so does each one after it."""
        CALLS.add(self.chain, self.name, fault.code)
        log.warning("CHAIN_NODE_FAULT", chain=self.chain, node=self.name, code=fault.code, detail=fault.detail)
        self._failures += 1
        self.probed_at = 0  # its head is asked for again before it is believed
        if self._failures >= settings.CHAIN_BREAKER_FAILURES:
            self._open_until = _breaker_end()
            BREAKER_OPEN.add(self.chain, self.name)
            source, seconds = f"{self.chain} {self.name}", settings.CHAIN_BREAKER_SECONDS
            log.error("CIRCUIT_BREAKER_OPEN", source=source, failures=self._failures, seconds=seconds)

    def _call(self, method: str, path: str, **options: Any) -> bytes:
        params = {**self._params, **(options.pop("params", None) or {})}
        try:
            answer = http.request_bounded(
                method,
                self.url + path,
                seconds=self._seconds,
                most_bytes=_MOST_BYTES,
                headers=self._headers,
                params=params or None,
                **options,
            )
        except http.TimeoutException as error:
            raise NodeFault("timeout", type(error).__name__) from error
        except (http.HTTPError, http.InvalidURL) as error:
            raise NodeFault("unreachable", type(error).__name__) from error
        if answer.status_code == 404:
            raise MissingAnswer(answer.text)
        if answer.status_code != 200:
            raise NodeFault(f"http_{answer.status_code}")
        return answer.content


def _read_json(raw: bytes) -> Any:
    try:
        return wire.read_object(b'{"answer":' + raw + b"}")["answer"]
    except Unreadable as error:
        raise NodeFault("unreadable", error.detail) from error


def _host_of(url: str) -> str:
    found = re.match(r"\w+://(?:[^/?#@]*@)?([^/?#]+)", url)
    return found[1] if found else "unnamed"


def _breaker_end() -> int:
    return time.monotonic_ns() + settings.CHAIN_BREAKER_SECONDS * _SECOND
