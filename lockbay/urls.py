"""Every address of the house."""

from django.contrib import admin
from django.urls import include, path

from lockbay import views
from lockbay.paymentlog.views import show_payment_log
from notifications.desk.views import show_channels, show_previews

urlpatterns = [
    path("health", views.show_health, name="health"),
    path("ready", views.show_ready, name="ready"),
    path("metrics", views.show_metrics, name="metrics"),
    path("admin/payment-log/", admin.site.admin_view(show_payment_log), name="payment_log"),
    path("admin/channels/", admin.site.admin_view(show_channels), name="channels"),
    path("admin/previews/", admin.site.admin_view(show_previews), name="previews"),
    path("admin/", admin.site.urls),
    path("", include("payments.urls")),
    path("", include("telegrambot.urls")),
    path("", include("notifications.urls")),
]
