from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "notifications"
    verbose_name = "Notifications"

    def ready(self) -> None:
        from lockbay.events.recording import call_after_recording
        from notifications import mail_reports, start_test
        from notifications.health import register_notification_checks
        from notifications.hook import note_events
        from notifications.incident_metrics import show_incidents
        from notifications.latency import show_latencies

        call_after_recording(note_events)
        mail_reports.connect()
        show_latencies()
        show_incidents()
        register_notification_checks()
        start_test.test_when_worker_starts()
