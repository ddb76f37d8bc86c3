"""The one thing of the bot that staff may set while it runs: how fast it sends (O9)."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from telegrambot.models import SendingRate
from telegrambot.sending_rate import set_sending_rate


@admin.register(SendingRate)
class SendingRateAdmin(ModelAdmin):
    """Whoever changes it is written down, here and in the admin's log."""

    list_display = ["per_second", "changed_by", "changed_at"]
    fields = ["per_second", "changed_by", "changed_at"]
    readonly_fields = ["changed_by", "changed_at"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and not SendingRate.objects.exists()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: SendingRate, form: Any, change: bool) -> None:
        if not request.user.is_authenticated:
            raise PermissionDenied
        saved = set_sending_rate(actor=request.user, per_second=obj.per_second)
        obj.pk, obj.changed_by, obj.changed_at = saved.pk, saved.changed_by, saved.changed_at
