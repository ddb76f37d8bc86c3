"""The addresses of the naive web process."""

from django.urls import path

from benchmarks.naive.views import NaiveWebhook

urlpatterns = [path("hooks/sandbox", NaiveWebhook.as_view())]
