"""A process that has imported the house and forks whatever the house runs: a start costs no second of imports.

It reads one order a line, as JSON, and answers in one line: {"start": [words], "log": path} with the new process's id,
{"wait": id} with its exit code, once it has ended. What it forks is in all else the process of its own that the words
name, in a group of its own. It opens no database and starts no thread, so that a fork inherits neither.
"""

import contextlib
import gc
import importlib
import json
import os
import runpy
import select
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from django.conf import settings

HEAVY = (
    "django.core.handlers.wsgi",
    "django.core.management.commands.migrate",
    "django.core.management.commands.shell",
    "django_q.cluster",
    "django_q.management.commands.qcluster",
    "escrows.jobs",
    "granian.cli",
    "lockbay.management.commands.seed_sandbox",
    "lockbay.urls",
    "notifications.jobs",
    "payments.jobs",
    "payments.payouts.jobs",
    "telegrambot.management.commands.runbot",
    "telegrambot.management.commands.sandbox",
    "wallets.jobs",
)


class WarmProcess:
    """A process that the stage forked, in the hands of who asked for it; does what a Popen of it would."""

    def __init__(self, stage: "Stage", pid: int) -> None:
        self.pid = pid
        self._stage = stage
        self._end = os.pidfd_open(pid)
        self.returncode: int | None = None

    def terminate(self) -> None:
        if self.returncode is None:
            os.kill(self.pid, signal.SIGTERM)

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, or minus the signal that ended it. Raises: subprocess.TimeoutExpired after `timeout` s."""
        if self.returncode is None:
            if not select.select([self._end], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
            self.returncode = self._stage.ask(wait=self.pid)
            os.close(self._end)
        return self.returncode


class Stage:
    """The forking process, in the hands of a test."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.journeys.warm"],
            env=environment,
            cwd=settings.BASE_DIR,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def start(self, words: list[str], log: Path) -> WarmProcess:
        """Starts what the words say: the path of manage.py, or -m and a module, and their arguments."""
        return WarmProcess(self, self.ask(start=words, log=str(log)))

    def ask(self, **order: object) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the stage is gone"
        return int(answer)

    def close(self) -> None:
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()
        self._process.wait(10)


def serve() -> list[str]:
    """Returns in a forked process alone, with the words that it is to run; the stage itself ends with its input."""
    for line in iter(sys.stdin.readline, ""):
        order = json.loads(line)
        if "wait" in order:
            print(os.waitstatus_to_exitcode(os.waitpid(order["wait"], 0)[1]), flush=True)
            continue
        pid = os.fork()
        if pid == 0:
            _stand_alone(order["log"])
            return list(order["start"])
        with contextlib.suppress(OSError):  # both do it, so that it is done before anybody looks
            os.setpgid(pid, pid)
        print(pid, flush=True)
    sys.exit(0)


def _stand_alone(log: str) -> None:
    os.setpgid(0, 0)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.close(file)


def become(words: list[str]) -> None:
    """Runs what the words say, as `python *words` does."""
    if words[0] == "-m":
        sys.argv = words[1:]
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = words
        runpy.run_path(words[0], run_name="__main__")


if __name__ == "__main__":
    import django

    django.setup()
    for name in HEAVY:
        importlib.import_module(name)
    gc.freeze()
    become(serve())
