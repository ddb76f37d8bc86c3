"""What was asked about payments, and what came of it (P11)."""

from django.db import models

from lockbay.observability.correlation import LONGEST_ID


class Verification(models.Model):
    """One verification: the row is committed before the first call, its result after. No result: it broke off.

    `results` are [name of the check, passed, detail]; `outcome` and `reason` are codes. A row of its own each time, so
    that the desk finds the whole story by its correlation id, address or transaction.
    """

    class Question(models.TextChoices):
        ADDRESS = "address"  # a provider is asked where to pay
        PAYMENT = "payment"  # a provider is asked what became of a payment
        TRANSACTION = "transaction"  # our nodes are asked about a transaction

    intent = models.ForeignKey("payments.Intent", on_delete=models.PROTECT, related_name="verifications")
    question = models.CharField(max_length=12, choices=Question.choices)
    provider = models.CharField(max_length=24)
    chain = models.CharField(max_length=16, blank=True)
    txid = models.CharField(max_length=128, blank=True)
    address = models.CharField(max_length=128, blank=True)
    coin = models.CharField(max_length=8)
    network = models.CharField(max_length=16)
    expected = models.CharField(max_length=48)
    correlation_id = models.CharField(max_length=LONGEST_ID, blank=True)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=24, blank=True)
    reason = models.CharField(max_length=100, blank=True)
    results = models.JSONField(default=list)

    class Meta:
        indexes = [
            models.Index(
                fields=["correlation_id"], name="verification_by_reference", opclasses=["varchar_pattern_ops"]
            ),
        ]

    def __str__(self) -> str:
        return f"{self.question} {self.outcome or 'unfinished'}"
