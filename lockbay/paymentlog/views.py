"""The page."""

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.views.decorators.http import require_safe

from lockbay.paymentlog.finding import find
from lockbay.paymentlog.telling import tell
from payments.models import Intent, Verification


@require_safe
def show_payment_log(request: HttpRequest) -> HttpResponse:
    """/admin/payment-log/?q=…: for everybody who may look at the inbox."""
    if not request.user.has_perm("payments.view_inboxevent"):
        raise PermissionDenied
    text = request.GET.get("q", "")
    found = find(text)
    page = {
        **admin.site.each_context(request),
        "q": text,
        "found": found,
        "intents": Intent.objects.filter(pk__in=found.intents).select_related("payer").order_by("-pk"),
        "lines": tell(found),
        "opts": Verification._meta,
        "title": "",
    }
    return TemplateResponse(request, "admin/payment_log.html", page)
