"""What was tried to pay a withdrawal out, and what rails hold for us. Imported by payments/models.py."""

from django.db import models
from django.db.models import Q

from wallets.models import Withdrawal
from wallets.money import Money


class AttemptOutcome(models.TextChoices):
    """Of one attempt. Only after NOT_SENT there may be another one: the database keeps it so."""

    CLAIMED = "claimed"  # a sender is about to call; nobody was called yet
    CALLING = "calling"  # committed right before the call: from here on it may have been paid
    NOT_SENT = "not_sent"
    ACCEPTED = "accepted"
    PAID = "paid"
    REFUSED = "refused"
    REVERSED = "reversed"
    UNKNOWN = "unknown"
    BY_HAND = "by_hand"  # a person pays and enters the reference


class PayoutAttempt(models.Model):
    """One try to have a withdrawal paid, committed before the call (W4). `reference` is ours and the same in all tries.

    `fence` is raised by whoever takes the lease: a sender that was frozen for longer writes nothing any more. Leases
    and questions use real time. `answer` is what the provider said last, as it came.
    """

    withdrawal = models.ForeignKey(Withdrawal, on_delete=models.PROTECT, related_name="payout_attempts")
    number = models.PositiveIntegerField()
    adapter = models.CharField(max_length=24)
    reference = models.CharField(max_length=40, db_index=True)
    outcome = models.CharField(max_length=12, choices=AttemptOutcome.choices, default=AttemptOutcome.CLAIMED)
    fence = models.PositiveIntegerField(default=1)
    lease_until = models.DateTimeField(null=True)
    claimed_at = models.DateTimeField()
    called_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)
    retry_at = models.DateTimeField(null=True)
    provider_reference = models.CharField(max_length=128, blank=True)
    code = models.CharField(max_length=60, blank=True)
    text = models.CharField(max_length=300, blank=True)
    answer = models.BinaryField(default=bytes)
    asks = models.PositiveIntegerField(default=0)
    asked_at = models.DateTimeField(null=True)
    ask_due_at = models.DateTimeField(null=True)  # null: there is nothing to ask
    hinted_at = models.DateTimeField(null=True)  # when an event last said that there is news
    correlation_id = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["withdrawal", "number"], name="payout_attempt_numbered"),
            models.UniqueConstraint(
                fields=["withdrawal"],
                condition=~Q(outcome=AttemptOutcome.NOT_SENT),
                name="payout_attempt_one_may_have_paid",
            ),
            models.CheckConstraint(condition=Q(outcome__in=AttemptOutcome.values), name="payout_attempt_outcome_known"),
        ]
        indexes = [
            models.Index(fields=["ask_due_at"], condition=Q(ask_due_at__isnull=False), name="payout_attempt_to_ask")
        ]

    def __str__(self) -> str:
        return f"{self.reference} #{self.number}"


class RailCounter(models.Model):
    """A number that only grows, or a place to take turns; by name."""

    name = models.CharField(max_length=64, unique=True)
    last = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return self.name


class RailBalance(models.Model):
    """What a provider held for us when it was last asked. `low_since` is set while it is below the setting's limit."""

    adapter = models.CharField(max_length=24)
    asset = models.CharField(max_length=8)
    minor = models.BigIntegerField()
    seen_at = models.DateTimeField()
    low_since = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["adapter", "asset"], name="rail_balance_once")]

    def __str__(self) -> str:
        return f"{self.adapter} {self.asset}"

    @property
    def money(self) -> Money:
        return Money(self.minor, self.asset)
