"""Where providers send their events. Anything below a known provider's address is taken: several providers give up
on 404."""

from django.urls import re_path

from payments.webhooks import WebhookView

app_name = "payments"
urlpatterns = [
    re_path(r"^hooks/(?P<provider>[A-Za-z0-9_-]{1,40})(?:/.*)?$", WebhookView.as_view(), name="webhook"),
]
