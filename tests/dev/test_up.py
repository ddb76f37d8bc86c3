"""`manage.py up`: what it runs, what it tells the processes, when it takes the worker for hung."""

from datetime import timedelta

import pytest
from django.db import OperationalError
from pytest_django import Settings

from lockbay import clock, heartbeat
from lockbay.console import draw_box
from lockbay.management.commands import up
from lockbay.models import Heartbeat


def test_runs_the_sandbox_in_sandbox_mode_alone(settings: Settings) -> None:
    settings.SANDBOX = True
    assert [program.name for program in _programs()] == ["web", "worker", "bot", "sandbox"]
    settings.SANDBOX = False
    assert [program.name for program in _programs()] == ["web", "worker", "bot"]


def test_tells_every_process_of_the_sandbox_where_the_others_are(settings: Settings) -> None:
    settings.SANDBOX = True
    for program in _programs():
        assert program.environment["PUBLIC_URL"] == "http://127.0.0.1:18201"
        assert program.environment["SANDBOX_URL"] == "http://127.0.0.1:18202"
        assert program.environment["TELEGRAM_API_URL"] == "http://127.0.0.1:18202"


def test_leaves_the_addresses_alone_outside_the_sandbox(settings: Settings) -> None:
    settings.SANDBOX = False
    assert not any("PUBLIC_URL" in program.environment for program in _programs())


def test_never_gives_the_worker_a_connection_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_POOL", "true")
    assert _environment_of("worker")["DATABASE_POOL"] == "false"
    assert _environment_of("web")["DATABASE_POOL"] == "true"


@pytest.mark.django_db(transaction=True)
class TestWatchdog:
    """Asked with the uptime of the worker's process, in seconds."""

    def test_trusts_a_worker_that_beats(self) -> None:
        heartbeat.beat("worker")
        assert not up.is_worker_hung(1000)

    def test_takes_an_old_beat_for_a_hung_worker(self, settings: Settings) -> None:
        _beat_ago(timedelta(seconds=settings.WORKER_WATCHDOG_SECONDS + 5))
        assert up.is_worker_hung(1000)

    def test_takes_a_missing_beat_for_a_hung_worker(self) -> None:
        assert up.is_worker_hung(1000)

    def test_gives_a_new_process_time_to_beat(self, settings: Settings) -> None:
        _beat_ago(timedelta(days=1))
        assert not up.is_worker_hung(settings.WORKER_WATCHDOG_SECONDS - 1)

    def test_does_not_blame_the_worker_for_a_database_that_is_away(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(_name: str) -> timedelta:
            raise OperationalError

        monkeypatch.setattr(heartbeat, "age_of", refuse)
        assert not up.is_worker_hung(1000)


def test_says_when_nobody_answers() -> None:
    status, answer = up.ask_ready(1)
    assert status == 0
    assert "no answer" in answer


def test_tells_the_demo_login_in_the_sandbox_alone(settings: Settings) -> None:
    settings.SANDBOX = True
    assert settings.SANDBOX_STAFF_PASSWORD in "\n".join(up.addresses_to_print(18201, 18202))
    settings.SANDBOX = False
    assert settings.SANDBOX_STAFF_PASSWORD not in "\n".join(up.addresses_to_print(18201, 18202))


def test_draws_a_box_with_even_sides() -> None:
    lines = draw_box(["short", "a good deal longer"]).strip("\n").splitlines()
    assert len({len(line) for line in lines}) == 1


def _programs() -> list[up.Program]:
    return up.programs_of_this_machine(web_port=18201, sandbox_port=18202)


def _environment_of(name: str) -> dict[str, str]:
    return next(dict(program.environment) for program in _programs() if program.name == name)


def _beat_ago(age: timedelta) -> None:
    heartbeat.beat("worker")
    Heartbeat.objects.update(beat_at=clock.real_now() - age)
