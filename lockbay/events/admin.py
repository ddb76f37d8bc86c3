"""The book of events in the admin: read-only."""

from django.contrib import admin
from unfold.decorators import display

from lockbay.events.models import Event
from lockbay.read_only_admin import ReadOnlyAdmin


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    list_display = ["id", "kind", "subject", "actor", "at", "correlation_id"]
    list_filter = ["kind"]
    search_fields = ["correlation_id", "=subject_id"]
    list_select_related = ["actor"]

    @display(description="subject")
    def subject(self, event: Event) -> str:
        return f"{event.subject_type} {event.subject_id}"
