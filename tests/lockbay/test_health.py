"""/health says that the process answers, /ready that all it needs does, and nothing makes them fall over (O4, F39)."""

import json
import threading
from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client

from lockbay import clock, heartbeat
from lockbay.models import Heartbeat
from lockbay.observability import ground_checks, health
from lockbay.observability.health import Result


@pytest.fixture(autouse=True)
def _asked_anew(monkeypatch):
    health.forget_results()
    ground_checks.forget_migrations()
    monkeypatch.setattr(health, "_running", {})
    yield
    health.forget_results()
    ground_checks.forget_migrations()


@pytest.fixture
def only(monkeypatch):
    """Replaces the registered checks by the given ones."""

    def replace(**checks):
        monkeypatch.setattr(health, "_checks", checks)

    return replace


def get_ready(**headers):
    return Client().get("/ready", headers=headers)


def test_health_answers_without_a_database():
    response = Client().get("/health")
    assert (response.status_code, response.content) == (200, b"alive\n")


def test_every_room_has_filled_the_registry():
    rooms = {"database", "migrations", "worker", "bot", "rates", "inbox", "providers", "channel", "staff channels"}
    assert rooms <= set(health._checks)


def test_ready_is_200_when_all_are_green_and_names_each(only):
    only(database=lambda: Result(True, "fine"), rates=lambda: Result(True))
    response = get_ready()
    assert response.status_code == 200
    assert response.json() == {
        "ready": True,
        "checks": {"database": {"ok": True, "detail": "fine"}, "rates": {"ok": True, "detail": ""}},
    }
    assert response["Cache-Control"] == "no-store"


def test_a_check_of_several_parts_names_each(only):
    only(channel=lambda: {"email": Result(True, "off"), "slack": Result(False, "stuck")})
    assert get_ready().json() == {
        "ready": False,
        "checks": {
            "channel email": {"ok": True, "detail": "off"},
            "channel slack": {"ok": False, "detail": "stuck"},
        },
    }


def test_one_red_check_makes_it_503_and_the_others_are_still_told(only):
    only(database=lambda: Result(True), bot=lambda: Result(False, "never beat"))
    response = get_ready()
    assert response.status_code == 503
    assert response.json()["checks"]["bot"] == {"ok": False, "detail": "never beat"}
    assert response.json()["checks"]["database"]["ok"]


def test_a_check_that_raises_is_red_with_the_class_of_the_error_and_nothing_secret(only):
    def fail():
        raise OperationalError("password=hunter2 at db.internal")

    only(database=fail)
    response = get_ready()
    assert response.status_code == 503
    assert response.json()["checks"]["database"] == {"ok": False, "detail": "OperationalError"}
    assert b"hunter2" not in response.content


def test_a_check_that_hangs_is_red_in_time_and_is_not_piled_up(only, settings):
    settings.HEALTH_CHECK_SECONDS = 0.1
    starts, may_end = [], threading.Event()

    def hang():
        starts.append(1)
        may_end.wait(60)
        return Result(True)

    only(slow=hang, quick=lambda: Result(True))
    first = get_ready()
    health.forget_results()
    get_ready()
    may_end.set()  # both answers came while the check still hung
    assert first.json()["checks"]["slow"] == {"ok": False, "detail": "no answer in time"}
    assert first.json()["checks"]["quick"]["ok"]
    assert len(starts) == 1


def test_asked_often_it_answers_from_memory(only):
    asked = []
    only(counting=lambda: asked.append(1) or Result(True))
    for _ in range(5):
        get_ready()
    assert len(asked) == 1


def test_a_browser_gets_a_page_and_everything_on_it_is_escaped(only):
    only(database=lambda: Result(False, "<script>alert(1)</script>"))
    response = get_ready(accept="text/html,application/xhtml+xml")
    assert response.status_code == 503
    assert response["Content-Type"].startswith("text/html")
    assert b"LockBay is not ready" in response.content
    assert b"<script>" not in response.content
    assert b"&lt;script&gt;" in response.content


