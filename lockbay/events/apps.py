from django.apps import AppConfig


class EventsConfig(AppConfig):
    name = "lockbay.events"
    label = "events"
    verbose_name = "Events"
