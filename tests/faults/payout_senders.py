"""Senders of payouts as processes of their own, on this test's database, against a provider on a real port."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from tests.at_once import same_database
from tests.payments.payouts.loopback import LoopbackProvider

PATIENCE = 30.0


class Senders:
    """Starts children of a stage, a process that forks one for each line it reads, and waits for them."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self._ended: dict[int, int] = {}

    def start(self, *order: object) -> int:
        """The process id of a new child."""
        assert self._process.stdin is not None
        self._process.stdin.write(" ".join(map(str, order)) + "\n")
        self._process.stdin.flush()
        return int(self._next_line(parts=1)[0])

    def wait_for(self, pid: int) -> int:
        """How it ended: 0, or minus the signal that killed it."""
        while pid not in self._ended:
            self._next_line(parts=2)
        return self._ended[pid]

    def run(self, *order: object) -> int:
        """Starts one and waits for its end."""
        return self.wait_for(self.start(*order))

    def _next_line(self, parts: int) -> list[str]:
        assert self._process.stdout is not None
        while True:
            found = self._process.stdout.readline().split()
            assert found, "the senders' process is gone"
            if len(found) == 2:
                self._ended[int(found[0])] = int(found[1])
            if len(found) == parts:
                return found


@contextmanager
def senders_at(
    provider: LoopbackProvider, *, stage: str = "payout_stage", log: IO[str] | None = None, **changed: str
) -> Iterator[Senders]:
    """Processes of tests/faults/<stage>.py that reach `provider` and this test's database. What they say goes to
    `log`; `changed` are settings of their environment."""
    environment = {**same_database(), "SANDBOX_URL": provider.url, **changed}
    process = subprocess.Popen(
        [sys.executable, "-m", f"tests.faults.{stage}"],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "ready"
        yield Senders(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(PATIENCE)
        process.stdout.close()


def until_frozen(pid: int) -> None:
    """Returns when the process stands still. Raises: AssertionError when it does not."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123  no path to build
            if file.read().rsplit(")", 1)[1].split()[0] == "T":
                return
        time.sleep(0.01)
    raise AssertionError(f"process {pid} does not stand still")
