"""Addresses of the desk that name a row: what cannot name one is answered like a row that is gone, by every view."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.db.models import CharField
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from unfold.admin import ModelAdmin

View = Callable[..., HttpResponse]


def is_pk(text: str) -> bool:
    """Whether an address names a row that could be there."""
    return text.isascii() and text.isdecimal() and len(text) < 19


class RowAddresses(ModelAdmin):
    """Guards the pages and buttons of one row, before any view reads its key; rows that have names take any."""

    def get_urls(self) -> list[URLPattern]:
        urls: list[URLPattern] = super().get_urls()
        if not isinstance(self.opts.pk, CharField):
            for url in urls:
                if "<path:object_id>" in str(url.pattern):
                    url.callback = self._for_rows(url.callback)
        return urls

    def _for_rows(self, view: View) -> View:
        @wraps(view)
        def show(request: HttpRequest, *args: Any, object_id: str, **kwargs: Any) -> HttpResponse:
            if not is_pk(object_id):
                answer: HttpResponse = self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
                return answer
            return view(request, *args, object_id=object_id, **kwargs)

        return show
