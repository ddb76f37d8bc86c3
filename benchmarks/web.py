"""Goal 14: from the webhook over HTTP to the confirmed trade, against a plain DRF view under the same server."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from benchmarks import trades
from benchmarks.drain import age_the_house
from benchmarks.measuring import Cell, Ratio, run_in_turns
from benchmarks.trades import Trade
from payments.actions.apply_event import drain

WORKERS, THREADS, CONNECTIONS = 2, 4, 16
OURS, NAIVE = 1_000, 200
READY_WITHIN = 30.0  # seconds
FIRST_PORT = 23_710  # below the range from which outgoing connections take theirs


@dataclass
class Burst:
    """A round's trades, sent to one server as fast as its answers come."""

    number: int
    port: int
    waiting: list[Trade] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    left_over: int = 0
    seconds: float = 0.0

    def fill(self) -> None:
        """New trades for the next round."""
        self.waiting = trades.open_trades(self.number)

    def send(self) -> None:
        """Sends all and returns when every trade is confirmed; what requests left in the inbox is drained here, as the
        worker would, and counts."""
        lines = "\n".join(json.dumps([trade.body.decode(), trade.signature]) for trade in self.waiting)
        command = [sys.executable, "-m", "benchmarks.load", str(self.port), str(CONNECTIONS)]
        done = subprocess.run(command, input=lines, capture_output=True, text=True, check=True, timeout=300)
        answer = json.loads(done.stdout)
        assert answer["statuses"] == {"200": self.number}, answer["statuses"]
        start = time.perf_counter()
        self.left_over += drain()
        trades.require_confirmed(self.waiting)
        self.seconds = answer["seconds"] + time.perf_counter() - start
        self.latencies += answer["latencies"]

    def p99(self) -> float:
        """Milliseconds."""
        return sorted(self.latencies)[len(self.latencies) * 99 // 100] * 1000


def measure(*, rounds: int) -> list[Ratio | str]:
    """Starts both servers, sends to them in turn, stops them."""
    age_the_house()
    with (
        serving("lockbay.wsgi:application") as ours,
        serving("benchmarks.naive.wsgi:application") as naive,
    ):
        bursts = Burst(OURS, ours), Burst(NAIVE, naive)
        cells = [
            Cell("webhook, LockBay", bursts[0].send, OURS, bursts[0].fill, timed=lambda: bursts[0].seconds),
            Cell("webhook, naive DRF", bursts[1].send, NAIVE, bursts[1].fill, timed=lambda: bursts[1].seconds),
        ]
        run_in_turns(cells, rounds=rounds)
    latencies = ", ".join(f"{cell.name} p99 {burst.p99():.0f} ms" for cell, burst in zip(cells, bursts, strict=True))
    return [
        Ratio("14", "webhook to confirmed trade over HTTP / naive DRF", cells[0].per_second, cells[1].per_second, 6),
        f"      {CONNECTIONS} connections: {latencies}; left to the worker: {bursts[0].left_over} reports",
    ]


@contextlib.contextmanager
def serving(application: str) -> Iterator[int]:
    """A Granian with our number of workers and threads; stopped by its process group. Yields its port."""
    port = free_port()
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--workers", str(WORKERS), "--blocking-threads", str(THREADS), "--no-ws", "--log-level", "error"]
    quiet = {**os.environ, "DATABASE_POOL": "true", "LOG_LEVEL": "CRITICAL", "PYTHONWARNINGS": "ignore"}
    server = subprocess.Popen([*command, application], env=quiet, start_new_session=True)
    try:
        wait_until_ready(server, port)
        yield port
    finally:
        with contextlib.suppress(ProcessLookupError):  # it died by itself, and said why
            stop(server)


def stop(server: "subprocess.Popen[bytes]") -> None:
    """Ends the server and its workers."""
    os.killpg(server.pid, signal.SIGTERM)
    try:
        server.wait(timeout=10)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def wait_until_ready(server: "subprocess.Popen[bytes]", port: int) -> None:
    """Returns when the server takes connections; the round that is not counted warms it up. Raises: RuntimeError."""
    ends = time.monotonic() + READY_WITHIN
    while time.monotonic() < ends and server.poll() is None:
        with socket.socket() as probe:
            if not probe.connect_ex(("127.0.0.1", port)):
                return
        time.sleep(0.1)
    raise RuntimeError(f"the server on port {port} does not answer")


def free_port() -> int:
    """The first port from FIRST_PORT on that nobody listens on."""
    for port in range(FIRST_PORT, FIRST_PORT + 50):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port
    raise RuntimeError(f"no free port from {FIRST_PORT} on")
