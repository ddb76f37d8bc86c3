"""`manage.py seed_sandbox`: what a playground needs before its first click. Safe to repeat."""

from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from lockbay.people.models import User
from lockbay.people.roles import ROLES, install_roles
from payments.rates.prewarm import prewarm


class Command(BaseCommand):
    """The demo member of staff, the groups, and rates."""

    help = "Makes the sandbox's demo staff login and stores play-money rates; refuses outside sandbox and test mode."

    def handle(self, **_options: Any) -> None:
        if not settings.PLAYGROUND:
            raise CommandError("seed_sandbox makes a login that everybody knows: sandbox mode only.")
        make_demo_staff()
        prewarm("seed")


@transaction.atomic
def make_demo_staff() -> User:
    """The demo login in all groups; its password is put back when somebody changed it."""
    install_roles()
    user, _made = User.objects.get_or_create(
        username=settings.SANDBOX_STAFF_LOGIN, defaults={"first_name": "Olu", "email": "olu@lockbay.example"}
    )
    user.telegram_id = settings.SANDBOX_STAFF_TELEGRAM_ID
    user.is_staff = user.is_superuser = user.is_active = True
    if not user.check_password(settings.SANDBOX_STAFF_PASSWORD):
        user.set_password(settings.SANDBOX_STAFF_PASSWORD)
    user.save()
    user.groups.set(Group.objects.filter(name__in=ROLES))
    return user
