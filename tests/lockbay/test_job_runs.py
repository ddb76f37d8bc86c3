"""A job that does not do its work is red, staff hear of it once, and is green with its next success (O4, O5)."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, transaction
from django_q.models import OrmQ, Schedule
from django_q.signals import post_execute_in_worker
from structlog.testing import capture_logs

from lockbay import clock, job_runs, jobs
from lockbay.events.kinds import Kind
from lockbay.events.models import Event
from lockbay.models import JobRun
from tests.cast import olu

PROOF = "check_ledger_full"
BROKEN = """\
duplicate
DETAIL:  bea@example.org : Traceback (most recent call last):
  File "psycopg/cursor.py", line 97, in execute
    raise ex
psycopg.errors.LockNotAvailable: too late

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "wallets/proof.py", line 88, in take_mark
    return _take_mark_once()
           ^^^^^^^^^^^^^^^^^
django.db.utils.OperationalError: duplicate
DETAIL:  bea@example.org
"""


@pytest.fixture(autouse=True)
def all_succeeded(db: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_runs, "_written_at", {})
    JobRun.objects.update(succeeded_at=clock.real_now())


def ran(function: str, *, success: bool = True, result: str = "None") -> None:
    """What a worker's process says after a task."""
    task = {"func": function, "success": success, "result": result}
    post_execute_in_worker.send(sender="django_q", func=None, task=task)


def aged(name: str, **age: float) -> None:
    JobRun.objects.filter(name=name).update(succeeded_at=clock.real_now() - timedelta(**age))


def test_migrating_made_a_row_for_every_job():
    JobRun.objects.filter(name=PROOF).delete()
    JobRun.objects.create(name="gone", known_since=clock.real_now())
    job_runs.know_jobs_after_migrate()
    assert set(JobRun.objects.values_list("name", flat=True)) == {job.name for job in jobs.JOBS}


def test_a_house_whose_jobs_succeed_is_green_and_names_them_all():
    result = job_runs.check_jobs()
    assert result.ok
    assert all(f"{job.name} 0 min ago" in result.detail for job in jobs.JOBS)


def test_a_fresh_house_is_green_until_a_job_should_have_run():
    JobRun.objects.update(succeeded_at=None, known_since=clock.real_now())
    assert job_runs.check_jobs().ok
    JobRun.objects.filter(name="fan_out").update(known_since=clock.real_now() - timedelta(minutes=8))
    assert job_runs.check_jobs().detail == "fan_out: never ran"


def test_a_job_that_was_killed_each_time_shows_by_its_age():
    aged("fan_out", minutes=8)
    aged(PROOF, hours=47)
    result = job_runs.check_jobs()
    assert not result.ok
    assert result.detail.startswith("fan_out: last succeeded ")
    aged(PROOF, hours=49)
    assert len(job_runs.failing_jobs()) == 2


def test_a_proof_that_broke_is_red_at_once_and_green_after_its_next_success():
    ran("wallets.jobs.check_full", success=False, result=BROKEN)
    assert job_runs.check_jobs().detail.endswith(", OperationalError")
    ran("wallets.jobs.check_full")
    assert job_runs.check_jobs().ok


@pytest.mark.parametrize("result", ["", "None", "no traceback here, bea@example.org"])
def test_a_failure_that_says_nothing_readable_is_a_failure(result):
    ran("wallets.jobs.check_full", success=False, result=result)
    assert JobRun.objects.get(name=PROOF).error == "unknown"
    assert not job_runs.check_jobs().ok


def test_no_message_of_an_error_is_kept():
    ran("wallets.jobs.check_full", success=False, result=BROKEN)
    assert JobRun.objects.get(name=PROOF).error == "OperationalError"


def test_a_frequent_job_that_broke_once_is_left_to_its_next_visit():
    ran("notifications.jobs.fan_out", success=False, result=BROKEN)
    assert job_runs.check_jobs().ok


def test_successes_in_a_row_are_written_now_and_then_only(django_assert_num_queries):
    ran("notifications.jobs.fan_out")
    with django_assert_num_queries(0):
        ran("notifications.jobs.fan_out")
        ran("somebody.elses.task")


def test_a_success_after_a_failure_is_written_at_once():
    ran("wallets.jobs.check_full")
    ran("wallets.jobs.check_full", success=False, result=BROKEN)
    ran("wallets.jobs.check_full")
    assert job_runs.check_jobs().ok


def test_a_worker_survives_a_database_that_is_away(monkeypatch):
    def fail(*_args, **_kwargs):
        raise OperationalError("gone")

    monkeypatch.setattr(JobRun.objects, "filter", fail)
    with capture_logs() as logs:
        ran("notifications.jobs.fan_out")
    assert [line["event"] for line in logs] == ["JOB_RUN_NOT_NOTED"]


def test_staff_are_told_once_until_it_succeeds_again():
    aged("fan_out", minutes=8)
    assert [job_runs.report_failing_jobs(), job_runs.report_failing_jobs()] == [1, 0]
    event = Event.objects.get(kind=Kind.JOB_STALLED.value)
    assert event.data["job"] == "fan_out"
    assert event.data["reason"].startswith("last succeeded ")
    ran("notifications.jobs.fan_out")
    assert job_runs.report_failing_jobs() == 0
    aged("fan_out", minutes=8)
    assert job_runs.report_failing_jobs() == 1


def test_the_full_proof_may_take_an_hour_and_is_not_taken_for_lost_meanwhile(settings):
    schedule = Schedule.objects.get(name=PROOF)
    assert schedule.kwargs == "{'q_options': {'timeout': 3600}}"
    assert max(job.seconds for job in jobs.JOBS) < settings.Q_CLUSTER["retry"]


def test_what_a_killed_worker_held_does_not_keep_others_from_being_woken(monkeypatch):
    monkeypatch.setattr(jobs, "_MOST_WAITING", 1)
    with transaction.atomic():
        jobs.wake("fan_out")
    OrmQ.objects.update(lock=clock.real_now() + timedelta(hours=1))
    jobs.wake("fan_out")
    assert OrmQ.objects.count() == 2


def test_the_desk_shows_the_jobs(client):
    client.force_login(olu())
    page = client.get("/admin/lockbay/jobrun/")
    assert "check_ledger_full" in page.content.decode()
