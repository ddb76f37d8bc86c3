"""What happened: immutable facts, written only inside the transaction that made them true."""

from django.conf import settings
from django.db import models


class Event(models.Model):
    """One fact. Rows of a chained subject carry seq, previous_hash and hash; a trigger refuses UPDATE and DELETE."""

    kind = models.CharField(max_length=64)
    subject_type = models.CharField(max_length=32)
    subject_id = models.BigIntegerField()
    seq = models.PositiveIntegerField(null=True)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    data = models.JSONField(default=dict)
    at = models.DateTimeField()
    correlation_id = models.CharField(max_length=64, blank=True)
    previous_hash = models.CharField(max_length=64, blank=True)
    hash = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["subject_type", "subject_id", "seq"], name="event_chain_has_no_fork"),
        ]
        indexes = [
            models.Index(fields=["kind", "at"], name="event_by_kind"),
            models.Index(fields=["correlation_id"], name="event_by_reference", opclasses=["varchar_pattern_ops"]),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.subject_type} {self.subject_id}"
