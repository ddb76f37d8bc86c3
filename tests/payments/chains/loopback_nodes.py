"""Nodes on the loopback that answer JSON-RPC, well or in every bad way a node has been seen to (F27)."""

import json
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answers = dict[str, Any]  # method → result


class Node(ThreadingHTTPServer):
    """One node. `answers` are its results by method; `mood` says how it behaves."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, answers: Answers) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers, self.mood = answers, "well"
        self.calls: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.is_closing = threading.Event()

    @property
    def url(self) -> str:
        """Its address, with a key in the path as many services want it."""
        return f"http://127.0.0.1:{self.server_port}/v2/secret-key"

    def count(self, method: str) -> int:
        """How often `method` was asked."""
        return self.calls.count(method)

    def handle_error(self, *_args: Any) -> None:
        """Quiet: a client that hangs up is the point."""


class _Handler(BaseHTTPRequestHandler):
    server: Node

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.calls.append(body["method"])
        self.server.headers.append(dict(self.headers))
        getattr(self, "_" + self.server.mood)(body)

    def _well(self, body: dict[str, Any]) -> None:
        result = self.server.answers.get(body["method"])
        self._reply(json.dumps({"jsonrpc": "2.0", "id": body["id"], "result": result}))

    def _hang(self, _body: dict[str, Any]) -> None:
        self.server.is_closing.wait(20)

    def _drip(self, _body: dict[str, Any]) -> None:
        self.send_response(200)
        self.end_headers()
        while not self.server.is_closing.wait(0.2):
            self.wfile.write(b" ")
            self.wfile.flush()

    def _flood(self, _body: dict[str, Any]) -> None:
        self.send_response(200)
        self.end_headers()
        for _ in range(12):
            self.wfile.write(b" " * 1_048_576)

    def _reset(self, _body: dict[str, Any]) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def _busy(self, _body: dict[str, Any]) -> None:
        self._reply('{"message":"slow down"}', status=429)

    def _broken(self, _body: dict[str, Any]) -> None:
        self._reply("oops", status=503)

    def _html(self, _body: dict[str, Any]) -> None:
        self._reply("<html><body>Checking your browser</body></html>")

    def _empty(self, _body: dict[str, Any]) -> None:
        self._reply("")

    def _error_in_200(self, body: dict[str, Any]) -> None:
        error = {"code": -32005, "message": "limit exceeded"}
        self._reply(json.dumps({"jsonrpc": "2.0", "id": body["id"], "error": error}))

    def _envelope(self, _body: dict[str, Any]) -> None:
        self._reply('{"status":"0","message":"NOTOK","result":"Max rate limit reached"}')

    def _other_id(self, body: dict[str, Any]) -> None:
        self._reply(json.dumps({"jsonrpc": "2.0", "id": body["id"] + 1, "result": "lie"}))

    def _redirect(self, _body: dict[str, Any]) -> None:
        self.send_response(302)
        self.send_header("Location", "http://127.0.0.1:1/")
        self.end_headers()

    def _reply(self, text: str, *, status: int = 200) -> None:
        raw = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_args: Any) -> None:
        """Quiet."""


_NO_ANSWER = ("hang", "drip", "flood", "reset", "busy", "broken", "redirect")
BAD_MOODS = (*_NO_ANSWER, "html", "empty", "error_in_200", "envelope", "other_id")


@contextmanager
def running_nodes(*several: Answers) -> Iterator[list[Node]]:
    """Nodes that answer until the block ends."""
    nodes = [Node(dict(answers)) for answers in several]
    for node in nodes:
        threading.Thread(target=node.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield nodes
    finally:
        for node in nodes:
            node.is_closing.set()
            node.shutdown()
            node.server_close()
