"""The groups of staff (A4), made after every migrate: permissions exist only then, and a flush takes both away."""

from typing import Any

from django.apps import apps

MEDIATOR, OPERATOR, AUDITOR, OWNER = "mediator", "operator", "auditor", "owner"
ROLES = (MEDIATOR, OPERATOR, AUDITOR, OWNER)

# Everybody may look. What somebody may do is asked by the action, by the name of the group, or granted here.
_PACE = ("add_sendingrate", "change_sendingrate")
_MAY_ALSO = {
    # replay an event, send a message again, take on an incident, slow the bot
    OPERATOR: ("change_inboxevent", "change_delivery", "change_incident", *_PACE),
    OWNER: ("change_inboxevent", "change_delivery", "change_incident", *_PACE),
}
_OUR_APPS = ("lockbay", "people", "events", "wallets", "payments", "escrows", "notifications", "telegrambot")


def runs_the_house(user: Any) -> bool:
    """Operators and owners: those who mend things (A3). Auditors and mediators look."""
    if not (user.is_active and user.is_staff):
        return False
    return bool(user.is_superuser or user.groups.filter(name__in=[OPERATOR, OWNER]).exists())


def install_roles() -> None:
    """Makes the groups and lets each of them look at everything; what an owner granted by hand stays."""
    from django.contrib.auth.models import Group, Permission

    Group.objects.bulk_create([Group(name=name) for name in ROLES], ignore_conflicts=True)
    groups = list(Group.objects.filter(name__in=ROLES).values_list("pk", flat=True))
    views = Permission.objects.filter(content_type__app_label__in=_OUR_APPS, codename__startswith="view_")
    acts = Permission.objects.filter(content_type__app_label__in=_OUR_APPS)
    granted = Group.permissions.through
    granted.objects.bulk_create(
        [
            granted(group_id=group, permission_id=view)
            for view in views.values_list("pk", flat=True)
            for group in groups
        ],
        ignore_conflicts=True,
    )
    for group in Group.objects.filter(name__in=_MAY_ALSO):
        group.permissions.add(*acts.filter(codename__in=_MAY_ALSO[group.name]))


def install_roles_after_migrate(**_kwargs: Any) -> None:
    """The post_migrate receiver; connected to the last app, so that every app's permissions are there."""
    from django.db import connection

    if "auth_group_permissions" in connection.introspection.table_names():
        install_roles()


def connect_after_migrate() -> None:
    """Called once at start."""
    from django.db.models.signals import post_migrate

    *_others, last = apps.get_app_configs()
    post_migrate.connect(install_roles_after_migrate, sender=last, dispatch_uid="people.install_roles")
