"""The roof: system checks, SQLite start-up proof, process wide hooks."""

from django.apps import AppConfig


class LockbayConfig(AppConfig):
    name = "lockbay"
    label = "lockbay"
    verbose_name = "LockBay"

    def ready(self) -> None:
        from django.db.models.signals import post_migrate

        from lockbay import checks, database, job_runs, jobs
        from lockbay.observability.ground_checks import register_ground_checks

        checks.register_checks()
        database.install_guards()
        jobs.beat_when_worker_starts()
        job_runs.note_runs()
        register_ground_checks()
        post_migrate.connect(jobs.install_schedules_after_migrate, sender=self)
        post_migrate.connect(job_runs.know_jobs_after_migrate, sender=self)
