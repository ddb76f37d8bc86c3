"""A repair (A3): what staff mend through the books, why, on whose word, and what it did."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from wallets.money import Money


class RepairStatus(models.TextChoices):
    """A repair of one person is done at once; the other kind waits as proposed."""

    PROPOSED = "proposed"
    DONE = "done"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class Repair(models.Model):
    """`parameters` are what was typed, `shown` what was looked at: entries, changes and messages, covered by `digest`.

    `amount_minor` is what it moves, or what is at stake. Only wallets/actions/ writes it, under its lock.
    """

    request_key = models.CharField(max_length=64, unique=True)
    kind = models.CharField(max_length=32)
    subject_type = models.CharField(max_length=16)
    subject_id = models.BigIntegerField()
    parameters = models.JSONField(default=dict)
    shown = models.JSONField(default=dict)
    digest = models.CharField(max_length=64)
    reason = models.CharField(max_length=500)
    evidence = models.CharField(max_length=500, blank=True)
    asset = models.CharField(max_length=8, default="USD")
    amount_minor = models.BigIntegerField(default=0)
    needs_two = models.BooleanField(default=False)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="repairs")
    asked_at = models.DateTimeField()
    status = models.CharField(max_length=12, choices=RepairStatus.choices, default=RepairStatus.PROPOSED)
    second = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    second_reason = models.CharField(max_length=500, blank=True)
    closed_at = models.DateTimeField(null=True)
    operations = models.JSONField(default=list)  # keys of what it posted

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(status__in=RepairStatus.values), name="repair_status_known"),
            models.CheckConstraint(
                condition=Q(second__isnull=True) | ~Q(second=F("asked_by")), name="repair_second_is_another"
            ),
            models.CheckConstraint(
                condition=~Q(status=RepairStatus.DONE) | Q(needs_two=False) | Q(second__isnull=False),
                name="repair_done_by_two",
            ),
            models.CheckConstraint(
                condition=Q(status=RepairStatus.PROPOSED) | Q(closed_at__isnull=False), name="repair_closed_has_time"
            ),
        ]
        indexes = [
            models.Index(fields=["subject_type", "subject_id"], name="repair_by_subject"),
            models.Index(fields=["id"], condition=Q(status="proposed"), name="repair_waiting"),
        ]

    def __str__(self) -> str:
        return f"repair {self.pk}"

    @property
    def amount(self) -> Money:
        """What it moves, or what is at stake."""
        return Money(self.amount_minor, self.asset)
