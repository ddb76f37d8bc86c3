"""Keeps the processes of one machine running: starts them, restarts what dies or hangs, stops them cleanly.

It knows nothing of Django, so that it can be tried with tiny fake commands. `manage.py up` says what to run.
"""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from lockbay.orphans import MARK, stop_marked_processes

FIRST_DELAY = 0.5  # seconds before the first restart; doubles up to ...
LONGEST_DELAY = 10.0
HEALTHY_AFTER = 30.0  # ... and starts over once a process has lived this long
STOP_GRACE = 10.0  # seconds between asking a process to stop and killing its group
TICK = 0.1

Say = Callable[[str, str], None]


@dataclass(frozen=True)
class Program:
    """One process to keep running. `is_hung(uptime seconds)` is asked by the watchdog, now and then."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    is_hung: Callable[[float], bool] | None = None


class Child:
    """A program and its current process, which leads a process group of its own."""

    def __init__(self, program: Program, run_dir: Path, say: Say) -> None:
        self.program = program
        self.process: subprocess.Popen[str] | None = None
        self.started_at = 0.0
        self.start_at = 0.0
        self.delay = FIRST_DELAY
        self.condemned = False
        self._pid_file = run_dir / f"{program.name}.pid"
        self._mark = {MARK: str(run_dir.resolve())}
        self._say = say

    @property
    def uptime(self) -> float:
        """Seconds since the current process was started; 0 when there is none."""
        return time.monotonic() - self.started_at if self.process else 0.0

    def start(self) -> None:
        """Starts the process; its pid stands in `<run dir>/<name>.pid`, its output goes to `say` line by line."""
        self.process = subprocess.Popen(
            list(self.program.command),
            env={**os.environ, "PYTHONUNBUFFERED": "1", **self.program.environment, **self._mark},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,  # Ctrl-C in the terminal reaches the supervisor alone
        )
        self.started_at = time.monotonic()
        self.condemned = False
        _write_whole(self._pid_file, str(self.process.pid))
        threading.Thread(target=self._relay, args=(self.process.stdout,), daemon=True).start()

    def look_after(self) -> None:
        """One tick: buries a dead process, kills a hung one, starts what is due."""
        if self.process is None:
            if time.monotonic() >= self.start_at:
                self.start()
            return
        if self.condemned:
            self._say(self.program.name, "hangs: no heartbeat. Killing it and all its processes.")
            self.kill_group()
        status = self.process.poll()
        if status is None:
            return
        lived = self.uptime
        self.bury()
        self.delay = FIRST_DELAY if lived >= HEALTHY_AFTER else self.delay
        self.start_at = time.monotonic() + self.delay
        self._say(self.program.name, f"{_describe(status)} after {lived:.0f} s; starts again in {self.delay:g} s")
        self.delay = min(self.delay * 2, LONGEST_DELAY)

    def ask_to_stop(self) -> None:
        """SIGTERM to the main process alone: django-q's cluster hangs when its workers receive it too."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def kill_group(self) -> None:
        """SIGKILL to the process and everything it started; a process of the group may outlive its leader."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def bury(self) -> None:
        """Removes what is left of a dead process."""
        self.kill_group()
        self.process = None
        self._pid_file.unlink(missing_ok=True)

    def _relay(self, output: IO[str]) -> None:
        with output:
            for line in output:
                self._say(self.program.name, line.rstrip("\n"))


class Supervisor:
    """Runs programs until it is asked to stop.

    `run_dir` holds the pid files. `say(name, line)` receives every line of output, from several threads.
    """

    def __init__(self, programs: Sequence[Program], *, run_dir: Path, say: Say, watch_every: float = 5.0) -> None:
        run_dir.mkdir(parents=True, exist_ok=True)
        self.children = [Child(program, run_dir, say) for program in programs]
        self.stopping = threading.Event()
        self._run_dir = run_dir
        self._say = say
        self._watch_every = watch_every
        self._stops_asked = 0

    def run(self) -> None:
        """Blocks until `request_stop` or SIGINT, SIGTERM, SIGHUP; then no process of ours is left. Twice: at once."""
        previous = {number: signal.signal(number, self.request_stop) for number in _STOP_SIGNALS}
        threading.Thread(target=self._watch, daemon=True).start()
        try:
            while not self._stops_asked:
                for child in self.children:
                    child.look_after()
                time.sleep(TICK)
        finally:
            self.stopping.set()
            self._stop_all()
            for number, handler in previous.items():
                signal.signal(number, handler)

    def request_stop(self, *_signal: object) -> None:
        """Asks `run` to stop everything and return; asking again skips the grace."""
        self._stops_asked += 1  # no lock and no Event: this runs inside signal handlers

    def _stop_all(self) -> None:
        for child in self.children:
            child.ask_to_stop()
        deadline = time.monotonic() + STOP_GRACE
        while any(child.process and child.process.poll() is None for child in self.children):
            if time.monotonic() >= deadline or self._stops_asked > 1:
                break
            time.sleep(TICK / 2)
        for child in self.children:
            if child.process is not None and child.process.poll() is None:
                self._say(child.program.name, "did not stop in time: killed")
            child.bury()
        stop_marked_processes(self._run_dir, grace=0)

    def _watch(self) -> None:
        watched = [child for child in self.children if child.program.is_hung]
        while watched and not self.stopping.wait(self._watch_every):
            for child in watched:
                process, uptime = child.process, child.uptime
                try:
                    is_hung = bool(process and child.program.is_hung and child.program.is_hung(uptime))
                except Exception as error:  # noqa: BLE001  recorded; the watchdog must outlive whatever it asks
                    self._say("watchdog", f"could not ask about {child.program.name}: {error!r}")
                    continue
                if is_hung and child.process is process:
                    child.condemned = True


_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def _describe(status: int) -> str:
    return f"killed by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"


def _write_whole(path: Path, text: str) -> None:
    """Replaces the file in one step: a reader never sees half a pid."""
    fresh = path.with_suffix(".new")
    fresh.write_text(text)
    fresh.replace(path)
