"""The bot as a process of its own: killed at any moment it loses nothing, asked to stop it ends in time (F1, F3)."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from django.conf import settings as django_settings
from django.db import connection

from lockbay.events.kinds import Kind
from lockbay.events.models import Event
from lockbay.models import Heartbeat
from telegrambot.models import StoredUpdate, UpdateStatus

pytestmark = pytest.mark.django_db(transaction=True)


class BotProcess:
    """`manage.py runbot` on the database of this test."""

    def __init__(self, telegram_url: str) -> None:
        self._environment = {**os.environ, **_same_database(), "LOCKBAY_MODE": "test", "TELEGRAM_API_URL": telegram_url}
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        command = [sys.executable, str(django_settings.BASE_DIR / "manage.py"), "runbot"]
        self._process = subprocess.Popen(command, env=self._environment)

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait(10)

    def stop(self) -> tuple[int, float]:
        """Asks it to stop; returns its exit code and the seconds it took."""
        assert self._process is not None
        started = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(10), time.monotonic() - started

    def end(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill()


@pytest.fixture
def process(phones, settings) -> Iterator[BotProcess]:
    bot = BotProcess(settings.TELEGRAM_API_URL)
    yield bot
    bot.end()


def wait_until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "nothing came"
        time.sleep(0.05)


def test_it_answers_beats_survives_kills_and_stops_in_time(process, phones):
    def answers() -> int:
        return sum(message["from_bot"] for message in phones.messages("bea"))

    phones.start("bea")  # before there is a bot
    process.start()
    wait_until(lambda: answers() == 1)
    wait_until(lambda: Heartbeat.objects.filter(pk="bot").exists())

    for number in range(3):
        phones.send_text("bea", "/wallet")
        if number:
            time.sleep(0.15 * number)
        process.kill()
        process.start()
    wait_until(lambda: not StoredUpdate.objects.filter(status=UpdateStatus.STORED).exists() and answers() >= 4)
    assert StoredUpdate.objects.filter(status=UpdateStatus.DONE).count() == 4
    assert answers() <= 4 + 3  # at most one more copy a kill
    assert Event.objects.get(kind=Kind.STAFF_TEST).data["process"] == "bot"  # staff heard of the first start alone

    code, seconds = process.stop()
    assert code == 0
    assert seconds <= 5


def test_it_waits_for_a_telegram_that_is_down_at_the_start(process, phones):
    phones.start("bea")
    phones.faults(down=2)
    process.start()
    wait_until(lambda: any(message["from_bot"] for message in phones.messages("bea")))
    assert process.stop()[0] == 0


def _same_database() -> dict[str, str]:
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "postgresql":
        return {"DATABASE_URL": urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()}
    return {"SQLITE_PATH": name}
