"""Who is who: users with their Telegram identity, the addresses they proved, and one-use invitations."""

import hashlib
import secrets
from typing import Any

from django.contrib.auth.models import AbstractUser
from django.db import models


class User(AbstractUser):
    """A person. Telegram users have no password; staff have one and sign in to the admin."""

    telegram_id = models.BigIntegerField(unique=True, null=True, blank=True)
    telegram_username = models.CharField(max_length=64, blank=True, db_index=True)
    phone = models.CharField(max_length=20, blank=True)
    language = models.CharField(max_length=8, default="en")
    blocked_bot_at = models.DateTimeField(null=True, blank=True)

    class Meta(AbstractUser.Meta):
        verbose_name = "user"

    def __str__(self) -> str:
        return f"{self.display_name} #{self.pk}"

    @property
    def display_name(self) -> str:
        """What the other party sees: first name or @username, never an id or an e-mail address."""
        return self.first_name or (f"@{self.telegram_username}" if self.telegram_username else f"user {self.pk}")


class Channel(models.TextChoices):
    """Ways to reach a person, in the order of fallback (N2)."""

    TELEGRAM = "telegram"
    EMAIL = "email"
    SMS = "sms"
    WHATSAPP = "whatsapp"


class Contact(models.Model):
    """An address of a person on a channel other than Telegram; used for messages once verified."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="contacts")
    channel = models.CharField(max_length=16, choices=Channel.choices)
    address = models.CharField(max_length=254)
    code_digest = models.CharField(max_length=64, blank=True)
    code_sent_at = models.DateTimeField(null=True, blank=True)
    code_tries = models.PositiveSmallIntegerField(default=0)
    verified_at = models.DateTimeField(null=True, blank=True)
    dead_at = models.DateTimeField(null=True, blank=True)
    dead_reason = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "channel", "address"], name="contact_once_per_user"),
            models.UniqueConstraint(
                fields=["channel", "address"],
                condition=models.Q(verified_at__isnull=False),
                name="contact_verified_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.channel} of {self.user_id}"


class InviteToken(models.Model):
    """A one-use random token that binds the account which opens it to a subject (E3). Only its digest is stored."""

    digest = models.CharField(max_length=64, unique=True)
    subject_type = models.CharField(max_length=32)
    subject_id = models.BigIntegerField()
    role = models.CharField(max_length=16)
    made_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    used_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    used_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["subject_type", "subject_id"], name="invite_by_subject")]

    @staticmethod
    def digest_of(token: str) -> str:
        """The stored form of a token."""
        return hashlib.sha256(token.encode()).hexdigest()

    @classmethod
    def make(cls, **fields: Any) -> tuple["InviteToken", str]:
        """Stores a new token and returns it with its secret text, which is not kept."""
        token = secrets.token_urlsafe(16)
        return cls.objects.create(digest=cls.digest_of(token), **fields), token
