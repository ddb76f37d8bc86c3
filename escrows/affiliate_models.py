"""Who brought whom (E19): the link that a person hands on, and the attribution it makes at somebody's first start."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q


class AffiliateLink(models.Model):
    """A person's invitation to LockBay; `code` is the part behind ref_ in the link."""

    owner = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="affiliate_link")
    code = models.CharField(max_length=16, unique=True)
    made_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.code


class FirstStart(models.Model):
    """A person's first /start: attribution happens there or never. `referrer` is null for who came by themselves."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="first_start")
    referrer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="referred")
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(referrer__isnull=True) | ~Q(referrer=F("user")), name="no_self_referral")
        ]
        indexes = [models.Index(fields=["referrer", "at"], name="first_start_by_referrer")]

    def __str__(self) -> str:
        return f"first start of {self.user_id}"