@pytest.mark.parametrize("address", ["/health", "/ready", "/metrics"])
def test_these_pages_are_read_only(address):
    assert Client().post(address).status_code == 405


@pytest.mark.django_db(transaction=True)
def test_a_database_that_takes_writes_is_green():
    assert ground_checks.check_database().ok


@pytest.mark.django_db(transaction=True)
def test_the_real_checks_of_a_fresh_house_are_red_by_name_and_never_a_500():
    response = get_ready()
    checks = response.json()["checks"]
    assert response.status_code == 503
    assert [checks[name]["ok"] for name in ("database", "migrations", "inbox")] == [True, True, True]
    assert [checks[name]["ok"] for name in ("worker", "bot", "rates")] == [False, False, False]


@pytest.mark.django_db
def test_an_unapplied_migration_is_red():
    assert ground_checks.check_migrations().ok
    MigrationRecorder(connection).record_unapplied("events", "0001_initial")
    ground_checks.forget_migrations()
    result = ground_checks.check_migrations()
    assert not result.ok
    assert "events.0001_initial" in result.detail


@pytest.mark.django_db
def test_a_migration_that_this_version_does_not_know_is_red_for_the_old_process():
    MigrationRecorder(connection).record_applied("events", "0099_from_tomorrow")
    result = ground_checks.check_migrations()
    assert not result.ok
    assert "events.0099_from_tomorrow" in result.detail


@pytest.mark.django_db
@pytest.mark.parametrize(("seconds", "is_green"), [(0, True), (29, True), (31, False), (86_400, False)])
def test_a_heartbeat_is_green_within_its_limit(seconds, is_green):
    Heartbeat.objects.create(name="bot", beat_at=clock.real_now() - timedelta(seconds=seconds), detail={"waiting": 0})
    result = ground_checks.check_heartbeat("bot", timedelta(seconds=30))
    assert result.ok is is_green
    assert "waiting=0" in result.detail


@pytest.mark.django_db
def test_a_process_that_never_beat_is_red():
    assert ground_checks.check_heartbeat("bot", timedelta(seconds=30)) == Result(False, "never beat")


@pytest.mark.django_db
def test_a_beat_replaces_the_one_before_and_keeps_its_detail():
    assert heartbeat.age_of("worker") is None
    heartbeat.beat("worker", step=1)
    heartbeat.beat("worker", step=2)
    assert list(Heartbeat.objects.values_list("name", "detail")) == [("worker", {"step": 2})]
    assert heartbeat.age_of("worker") < timedelta(seconds=5)


@pytest.mark.django_db
def test_metrics_show_what_was_counted():
    from payments.rates.quotes import quote_of
    from payments.rates.refresh import refresh_rates

    refresh_rates()
    quote_of("BTC")
    response = Client().get("/metrics")
    assert response.status_code == 200
    assert b'lockbay_rates_cache_hit_total{currency="BTC",tier="rapid"}' in response.content


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("token", "header", "status"),
    [
        ("", "", 404),
        ("", "Bearer ", 404),
        ("t0ken", "", 404),
        ("t0ken", "Bearer other", 404),
        ("t0ken", "Bearer tökén", 404),
        ("t0ken", "Bearer t0ken", 200),
    ],
)
def test_in_production_metrics_are_shown_to_the_holder_of_the_token_only(settings, token, header, status):
    settings.PLAYGROUND, settings.METRICS_TOKEN = False, token
    assert Client().get("/metrics", headers={"Authorization": header}).status_code == status


def test_ready_is_json_for_a_monitor(only):
    only(database=lambda: Result(True))
    assert json.loads(get_ready(accept="*/*").content)["ready"] is True


def test_not_yet_ready_is_no_error_in_the_log(only, caplog):
    only(bot=lambda: Result(False))
    get_ready()
    assert caplog.records == []
