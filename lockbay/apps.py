"""The roof: system checks, SQLite start-up proof, process wide hooks."""

from django.apps import AppConfig


class LockbayConfig(AppConfig):
    name = "lockbay"
    label = "lockbay"
    verbose_name = "LockBay"

    def ready(self) -> None:
        from django.db.models.signals import post_migrate

        from lockbay import checks, database, jobs

        checks.register_checks()
        database.install_guards()
        post_migrate.connect(jobs.install_schedules_after_migrate, sender=self)
