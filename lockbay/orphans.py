"""Finds and stops what an earlier supervisor left behind when it was killed.

Every supervised process, and whatever it starts, carries its supervisor's run directory in the environment. That
finds children of children too, for instance web workers that still hold the port after their parent died.
"""

import contextlib
import fcntl
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

MARK = "LOCKBAY_SUPERVISED_BY"
_PROC = Path("/proc")


class AlreadyRunning(Exception):
    """Another supervisor holds this run directory. `args[0]` is its pid, as text."""


@contextlib.contextmanager
def hold_run_dir(run_dir: Path) -> Iterator[None]:
    """Keeps every other supervisor out of `run_dir`; the system lets go of the lock when this process dies.

    Raises: AlreadyRunning.
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    with (run_dir / "up.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise AlreadyRunning(file.read().strip() or "unknown") from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def stop_marked_processes(run_dir: Path, *, grace: float = 5.0) -> list[int]:
    """Stops all processes that a supervisor of `run_dir` started; returns their pids.

    Group leaders are asked first; what is left after `grace` seconds is killed. Only the caller may be supervising
    `run_dir`. Without /proc (macOS) the pid files are all there is to go by.
    """
    found = _marked_pids(run_dir)
    if grace:
        for pid in found:
            if _is_group_leader(pid):
                _send(pid, signal.SIGTERM)
    deadline = time.monotonic() + grace
    while _marked_pids(run_dir) and time.monotonic() < deadline:
        time.sleep(0.05)
    for pid in _marked_pids(run_dir):
        _send(pid, signal.SIGKILL)
    for path in run_dir.glob("*.pid"):
        path.unlink(missing_ok=True)
    return found


def _marked_pids(run_dir: Path) -> list[int]:
    if not _PROC.is_dir():
        return _recorded_pids(run_dir)
    mark = f"{MARK}={run_dir.resolve()}".encode()
    pids = [int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit()]
    return [pid for pid in pids if pid != os.getpid() and mark in _environment_of(pid).split(b"\0")]


def _environment_of(pid: int) -> bytes:
    """Empty when the process is gone, a zombie, or not ours."""
    try:
        return (_PROC / str(pid) / "environ").read_bytes()
    except OSError:
        return b""


def _recorded_pids(run_dir: Path) -> list[int]:
    pids = [int(path.read_text()) for path in run_dir.glob("*.pid")]
    return [pid for pid in pids if _is_group_leader(pid)]


def _is_group_leader(pid: int) -> bool:
    try:
        return os.getpgid(pid) == pid
    except ProcessLookupError:
        return False


def _send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)
