"""The button "Repair" on the pages of what can be mended (A3). It knows an address, no room."""

from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from unfold.decorators import action

from lockbay.people.roles import runs_the_house


class RepairButton:
    """For a ModelAdmin with "repair" among its actions_detail; `repair_subject` is what repairs call its rows."""

    repair_subject: ClassVar[str] = ""

    @action(description="Repair", url_path="repair", permissions=["repair"])
    def repair(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Every repair that starts from this row."""
        return redirect(reverse("admin:wallets_repair_start", args=[self.repair_subject, object_id]))

    def has_repair_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Those who run the house."""
        return runs_the_house(request.user)
