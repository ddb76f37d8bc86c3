"""What is kept about rates and markets: the last ones, and every judgement (R2, R5)."""

from django.db import models


class StoredRate(models.Model):
    """The last accepted rate of a pair, so that a restart starts warm (R2). `rate` is decimal text: no database
    rounds it."""

    base = models.CharField(max_length=8)
    quote = models.CharField(max_length=8)
    rate = models.CharField(max_length=40)
    source = models.CharField(max_length=40)
    fetched_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["base", "quote"], name="stored_rate_once")]

    def __str__(self) -> str:
        return f"{self.base}-{self.quote}"


class RateHistory(models.Model):
    """One judgement about a pair, accepted or refused, with what each source said (R5). Kept for 30 days.

    `claims` is a list of [source, rate as text, said at]; `note` says why it was refused or is worth a warning.
    """

    base = models.CharField(max_length=8)
    quote = models.CharField(max_length=8)
    is_accepted = models.BooleanField()
    note = models.CharField(max_length=20, blank=True)
    rate = models.CharField(max_length=40, blank=True)
    source = models.CharField(max_length=60, blank=True)
    claims = models.JSONField(default=list)
    fetched_at = models.DateTimeField(null=True)
    judged_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "rate history"
        indexes = [
            models.Index(fields=["base", "quote", "-id"], name="rate_history_of_pair"),
            models.Index(fields=["judged_at"], name="rate_history_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.base}-{self.quote}"


class StoredMarket(models.Model):
    """The last market figures of a coin, for /price; they never value money. `figures` are decimal texts."""

    class Kind(models.TextChoices):
        SPOT = "spot"
        FUTURES = "futures"

    coin = models.CharField(max_length=8)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    figures = models.JSONField(default=dict)
    source = models.CharField(max_length=60)
    fetched_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["coin", "kind"], name="stored_market_once")]

    def __str__(self) -> str:
        return f"{self.coin} {self.kind}"
