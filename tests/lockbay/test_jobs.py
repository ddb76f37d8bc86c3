"""Every job of the table exists, is scheduled exactly as the table says, and can be woken inside a transaction."""

import pytest
from django.db import OperationalError, transaction
from django.utils.module_loading import import_string
from django_q.models import OrmQ, Schedule, Task
from django_q.signals import post_spawn
from structlog.testing import capture_logs

from lockbay import clock, heartbeat, jobs
from payments.rates import prewarm


@pytest.mark.parametrize("job", jobs.JOBS, ids=lambda job: job.name)
def test_every_job_names_a_function_that_exists(job):
    assert callable(import_string(job.function))


def test_no_name_is_used_twice():
    assert len({job.name for job in jobs.JOBS}) == len(jobs.JOBS)


@pytest.mark.django_db
def test_migrating_made_the_schedules_say_what_the_table_says():
    found = set(Schedule.objects.values_list("name", "func", "minutes", "schedule_type", "repeats"))
    assert found == {(job.name, job.function, job.minutes, Schedule.MINUTES, -1) for job in jobs.JOBS}


@pytest.mark.django_db
def test_installing_again_repairs_what_was_changed_and_removes_what_is_not_in_the_table():
    Schedule.objects.filter(name="heartbeat").update(func="elsewhere", minutes=99, repeats=3)
    Schedule.objects.filter(name="drain_inbox").delete()
    Schedule.objects.create(name="old job", func="gone.away", schedule_type=Schedule.MINUTES, minutes=1)
    jobs.install_schedules()
    jobs.install_schedules()
    assert Schedule.objects.count() == len(jobs.JOBS)
    assert Schedule.objects.get(name="heartbeat").func == "lockbay.jobs.beat_worker"


@pytest.mark.django_db(transaction=True)
def test_a_wake_up_commits_and_rolls_back_with_its_transaction():
    with transaction.atomic():
        jobs.wake("heartbeat")
        transaction.set_rollback(True)
    assert OrmQ.objects.count() == 0
    jobs.wake("heartbeat")
    assert OrmQ.objects.get().task["func"] == "lockbay.jobs.beat_worker"


@pytest.mark.django_db
def test_a_burst_of_wake_ups_does_not_bury_the_queue(monkeypatch):
    """The worker takes tasks one by one: thousands in front of its sign of life would have it taken for hung."""
    monkeypatch.setattr(jobs, "_MOST_WAITING", 5)
    for _ in range(20):
        jobs.wake("fan_out")
    assert OrmQ.objects.count() == 5
    jobs.wake("heartbeat")
    assert OrmQ.objects.latest("pk").task["func"] == "lockbay.jobs.beat_worker"
    OrmQ.objects.all().delete()
    jobs.wake("fan_out")
    assert OrmQ.objects.count() == 1


def test_an_unknown_job_cannot_be_woken():
    with pytest.raises(KeyError):
        jobs.wake("no such job")


@pytest.mark.django_db
def test_the_worker_beats_when_its_job_runs():
    jobs.beat_worker()
    assert heartbeat.age_of("worker") is not None


@pytest.mark.django_db
def test_a_fresh_worker_asks_for_a_beat_for_the_fees_and_for_a_word_to_staff_and_learns_the_rates():
    post_spawn.send(sender="django_q", proc_name="worker")
    asked = {task.task["func"] for task in OrmQ.objects.all()}
    beat, fees, word = "lockbay.jobs.beat_worker", "payments.jobs.refresh_network_fees", "notifications.jobs.fan_out"
    assert asked == {beat, fees, word}
    assert prewarm.last_prewarm().is_complete


@pytest.mark.django_db
def test_a_fresh_worker_survives_a_database_that_is_away(monkeypatch):
    def fail(_name):
        raise OperationalError("gone")

    monkeypatch.setattr(jobs, "wake", fail)
    with capture_logs() as logs:
        post_spawn.send(sender="django_q", proc_name="worker")
    assert "could not wake the heartbeat" in [line["event"] for line in logs]


@pytest.mark.django_db
def test_cleaning_up_removes_old_results_and_keeps_new_ones():
    from datetime import timedelta

    for name, days in (("old", 4), ("new", 2)):
        moment = clock.real_now() - timedelta(days=days)
        Task.objects.create(id=name, name=name, func="x", started=moment, stopped=moment, success=True)
    jobs.clean_up()
    assert list(Task.objects.values_list("name", flat=True)) == ["new"]
