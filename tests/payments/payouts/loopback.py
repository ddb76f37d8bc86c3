"""The play-money provider of payouts on a real port, for tests in which the senders are processes of their own."""

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.ports import free_port

NO_ANSWER = 0


class LoopbackProvider:
    """Counts by reference how often it was asked to pay; `on_order` is called when an order was taken, before it is
    answered."""

    def __init__(self) -> None:
        self.port = free_port()
        self._lock = threading.Lock()
        self.forget()

    def forget(self) -> None:
        """Nothing was asked yet."""
        self.asked_to_pay: Counter[str] = Counter()
        self.looked_up: Counter[str] = Counter()
        self.orders: dict[str, dict[str, Any]] = {}
        self.on_order: Callable[[], None] = lambda: None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def take(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """An order: taken once, however often it comes."""
        reference = body["reference"]
        with self._lock:
            self.asked_to_pay[reference] += 1
            wanted = {name: body[name] for name in ("reference", "amount", "currency")}
            order = self.orders.setdefault(reference, {"id": f"po_{reference}", **wanted, "status": "accepted"})
        self.on_order()
        return 201, order

    def show(self, reference: str) -> tuple[int, dict[str, Any]]:
        """A question."""
        with self._lock:
            self.looked_up[reference] += 1
            order = self.orders.get(reference)
        return (200, order) if order else (404, {"error": "unknown_payout"})


@contextmanager
def running_provider(provider: LoopbackProvider | None = None) -> Iterator[LoopbackProvider]:
    """A provider that listens until the block ends. It hangs up without an answer when the status is NO_ANSWER."""
    provider = provider or LoopbackProvider()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            self._answer(*provider.take(json.loads(raw)))

        def do_GET(self) -> None:
            self._answer(*provider.show(self.path.rsplit("/", 1)[1]))

        def log_message(self, *_arguments: Any) -> None:
            pass

        def _answer(self, status: int, body: dict[str, Any]) -> None:
            if status == NO_ANSWER:
                self.close_connection = True
                return
            raw = json.dumps(body).encode()
            try:
                self.send_response(status)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)
            except OSError:
                self.close_connection = True  # who asked was killed

    server = ThreadingHTTPServer(("127.0.0.1", provider.port), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()
