"""The queue, its jobs and the signs of life in the admin: to look at. Schedules are the table in lockbay/jobs.py."""

from django.contrib import admin
from django_q.models import Failure, OrmQ, Schedule, Success

from lockbay.models import Heartbeat, JobRun
from lockbay.read_only_admin import ReadOnlyAdmin

for model in (Failure, OrmQ, Schedule, Success):
    admin.site.unregister(model)


@admin.register(Failure)
class FailedTaskAdmin(ReadOnlyAdmin):
    list_display = ["name", "func", "started", "stopped"]
    search_fields = ["name", "func"]


@admin.register(Success)
class DoneTaskAdmin(ReadOnlyAdmin):
    list_display = ["name", "func", "started", "stopped", "time_taken"]
    search_fields = ["name", "func"]


@admin.register(OrmQ)
class WaitingTaskAdmin(ReadOnlyAdmin):
    list_display = ["id", "name", "func", "lock"]


@admin.register(Schedule)
class ScheduleAdmin(ReadOnlyAdmin):
    list_display = ["name", "func", "minutes", "next_run", "success"]


@admin.register(Heartbeat)
class HeartbeatAdmin(ReadOnlyAdmin):
    list_display = ["name", "beat_at", "detail"]


@admin.register(JobRun)
class JobRunAdmin(ReadOnlyAdmin):
    list_display = ["name", "succeeded_at", "failed_at", "error", "told_at"]
    ordering = ["name"]
