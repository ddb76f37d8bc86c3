"""Where channels report what became of our messages."""

from django.urls import path

from notifications.webhooks import take_mail_report, take_sms_report, take_whatsapp_report

app_name = "notifications"
urlpatterns = [
    path("reports/mail", take_mail_report, name="mail_reports"),
    path("reports/sms", take_sms_report, name="sms_reports"),
    path("reports/whatsapp", take_whatsapp_report, name="whatsapp_reports"),
]
