"""The channels' own words on the page of a delivery (N3, N8)."""

from typing import Any

from django.http import HttpRequest
from unfold.admin import TabularInline

from notifications.models import TrackingReport


class ReportInline(TabularInline):
    model = TrackingReport
    extra = 0
    verbose_name_plural = "what the channel reported"
    hide_title = True
    fields = ["at", "what", "address", "detail", "received_at"]
    readonly_fields = fields
    ordering = ["pk"]
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
