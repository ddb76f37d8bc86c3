"""The supervisor with tiny fake programs: whatever dies comes back, and nothing is left when it stops."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.core.management.base import CommandError

from lockbay.management.commands.up import require_free_port
from lockbay.orphans import MARK

ROOT = Path(__file__).resolve().parents[2]
HOUSE = Path(__file__).with_name("fake_house.py")
PATIENCE = 8.0


class House:
    """A fake house: start it, look at its pids and its words, stop it."""

    def __init__(self, run_dir: Path) -> None:
        self.run_dir = run_dir
        self.log = run_dir.parent / "output.txt"
        self.started: list[subprocess.Popen[bytes]] = []

    def start(self, *programs: str) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, str(HOUSE), str(self.run_dir), *programs]
        with self.log.open("ab") as output:
            process = subprocess.Popen(command, stdout=output, stderr=output, env=environment)
        self.started.append(process)
        return process

    def pid_of(self, program: str) -> int | None:
        try:
            return int((self.run_dir / f"{program}.pid").read_text())
        except FileNotFoundError:
            return None

    def wait_for_pid(self, program: str, *, other_than: int | None = None) -> int:
        wait_until(lambda: self.pid_of(program) not in (None, other_than), f"{program} has a new pid")
        pid = self.pid_of(program)
        assert pid is not None
        return pid

    def says(self, text: str) -> bool:
        return self.log.exists() and text in self.log.read_text()

    def members(self) -> list[int]:
        """Every living process that carries this house's mark."""
        mark = f"{MARK}={self.run_dir.resolve()}".encode()
        return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and _carries(entry, mark)]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path / "run")
    yield house
    for process in house.started:
        if process.poll() is None:
            process.kill()
        process.wait()
    for pid in house.members():
        os.kill(pid, signal.SIGKILL)


def test_starts_a_killed_program_again(house: House) -> None:
    house.start("sleeper")
    first = house.wait_for_pid("sleeper")
    os.kill(first, signal.SIGKILL)
    second = house.wait_for_pid("sleeper", other_than=first)
    assert is_alive(second)
    assert house.says("killed by SIGKILL")


def test_waits_longer_before_each_restart_of_a_program_that_keeps_failing(house: House) -> None:
    house.start("flapping")
    wait_until(lambda: house.says("starts again in 1 s"), "the second delay is doubled")
    assert house.says("ended with status 3")
    assert house.says("starts again in 0.5 s")


def test_kills_what_a_killed_program_leaves_behind_before_it_starts_again(house: House) -> None:
    house.start("family")
    first = house.wait_for_pid("family")
    wait_until(lambda: house.says("both run"), "parent and child run")
    old = house.members()
    os.kill(first, signal.SIGKILL)
    house.wait_for_pid("family", other_than=first)
    assert not any(is_alive(pid) for pid in old)


def test_kills_and_restarts_a_program_that_hangs(house: House) -> None:
    house.start("hung")
    first = house.wait_for_pid("hung")
    house.wait_for_pid("hung", other_than=first)
    assert house.says("hangs: no heartbeat")
    assert not is_alive(first)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stops_cleanly_and_leaves_no_process(house: House, number: signal.Signals) -> None:
    process = house.start("sleeper", "family")
    wait_until(lambda: len(house.members()) == 3, "all run")
    process.send_signal(number)
    assert process.wait(timeout=PATIENCE) == 0
    assert house.members() == []
    assert list(house.run_dir.glob("*.pid")) == []
    assert house.says("stopped")


def test_kills_a_program_that_will_not_stop(house: House) -> None:
    process = house.start("stubborn")
    wait_until(lambda: house.says("awake"), "it ignores SIGTERM by now")
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=PATIENCE) == 0
    assert house.members() == []
    assert house.says("did not stop in time")


def test_stops_what_a_killed_supervisor_left_behind(house: House) -> None:
    first = house.start("family")
    wait_until(lambda: house.says("both run"), "parent and child run and write no more")
    orphans = house.members()
    first.kill()
    first.wait()
    assert house.members() == orphans
    house.start("sleeper")
    house.wait_for_pid("sleeper")
    assert not any(is_alive(pid) for pid in orphans)
    assert house.says("orphans 2")


def test_refuses_a_second_supervisor_in_the_same_place(house: House) -> None:
    first = house.start("sleeper")
    pid = house.wait_for_pid("sleeper")
    second = house.start("sleeper")
    assert second.wait(timeout=PATIENCE) == 1
    assert house.says(f"refused: {first.pid}")
    assert house.pid_of("sleeper") == pid
    assert is_alive(pid)


def test_names_the_port_that_is_taken_and_the_option_that_moves_it() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        with pytest.raises(CommandError, match=rf"port {port} is already in use.*--web-port"):
            require_free_port(port, option="--web-port")
    require_free_port(port, option="--web-port")


def wait_until(is_so: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline, f"waited {PATIENCE:g} s in vain until {what}"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def _carries(entry: Path, mark: bytes) -> bool:
    try:
        return mark in (entry / "environ").read_bytes().split(b"\0")
    except OSError:
        return False
