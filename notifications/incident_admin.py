"""The desk of incidents: what is open first, who has taken it on, and the buttons that do (A1, A2, N6)."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Case, IntegerField, QuerySet, Value, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.timesince import timesince
from unfold.decorators import action, display

from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.people.models import User
from lockbay.read_only_admin import ReadOnlyAdmin
from notifications.actions.acknowledge_incident import acknowledge_incident
from notifications.actions.close_incident import close_incident
from notifications.actions.resend_lost import resend_lost
from notifications.errors import IncidentNotTheirs, ReasonMissing
from notifications.incident_rights import may_take_on
from notifications.incident_texts import acts_on, deliveries_of, newest_events, title_of
from notifications.models import Incident

_STATES = {
    "open": {"closed_at__isnull": True, "acknowledged_at__isnull": True},
    "taken on": {"closed_at__isnull": True, "acknowledged_at__isnull": False},
    "over": {"closed_at__isnull": False},
}
_CHIPS = {"open": "danger", "taken on": "info", "over": "success"}


class StateFilter(admin.SimpleListFilter):
    """Open, taken on or over."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(state, state) for state in _STATES]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Incident]) -> QuerySet[Incident]:
        return queryset.filter(**_STATES.get(self.value() or "", {}))


@admin.register(Incident)
class IncidentAdmin(ReadOnlyAdmin):
    list_display = ["chip", "title", "about", "count", "age", "last", "taken_on_by", "calls"]
    list_display_links = ["title"]
    list_filter = [StateFilter, "kind", "priority"]
    list_select_related = ["first_event", "acknowledged_by"]
    fields = [
        "title", ("chip", "count"), ("kind", "about"), ("opened_at", "last_at"), ("acknowledged_by", "acknowledged_at"),
        "note", ("calls", "next_escalation_at"), "closed_at",
    ]  # fmt: skip
    readonly_fields = ["chip", "title", "about", "calls"]
    actions_detail = ["acknowledge", "send_lost", "close"]
    change_form_outer_after_template = "admin/notifications/incident.html"

    def get_ordering(self, request: HttpRequest) -> list[Any]:
        """What nobody has taken on first, then what somebody has, then what is over; the newest first in each."""
        place = Case(
            *(When(**wanted, then=Value(rank)) for rank, wanted in enumerate(_STATES.values())),
            output_field=IntegerField(),
        )
        return [place, "-last_at", "-id"]

    @display(description="state", label=_CHIPS)
    def chip(self, incident: Incident) -> str:
        if not incident.is_open:
            return "over"
        return "open" if incident.acknowledged_at is None else "taken on"

    @display(description="trouble")
    def title(self, incident: Incident) -> str:
        return title_of(incident)

    @display(description="about")
    def about(self, incident: Incident) -> str:
        """What tells it apart from others of its kind."""
        return incident.key.partition(":")[2] or "-"

    @display(description="taken on by")
    def taken_on_by(self, incident: Incident) -> str:
        return incident.acknowledged_by.display_name if incident.acknowledged_by else "-"

    @display(description="calls", ordering="escalations")
    def calls(self, incident: Incident) -> int:
        """How often more people were called."""
        return incident.escalations

    @display(description="age", ordering="opened_at")
    def age(self, incident: Incident) -> str:
        """Until now, or until it was over."""
        return timesince(incident.opened_at, incident.closed_at or clock.real_now(), depth=1)

    @display(description="last", ordering="last_at")
    def last(self, incident: Incident) -> str:
        return _moment(incident.last_at)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The row, and below it what happened, what was done, and who was told."""
        incident = Incident.objects.filter(pk=object_id).first()
        story = {} if incident is None else _story_of(incident)
        page: HttpResponse = super().change_view(request, object_id, form_url, {**story, **(extra_context or {})})
        return page

    @action(description="Acknowledge", url_path="acknowledge", permissions=["acknowledge"])
    def acknowledge(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return self._act(request, object_id, acknowledge_incident)

    @action(description="Send lost again", url_path="send-lost", permissions=["send_lost"])
    def send_lost(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return self._act(request, object_id, resend_lost)

    @action(description="Close incident", url_path="close", permissions=["close"])
    def close(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return self._act(request, object_id, close_incident)

    def has_acknowledge_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Shown while nobody has taken it on."""
        return _is_offered(request, object_id, acknowledged_at__isnull=True, closed_at__isnull=True)

    def has_send_lost_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Where messages reached nobody, to those who may send a single one again."""
        if not request.user.has_perm("notifications.change_delivery"):
            return False
        return _is_offered(request, object_id, kind=Kind.DELIVERIES_EXHAUSTED.value)

    def has_close_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Shown while it is open."""
        return _is_offered(request, object_id, closed_at__isnull=True)

    def _act(self, request: HttpRequest, object_id: int, act: Callable[..., object]) -> HttpResponse:
        """Asks for a note, then calls the action; never inside a transaction of the admin's."""
        incident = get_object_or_404(Incident.objects.select_related("first_event"), pk=object_id)
        refusal = ""
        if request.method == "POST":
            try:
                done = act(actor=_person(request), incident_id=incident.pk, note=request.POST.get("note", ""))
            except ReasonMissing:
                refusal = "reason"
            except IncidentNotTheirs as refused:
                raise PermissionDenied from refused
            else:
                said = {"done": done, "act": act.__name__, "person": request.user}
                messages.success(request, render_to_string("admin/notifications/incident_done.txt", said).strip())
                return redirect(reverse("admin:notifications_incident_change", args=[incident.pk]))
        page = {
            **self.admin_site.each_context(request),
            "incident": incident,
            "alert": title_of(incident),
            "act": act.__name__,
            "refusal": refusal,
            "opts": self.opts,
            "title": title_of(incident),
        }
        return TemplateResponse(request, "admin/notifications/incident_act.html", page)


def _story_of(incident: Incident) -> dict[str, Any]:
    return {"happened": newest_events(incident), "acts": acts_on(incident), "told": deliveries_of(incident)}


def _is_offered(request: HttpRequest, object_id: Any, **wanted: Any) -> bool:
    """Whether the button is on the incident's page; once pressed, the action itself answers."""
    if not isinstance(request.user, User) or not may_take_on(request.user):
        return False
    at = request.resolver_match
    if at is None or at.url_name != "notifications_incident_change":
        return True
    return Incident.objects.filter(pk=object_id, **wanted).exists()


def _person(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def _moment(at: datetime) -> str:
    """Short enough for a column: "22 Nov 14:02"."""
    return date_format(at, "j M H:i")
