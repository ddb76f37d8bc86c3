"""A button on the pages of payments that opens their log (P11)."""

from typing import Any, ClassVar
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from unfold.decorators import action

from lockbay.read_only_admin import ReadOnlyAdmin


class StoryAdmin(ReadOnlyAdmin):
    """A read-only page of a row whose field `story_key` finds everything about it."""

    story_key: ClassVar[str] = ""
    actions_detail = ["open_log"]

    @action(description="Payment log", url_path="payment-log", permissions=["view"])
    def open_log(self, request: HttpRequest, object_id: int) -> HttpResponse:
        row = get_object_or_404(self.model, pk=object_id)
        return redirect(f"{reverse('payment_log')}?{urlencode({'q': self.story_key_of(row)})}")

    def story_key_of(self, row: Any) -> str:
        """What finds the row and all that belongs to it."""
        return str(getattr(row, self.story_key))
