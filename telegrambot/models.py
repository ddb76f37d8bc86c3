"""The bot's memory: updates as they came, one draft a chat, and the screens it keeps up to date (T3)."""

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q


class UpdateStatus(models.TextChoices):
    STORED = "stored"
    DONE = "done"
    PARKED = "parked"


class StoredUpdate(models.Model):
    """A raw update, stored before Telegram is told that we have it; handled from here, in order per chat (F3)."""

    update_id = models.BigIntegerField(primary_key=True)
    chat_id = models.BigIntegerField(null=True)
    body = models.JSONField()
    status = models.CharField(max_length=8, choices=UpdateStatus.choices, default=UpdateStatus.STORED)
    attempts = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True)
    received_at = models.DateTimeField()
    handled_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["update_id"], condition=Q(status="stored"), name="update_unhandled")]


class Draft(models.Model):
    """The one active flow of a chat: which flow, at which step, what was said so far (T3).

    A finished flow stays until the next one starts, with flow "" and its result in `data`: the button that finished it
    may be pressed, or delivered, again (F44).
    """

    chat_id = models.BigIntegerField(primary_key=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    flow = models.CharField(max_length=32)
    step = models.CharField(max_length=32)
    data = models.JSONField(default=dict)
    request_key = models.CharField(max_length=64, unique=True)
    # The update that brought it here: when that one comes again, nothing moves twice.
    update_id = models.BigIntegerField(null=True)
    updated_at = models.DateTimeField(auto_now=True)


class ShownPayment(models.Model):
    """A payment screen in somebody's chat, kept up to date until the money is there or the time is over (T5)."""

    chat_id = models.BigIntegerField()
    message_id = models.BigIntegerField()
    intent = models.ForeignKey("payments.Intent", on_delete=models.CASCADE, related_name="+")
    shows = models.CharField(max_length=12)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["chat_id", "message_id"], name="payment_screen_once")]


class SendingRate(models.Model):
    """One row: how many messages a second the bot sends, as staff last set it; none while the setting holds (O9)."""

    per_second = models.PositiveSmallIntegerField(
        default=30,
        validators=[MinValueValidator(1), MaxValueValidator(30)],
        help_text="Messages a second to all chats together. Telegram allows 30; lower it to relieve a strained bot.",
    )
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    changed_at = models.DateTimeField()

    class Meta:
        verbose_name = verbose_name_plural = "sending rate"
        constraints = [
            models.CheckConstraint(condition=Q(per_second__range=(1, 30)), name="sending_rate_allowed"),
            models.CheckConstraint(condition=Q(pk=1), name="sending_rate_once"),
        ]

    def __str__(self) -> str:
        return f"{self.per_second} a second"
