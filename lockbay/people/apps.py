from django.apps import AppConfig


class PeopleConfig(AppConfig):
    name = "lockbay.people"
    label = "people"
    verbose_name = "People"
