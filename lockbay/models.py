"""Rows that the whole house shares: the sandbox's clock and the processes' heartbeats."""

from django.db import models


class VirtualClock(models.Model):
    """How far the sandbox has moved its clock; one row, id 1, never present in production."""

    offset_seconds = models.BigIntegerField(default=0)
    moved_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="virtual_clock_has_one_row")]


class Heartbeat(models.Model):
    """The last sign of life of a process, in real time (O4)."""

    name = models.CharField(max_length=64, primary_key=True)
    beat_at = models.DateTimeField()
    detail = models.JSONField(default=dict)


class JobRun(models.Model):
    """How a scheduled job fares, in real time (O4). `told_at`: staff were told that it fails."""

    name = models.CharField(max_length=64, unique=True)
    known_since = models.DateTimeField()
    succeeded_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=100, blank=True)  # the class of what it raised last, no message
    told_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "job"

    def __str__(self) -> str:
        return self.name

    @property
    def has_failed(self) -> bool:
        """Whether its last run failed."""
        return self.failed_at is not None and (self.succeeded_at is None or self.failed_at > self.succeeded_at)
