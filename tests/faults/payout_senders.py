"""Senders of payouts as processes of their own, on this test's database, against a provider on a real port."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection

from tests.payments.payouts.loopback import LoopbackProvider

PATIENCE = 30.0


class Senders:
    """Starts children of tests/faults/payout_stage.py and waits for them."""

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
def senders_at(provider: LoopbackProvider) -> Iterator[Senders]:
    """Processes that reach `provider` and this test's database."""
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "postgresql":
        where = {"DATABASE_URL": urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()}
    else:
        where = {"SQLITE_PATH": name}
    environment = {
        **os.environ,
        **where,
        "LOCKBAY_MODE": "test",
        "SANDBOX_URL": provider.url,
        "PYTHONPATH": str(settings.BASE_DIR),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.payout_stage"],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
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
