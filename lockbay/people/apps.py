from django.apps import AppConfig


class PeopleConfig(AppConfig):
    name = "lockbay.people"
    label = "people"
    verbose_name = "People"

    def ready(self) -> None:
        from lockbay.people.roles import connect_after_migrate

        connect_after_migrate()
