"""When each scheduled job last succeeded; one that does not is red on /ready and staff are told once (O4, O5).

The worker's processes note what they ran. A success of a job that succeeds all the time is written every 30 s only; a
failure always. A job whose process was killed leaves no note: it shows by its age.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import Error as DatabaseError
from django.db import connection, transaction

from lockbay import clock, jobs
from lockbay.events.kinds import Kind
from lockbay.events.recording import NewEvent, record
from lockbay.models import JobRun
from lockbay.observability.health import Result

log = structlog.get_logger(__name__)
_GRACE = timedelta(minutes=5)
_WRITTEN_EVERY_SECONDS = 30.0
_RARE_MINUTES = 60  # a job that comes so seldom is not given a second chance before staff hear of it
_LONGEST_ERROR = 100
_written_at: dict[str, float] = {}


@dataclass(frozen=True)
class Failing:
    """A job that does not do its work."""

    run: JobRun
    job: jobs.Job

    @property
    def why(self) -> str:
        """A few plain words for staff and monitors."""
        last = f"last succeeded {self.run.succeeded_at:%Y-%m-%d %H:%M} UTC" if self.run.succeeded_at else "never ran"
        return f"{last}, {self.run.error}" if self.run.has_failed else last


def note_runs() -> None:
    """Called once at start: the worker's processes note the outcome of every job from now on."""
    from django_q.signals import post_execute_in_worker

    post_execute_in_worker.connect(_note_task, dispatch_uid="lockbay.note_runs")


def know_jobs_after_migrate(**_kwargs: Any) -> None:
    """The post_migrate receiver: the table holds exactly the jobs of jobs.JOBS."""
    if JobRun._meta.db_table not in connection.introspection.table_names():
        return
    now = clock.real_now()
    with transaction.atomic():
        JobRun.objects.exclude(name__in=[job.name for job in jobs.JOBS]).delete()
        new = [JobRun(name=job.name, known_since=now) for job in jobs.JOBS]
        JobRun.objects.bulk_create(new, ignore_conflicts=True)


def note_run(name: str, *, error: str = "") -> None:
    """Job `name` has run; `error` is the class of what it raised, "" when it succeeded."""
    now = clock.real_now()
    if error:
        _written_at.pop(name, None)
        JobRun.objects.filter(name=name).update(failed_at=now, error=error[:_LONGEST_ERROR])
        return
    written_at = _written_at.get(name)
    if written_at is None or time.monotonic() - written_at > _WRITTEN_EVERY_SECONDS:
        JobRun.objects.filter(name=name).update(succeeded_at=now, told_at=None)
        _written_at[name] = time.monotonic()


def failing_jobs() -> Sequence[Failing]:
    """Jobs without a success for two of their cadences, and rare ones (the proofs) whose last run failed."""
    now = clock.real_now()
    runs = JobRun.objects.in_bulk(field_name="name")
    found = [Failing(runs[job.name], job) for job in jobs.JOBS if job.name in runs]
    return [one for one in found if _is_failing(one.run, one.job, now)]


def check_jobs() -> Result:
    """Red while a job fails; names it. Green names every job with the time since its last success."""
    failing = failing_jobs()
    if failing:
        return Result(False, "; ".join(f"{one.job.name}: {one.why}" for one in failing))
    now = clock.real_now()
    runs = JobRun.objects.order_by("name")
    return Result(True, ", ".join(f"{run.name} {_age(run.succeeded_at, now)}" for run in runs))


def report_failing_jobs() -> int:
    """Every minute: tells staff, once until it succeeds again, of each job that fails. How many it told of."""
    told = 0
    for one in failing_jobs():
        with transaction.atomic():
            fresh = JobRun.objects.filter(pk=one.run.pk, told_at__isnull=True).update(told_at=clock.real_now())
            if fresh:
                record([NewEvent(Kind.JOB_STALLED, "job", one.run.pk, data={"job": one.job.name, "reason": one.why})])
                told += 1
    return told


def _is_failing(run: JobRun, job: jobs.Job, now: datetime) -> bool:
    if run.has_failed and job.minutes >= _RARE_MINUTES:
        return True
    return now - (run.succeeded_at or run.known_since) > 2 * timedelta(minutes=job.minutes) + _GRACE


def _note_task(*, task: dict[str, Any], **_kwargs: Any) -> None:
    name = jobs.name_of(task["func"])
    if name is None:
        return
    try:
        note_run(name, error="" if task["success"] else _class_in(str(task["result"])))
    except DatabaseError as lost:
        log.error("JOB_RUN_NOT_NOTED", job=name, exc_info=lost)  # the job's age will show it


def _class_in(result: str) -> str:
    """What was raised, of the queue's "message : traceback": below the last traceback's frames, which are indented.

    Messages, also of several lines, may hold anything and are left out. Never "": it has failed.
    """
    _message, is_there, below = result.rpartition("Traceback (most recent call last):\n")
    line = next((line for line in below.splitlines() if line and not line[0].isspace()), "") if is_there else ""
    name = line.partition(":")[0].rpartition(".")[2]
    return name if name.isidentifier() else "unknown"


def _age(at: datetime | None, now: datetime) -> str:
    return f"{(now - at).total_seconds() / 60:.0f} min ago" if at else "not yet"
