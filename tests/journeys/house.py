"""The whole house as real processes on this machine: web, worker, bot and sandbox, each of which can be killed.

The database is a fresh one of the kind this test run uses; the processes are the very ones that `manage.py up` starts.
Only their imports are done beforehand (see warm.py), unless a process is to start cold.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any, TypeVar

from django.conf import settings

from lockbay import http
from lockbay.management.commands.up import HOST, manage_command, web_command
from telegrambot.sandbox.testing import SandboxClient
from tests.journeys.fresh_database import make_fresh_database
from tests.journeys.warm import Stage, WarmProcess
from tests.ports import free_port

T = TypeVar("T")
PATIENCE = 40.0  # seconds until something that must happen counts as not happening


def eventually(look: Callable[[], T], what: str, *, within: float = PATIENCE) -> T:
    """The first truthy answer of `look`, asked again and again. Raises: AssertionError naming `what`."""
    deadline = time.monotonic() + within
    answer: Any = None
    while time.monotonic() < deadline:
        try:
            answer = look()
        except (http.HTTPError, RuntimeError) as error:
            answer = error
        if answer and not isinstance(answer, Exception):
            return answer  # type: ignore[no-any-return]
        time.sleep(0.1)
    raise AssertionError(f"did not happen within {within:.0f} s: {what}; last seen: {answer!r}")


class House:
    """Real processes in `folder`; use as a context manager. Those named in `cold` start as new interpreters."""

    def __init__(
        self, folder: Path, *, settings_changed: dict[str, str] | None = None, cold: Collection[str] = ()
    ) -> None:
        self.folder, self.cold = folder, cold
        self.web_port, self.sandbox_port = free_port(), free_port()
        self.web_url, self.sandbox_url = f"http://{HOST}:{self.web_port}", f"http://{HOST}:{self.sandbox_port}"
        self.environment = {
            **os.environ,
            "LOCKBAY_MODE": "sandbox",
            "LOCKBAY_VAR_DIR": str(folder),
            "PUBLIC_URL": self.web_url,
            "SANDBOX_URL": self.sandbox_url,
            "TELEGRAM_API_URL": self.sandbox_url,
            "DATABASE_POOL": "false",
            "PYTHONUNBUFFERED": "1",
            **(settings_changed or {}),
        }
        self.people = SandboxClient(self.sandbox_url)
        self._processes: dict[str, subprocess.Popen[bytes] | WarmProcess] = {}
        self._drop_database: Callable[[], None] = lambda: None
        self._opened_stage: Stage | None = None

    def __enter__(self) -> "House":
        self._make_database()
        self.manage("migrate", "--verbosity", "0")
        self.manage("seed_sandbox")
        for name in self.commands():
            self.start(name)
        self.until_ready()
        return self

    def __exit__(self, *_exception: object) -> None:
        for process in self._processes.values():
            process.terminate()
        for name, process in self._processes.items():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            self.kill(name)
        if self._opened_stage is not None:
            self._opened_stage.close()
        self._drop_database()

    def commands(self) -> dict[str, list[str]]:
        """What runs, by name."""
        return {
            "sandbox": manage_command("sandbox", "--host", HOST, "--port", str(self.sandbox_port)),
            "web": web_command(self.web_port),
            "worker": manage_command("qcluster"),
            "bot": manage_command("runbot"),
        }

    def start(self, name: str) -> None:
        """Starts a process that does not run."""
        command, log = self.commands()[name], self.folder / f"{name}.log"
        if name not in self.cold:
            self._processes[name] = self._stage().start(command[1:], log)
            return
        with log.open("ab") as file:
            self._processes[name] = subprocess.Popen(
                command,
                env=self.environment,
                cwd=settings.BASE_DIR,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )

    def kill(self, name: str) -> None:
        """kill -9 of the process and everything it started, wherever it is in its work."""
        process = self._processes[name]
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def restart(self, name: str) -> None:
        """kill -9 and start again, as the supervisor does."""
        self.kill(name)
        self.start(name)

    def until_ready(self) -> None:
        """Waits until /ready is green."""
        ready = f"{self.web_url}/ready"
        eventually(lambda: http.request("GET", ready).status_code == 200, "/ready is green", within=90)

    def manage(self, *arguments: str) -> str:
        """Runs a management command to its end and returns what it printed. Raises: AssertionError when it fails."""
        return self._run(manage_command(*arguments))

    def look(self) -> dict[str, Any]:
        """What the database says, read by a process of its own (tests/journeys/look.py)."""
        return dict(json.loads(self.run("tests.journeys.look").splitlines()[-1]))

    def run(self, *arguments: str) -> str:
        """Runs a module of the tests in a process of its own to its end and returns what it printed."""
        return self._run([sys.executable, "-m", *arguments])

    def log_of(self, name: str) -> str:
        """Everything the process has printed so far."""
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def _run(self, command: list[str]) -> str:
        log = self.folder / "run.log"
        log.unlink(missing_ok=True)
        code = self._stage().start(command[1:], log).wait()
        said = log.read_text(errors="replace")
        assert code == 0, said
        return said

    def _stage(self) -> Stage:
        if self._opened_stage is None:
            self._opened_stage = Stage(self.environment)
        return self._opened_stage

    def _make_database(self) -> None:
        self._drop_database = make_fresh_database(self.environment)


class Phone:
    """One person's phone: says things, presses buttons by their verb, waits for what the bot shows."""

    def __init__(self, house: House, person: str) -> None:
        self.house, self.person = house, person
        self._people = house.people

    def say(self, text: str) -> None:
        self._people.send_text(self.person, text)

    def start(self, payload: str = "") -> None:
        self._people.start(self.person, payload)

    def texts(self) -> list[str]:
        """What the bot shows now, oldest first."""
        return [message["text"] for message in self._people.messages(self.person) if message["from_bot"]]

    def sees(self, words: str) -> str:
        """Waits for a message of the bot that contains `words`; returns it."""
        return eventually(
            lambda: next((text for text in reversed(self.texts()) if words in text), ""),
            f"{self.person} sees {words!r}",
        )

    def press(self, verb: str, extra: str = "") -> None:
        """Waits for the newest button with that verb ("accept!"), and choice where it matters, and presses it."""
        message_id, data = eventually(lambda: self._button(verb, extra), f"{self.person} has a button {verb} {extra}")
        self._people.press(self.person, message_id, data)

    def has(self, verb: str) -> bool:
        """True when a button with that verb is on the screen."""
        return self._button(verb) is not None

    def _button(self, verb: str, extra: str = "") -> tuple[int, str] | None:
        for message in reversed(self._people.messages(self.person)):
            for button in (button for row in message["buttons"] or [] for button in row):
                data = button.get("callback_data") or ""
                if data.startswith(f"{verb}:") and data.endswith(extra):
                    return message["message_id"], data
        return None


@contextlib.contextmanager
def open_house(folder: Path, *, cold: Collection[str] = (), **settings_changed: str) -> Iterator[House]:
    """A running house whose logs are shown when something goes wrong inside the block."""
    house = House(folder, settings_changed=settings_changed, cold=cold)
    try:
        with house:
            yield house
    except BaseException:
        for name in house.commands():
            with contextlib.suppress(OSError):
                print(f"--- the end of {name}.log\n{house.log_of(name)[-4000:]}")
        raise
