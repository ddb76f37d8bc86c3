"""Every scheduled job of the house in one table, installed after each migrate (and checked by a test).

`wake(job)` asks the worker to run a job soon. Called inside a transaction the request commits or rolls back with it,
because the queue is a table of the same database. Losing a wake-up loses nothing: the schedule is the sweep.
"""

from dataclasses import dataclass
from typing import Any

import structlog
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import transaction

from lockbay import clock

log = structlog.get_logger(__name__)
_SIGN_OF_LIFE = "heartbeat"
_MOST_WAITING = 50  # tasks: a few seconds of the worker's time


@dataclass(frozen=True)
class Job:
    """`function` is a dotted path; `minutes` its cadence, `seconds` how long one run may take before it is killed."""

    name: str
    function: str
    minutes: int
    seconds: int = settings.TASK_SECONDS

    @property
    def options(self) -> str:
        """What the schedule hands to the queue, as the queue reads it."""
        return "" if self.seconds == settings.TASK_SECONDS else str({"q_options": {"timeout": self.seconds}})


JOBS: tuple[Job, ...] = (
    Job(_SIGN_OF_LIFE, "lockbay.jobs.beat_worker", 1),
    Job("drain_inbox", "payments.jobs.drain_inbox", 1),
    Job("ask_quiet_intents", "payments.jobs.ask_quiet_intents", 5),
    Job("look_at_claims", "payments.jobs.look_at_claims", 1),
    Job("recheck_claims", "payments.jobs.recheck_claims", 1),
    Job("watch_addresses", "payments.jobs.watch_addresses", 1),
    Job("refresh_rates", "payments.jobs.refresh_rates", 3),
    Job("refresh_waited_rates", "payments.jobs.refresh_waited_rates", 1),
    Job("refresh_network_fees", "payments.jobs.refresh_network_fees", 2),
    Job("send_payouts", "payments.payouts.jobs.send_payouts", 1),
    Job("ask_payouts", "payments.payouts.jobs.ask_payouts", 1),
    Job("look_at_balances", "payments.payouts.jobs.look_at_balances", 15),
    Job("run_deadlines", "escrows.jobs.run_deadlines", 1),
    Job("fan_out", "notifications.jobs.fan_out", 1),
    Job("send_fallbacks", "notifications.jobs.send_fallbacks", 1),
    Job("note_who_was_told", "notifications.jobs.note_who_was_told", 1),
    Job("look_after_incidents", "notifications.jobs.look_after_incidents", 1),
    Job("send_digest", "notifications.jobs.send_digest", 10),
    Job("forget_old_reports", "notifications.jobs.forget_old_reports", 24 * 60),
    Job("forget_old_updates", "telegrambot.clean_up.forget_old_updates", 24 * 60),
    Job("check_ledger_incremental", "wallets.jobs.check_incremental", 60),
    Job("check_ledger_full", "wallets.jobs.check_full", 24 * 60, seconds=3600),
    Job("report_overdue_payouts", "wallets.jobs.report_overdue_payouts", 1),
    Job("report_failing_jobs", "lockbay.job_runs.report_failing_jobs", 1),
    Job("clean_up", "lockbay.jobs.clean_up", 24 * 60),
)
_BY_NAME = {job.name: job for job in JOBS}
_NAMES = {job.function: job.name for job in JOBS}


def name_of(function: str) -> str | None:
    """The job that runs the function at this dotted path; None for any other task."""
    return _NAMES.get(function)


def wake(name: str) -> None:
    """Asks the worker to run job `name` soon; commits with the surrounding transaction.

    Behind a long queue nothing is asked: what waits there does the same work, and the schedule comes by all the same.
    The sign of life is always asked for, because its absence has the worker restarted.
    """
    from django_q.tasks import async_task

    job = _BY_NAME[name]
    if name != _SIGN_OF_LIFE and _is_queue_long():
        return
    async_task(job.function, task_name=f"wake:{job.name}")


def _is_queue_long() -> bool:
    """What was taken and not finished is under way, or lost with its worker: neither waits."""
    from django_q.models import OrmQ

    waiting = OrmQ.objects.filter(lock__lte=clock.real_now()).order_by("pk")
    return bool(waiting[_MOST_WAITING - 1 : _MOST_WAITING].exists())


def beat_when_worker_starts() -> None:
    """Called once at start: a fresh worker proves at once that it takes tasks, not at the queue's first tick (O4)."""
    from django_q.signals import post_spawn

    post_spawn.connect(_wake_heartbeat, dispatch_uid="lockbay.wake_heartbeat")


def _wake_heartbeat(**_kwargs: Any) -> None:
    try:
        wake(_SIGN_OF_LIFE)
    except DatabaseError as error:
        log.error("could not wake the heartbeat", exc_info=error)  # its schedule comes within a minute


def beat_worker() -> None:
    """The worker's sign of life: it proves that a task was taken and run."""
    from lockbay.heartbeat import beat

    beat("worker")


def clean_up() -> None:
    """Removes the queue's own old results and old judgements about rates; nothing that is evidence or money."""
    from datetime import timedelta

    from django_q.models import Task

    from payments.rates.history import forget_old_history

    forget_old_history()
    Task.objects.filter(stopped__lt=clock.real_now() - timedelta(days=3)).delete()


def install_schedules() -> None:
    """Makes the queue's schedule table say exactly what JOBS says."""
    from django_q.models import Schedule

    with transaction.atomic():
        Schedule.objects.exclude(name__in=_BY_NAME).delete()
        for job in JOBS:
            schedule, _made = Schedule.objects.get_or_create(
                name=job.name,
                defaults={"func": job.function, "schedule_type": Schedule.MINUTES, "minutes": job.minutes},
            )
            wanted = (job.function, job.minutes, -1, job.options or None)
            if (schedule.func, schedule.minutes, schedule.repeats, schedule.kwargs) != wanted:
                schedule.func, schedule.minutes, schedule.repeats, schedule.kwargs = wanted
                schedule.save(update_fields=["func", "minutes", "repeats", "kwargs"])


def install_schedules_after_migrate(**_kwargs: Any) -> None:
    """The post_migrate receiver."""
    from django.db import connection

    if "django_q_schedule" in connection.introspection.table_names():
        install_schedules()
