"""Repairs at the desk (A3): from a row to its repairs, to the exact preview, to done or a second person.

Looking never changes anything: what is shown is the work itself, rolled back. Only the last button does it, with the
digest of what was shown.
"""

import secrets
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.decorators import action, display

from lockbay.people.roles import runs_the_house
from lockbay.read_only_admin import ReadOnlyAdmin
from lockbay.row_addresses import is_pk
from wallets.actions.close_repair import close_repair
from wallets.actions.confirm_repair import confirm_repair
from wallets.actions.preview_repair import preview_repair
from wallets.actions.propose_repair import propose_repair
from wallets.decision_admin import staff_of
from wallets.errors import RepairChanged, RepairRefused
from wallets.models import Repair, RepairStatus
from wallets.repair_subjects import SUBJECTS, name_of_subject, page_name_of
from wallets.repairs import RepairPreview, offers_for

_CHIPS = {"proposed": "warning", "done": "success", "refused": "danger", "withdrawn": None}
_OURS = frozenset({"csrfmiddlewaretoken", "kind", "reason", "evidence", "digest", "request_key"})
_LONGEST_FIELD = 200


@admin.register(Repair)
class RepairAdmin(ReadOnlyAdmin):
    list_display = [
        "id",
        "chip",
        "kind_text",
        "about_text",
        "amount_text",
        "asked_by",
        "asked_at",
        "second",
        "closed_at",
    ]
    list_filter = ["status", "kind", "needs_two"]
    search_fields = ["reason", "evidence", "asked_by__username", "=subject_id"]
    list_select_related = ["asked_by", "second"]
    ordering = ["-id"]
    fields = ["chip", "kind_text", "about_text", "amount_text", "reason", "evidence", "asked_by", "asked_at"]
    readonly_fields = fields
    actions_detail = ["confirm", "close"]
    change_form_outer_after_template = "admin/repairs/story.html"

    def get_urls(self) -> list[URLPattern]:
        start = self.admin_site.admin_view(self.start)
        ours = [path("start/<slug:subject_type>/<int:subject_id>/", start, name="wallets_repair_start")]
        return [*ours, *super().get_urls()]

    @display(description="status", label=_CHIPS, ordering="status")
    def chip(self, repair: Repair) -> str:
        return str(repair.status)

    @display(description="repair")
    def kind_text(self, repair: Repair) -> str:
        return said("kind", kind=repair.kind)

    @display(description="about")
    def about_text(self, repair: Repair) -> str:
        return str(repair.shown.get("about") or f"{repair.subject_type} {repair.subject_id}")

    @display(description="amount", ordering="amount_minor")
    def amount_text(self, repair: Repair) -> str:
        return str(repair.amount)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The row, what was shown, who decided, and the next step."""
        rows = Repair.objects.select_related("asked_by", "second")
        repair = rows.filter(pk=object_id).first()
        more = (
            {} if repair is None else {"repair": repair, "subject_page": page_of(repair), **self._can(request, repair)}
        )
        page: HttpResponse = super().change_view(request, object_id, form_url, {**more, **(extra_context or {})})
        return page

    def start(self, request: HttpRequest, subject_type: str, subject_id: int) -> HttpResponse:
        """The repairs of a row; with `kind`, the preview of one; posted, the repair itself."""
        if not runs_the_house(request.user):
            raise PermissionDenied
        if subject_type not in SUBJECTS or not is_pk(str(subject_id)):
            raise Http404
        if request.method == "POST":
            return self._propose(request, subject_type, subject_id)
        return self._show(request, subject_type, subject_id, request.GET.dict())

    @action(description="Confirm as second person", url_path="confirm", permissions=["confirm"])
    def confirm(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """What would happen now, beside what the first person saw; confirmed only when both are the same."""
        repair = self._waiting(request, object_id)
        if request.method == "POST":
            try:
                done = confirm_repair(
                    actor=staff_of(request),
                    repair_id=repair.pk,
                    digest=request.POST.get("digest", ""),
                    reason=request.POST.get("reason", ""),
                )
            except RepairRefused as refusal:
                messages.error(request, refusal_text(refusal))
                return redirect(request.path if isinstance(refusal, RepairChanged) else repair_page(repair))
            messages.success(request, said("done", repair=done))
            return redirect(repair_page(repair))
        preview, problem = self._preview(
            request, repair.kind, repair.subject_type, repair.subject_id, repair.parameters
        )
        page = {
            "repair": repair,
            "preview": preview,
            "problem": problem,
            "is_same": preview is not None and preview.digest == repair.digest,
            "is_mine": repair.asked_by_id == staff_of(request).pk,
            "again": f"{start_page(repair)}?{_query_of(repair)}",
        }
        return self._page(request, "confirm", page)

    @action(description="Refuse or withdraw", url_path="close", permissions=["confirm"])
    def close(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Ends what waits without any effect."""
        repair = self._waiting(request, object_id)
        if request.method == "POST":
            try:
                closed = close_repair(
                    actor=staff_of(request), repair_id=repair.pk, reason=request.POST.get("reason", "")
                )
            except RepairRefused as refusal:
                messages.error(request, refusal_text(refusal))
            else:
                messages.success(request, said("done", repair=closed))
            return redirect(repair_page(repair))
        return self._page(request, "close", {"repair": repair, "is_mine": repair.asked_by_id == staff_of(request).pk})

    def has_confirm_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """On what waits; once pressed, the act itself answers."""
        if not runs_the_house(request.user):
            return False
        at = request.resolver_match
        if at is None or at.url_name != "wallets_repair_change":
            return True
        return Repair.objects.filter(pk=object_id, status=RepairStatus.PROPOSED).exists()

    def _propose(self, request: HttpRequest, subject_type: str, subject_id: int) -> HttpResponse:
        try:
            repair = propose_repair(
                actor=staff_of(request),
                request_key=request.POST.get("request_key", ""),
                kind=request.POST.get("kind", ""),
                subject_type=subject_type,
                subject_id=subject_id,
                given=_given(request.POST.dict()),
                reason=request.POST.get("reason", ""),
                evidence=request.POST.get("evidence", ""),
                digest=request.POST.get("digest", ""),
            )
        except RepairRefused as refusal:
            messages.error(request, refusal_text(refusal))
            return self._show(request, subject_type, subject_id, request.POST.dict())
        messages.success(request, said("done", repair=repair))
        return redirect(repair_page(repair))

    def _show(self, request: HttpRequest, subject_type: str, subject_id: int, asked: dict[str, str]) -> HttpResponse:
        kind, given = asked.get("kind", ""), _given(asked)
        preview, problem = self._preview(request, kind, subject_type, subject_id, given) if kind else (None, "")
        earlier = Repair.objects.filter(subject_type=subject_type, subject_id=subject_id).order_by("-pk")
        page = {
            "offers": [
                (name, {**offer, "given": given if name == kind else {}, "name": name})
                for name, offer in offers_for(subject_type, subject_id)
            ],
            "kind": kind,
            "given": given,
            "preview": preview,
            "problem": problem,
            "request_key": asked.get("request_key") or secrets.token_urlsafe(24),
            "reason": asked.get("reason", ""),
            "evidence": asked.get("evidence", ""),
            "earlier": earlier.select_related("asked_by")[:5],
            "subject": name_of_subject(subject_type, subject_id),
            "subject_page": reverse(f"admin:{page_name_of(subject_type)}_change", args=[subject_id]),
        }
        return self._page(request, "preview" if preview is not None else "start", page)

    def _preview(
        self, request: HttpRequest, kind: str, subject_type: str, subject_id: int, given: dict[str, str]
    ) -> tuple[RepairPreview | None, str]:
        try:
            shown = preview_repair(
                actor=staff_of(request), kind=kind, subject_type=subject_type, subject_id=subject_id, given=given
            )
        except RepairRefused as refusal:
            return None, refusal_text(refusal)
        return shown, ""

    def _waiting(self, request: HttpRequest, object_id: int) -> Repair:
        if not runs_the_house(request.user):
            raise PermissionDenied
        return get_object_or_404(Repair.objects.select_related("asked_by", "second"), pk=object_id)

    def _page(self, request: HttpRequest, name: str, context: dict[str, Any]) -> HttpResponse:
        page = {**self.admin_site.each_context(request), "opts": self.opts, "title": "Repairs", **context}
        return TemplateResponse(request, f"admin/repairs/{name}.html", page)

    def _can(self, request: HttpRequest, repair: Repair) -> dict[str, bool]:
        is_waiting = repair.status == RepairStatus.PROPOSED
        is_mine = repair.asked_by_id == staff_of(request).pk
        return {"is_waiting": is_waiting, "is_mine": is_mine, "may_repair": runs_the_house(request.user)}


def page_of(repair: Repair) -> str:
    """Where the repaired row is."""
    name = page_name_of(repair.subject_type)
    return reverse(f"admin:{name}_change", args=[repair.subject_id]) if name else ""


def repair_page(repair: Repair) -> str:
    """The page of the repair itself."""
    return reverse("admin:wallets_repair_change", args=[repair.pk])


def start_page(repair: Repair) -> str:
    """Where the same can be proposed anew."""
    return reverse("admin:wallets_repair_start", args=[repair.subject_type, repair.subject_id])


def refusal_text(refusal: RepairRefused) -> str:
    """What the page says about a refusal."""
    return said("refused", code=refusal.code, **refusal.facts)


def said(template: str, **context: Any) -> str:
    """Words of the desk, from its templates."""
    return render_to_string(f"admin/repairs/{template}.txt", context).strip()


def _given(asked: dict[str, str]) -> dict[str, str]:
    """What was typed into the form of a kind: at most a dozen short texts."""
    typed = [(name, text[:_LONGEST_FIELD]) for name, text in asked.items() if name not in _OURS and len(name) < 20]
    return dict(typed[:12])


def _query_of(repair: Repair) -> str:
    return urlencode({"kind": repair.kind, **repair.parameters})
