"""The sandbox's demo staff and the groups; both can be made again and again."""

import pytest
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command

from lockbay.people.models import User
from lockbay.people.roles import ROLES, install_roles
from payments.rates.quotes import quote_of


@pytest.mark.django_db
def test_it_makes_a_login_that_works_in_all_groups_and_rates_and_may_be_repeated(settings, client):
    call_command("seed_sandbox")
    call_command("seed_sandbox")
    user = User.objects.get()
    assert (user.is_staff, user.is_superuser) == (True, True)
    assert set(user.groups.values_list("name", flat=True)) == set(ROLES)
    assert client.login(username=settings.SANDBOX_STAFF_LOGIN, password=settings.SANDBOX_STAFF_PASSWORD)
    assert quote_of("USDT").source == "playmoney"


@pytest.mark.django_db
def test_it_puts_a_changed_password_back(settings, client):
    call_command("seed_sandbox")
    user = User.objects.get()
    user.set_password("changed")
    user.save()
    call_command("seed_sandbox")
    assert client.login(username=settings.SANDBOX_STAFF_LOGIN, password=settings.SANDBOX_STAFF_PASSWORD)


@pytest.mark.django_db
def test_it_refuses_outside_a_playground(settings):
    settings.PLAYGROUND = False
    with pytest.raises(CommandError, match="sandbox mode only"):
        call_command("seed_sandbox")
    assert not User.objects.exists()


@pytest.mark.django_db
def test_migrating_made_the_groups_and_lets_them_look_at_everything():
    for name in ROLES:
        codenames = set(Group.objects.get(name=name).permissions.values_list("codename", flat=True))
        assert {"view_escrow", "view_operation", "view_event", "view_inboxevent"} <= codenames
        acts = {codename for codename in codenames if not codename.startswith("view_")}
        mends = {"change_inboxevent", "change_delivery", "change_incident", "add_sendingrate", "change_sendingrate"}
        assert acts == (mends if name in {"operator", "owner"} else set())


@pytest.mark.django_db
def test_what_was_granted_by_hand_stays():
    from django.contrib.auth.models import Permission

    owner = Group.objects.get(name="owner")
    granted = Permission.objects.get(codename="change_user")
    owner.permissions.add(granted)
    install_roles()
    assert granted in owner.permissions.all()


@pytest.mark.django_db(transaction=True)
def test_a_flush_brings_the_groups_back():
    call_command("flush", interactive=False, verbosity=0)
    assert Group.objects.filter(name__in=ROLES).count() == len(ROLES)
