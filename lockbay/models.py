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
