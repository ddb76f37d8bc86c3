"""The desk's sidebar: every link answers, nobody is shown a link that is closed to him, and looking is not touching."""

import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from escrows.models import Escrow
from lockbay.people.models import User
from lockbay.people.roles import AUDITOR, MEDIATOR, OPERATOR, OWNER, ROLES, install_roles
from notifications.fanout import fan_out
from notifications.models import Delivery
from tests import cast

pytestmark = pytest.mark.django_db(transaction=True)
PAGES = ["people_user", "people_contact", "auth_group", "escrows_escrow", "wallets_operation", "payments_deposit"]


def desk(role: str = "") -> Client:
    """A logged-in client: the superuser, or somebody with one role only."""
    install_roles()
    user = cast.olu()
    if role:
        user = User.objects.create(username=role, is_staff=True)
        user.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(user)
    return client


def sidebar(client: Client) -> set[str]:
    home = client.get(reverse("admin:index"))
    assert home.status_code == 200
    return set(re.findall(r'href="(/admin/[a-z_]+/[a-z_]+/)"', home.content.decode()))


def test_the_superuser_reaches_every_page_of_the_sidebar() -> None:
    client = desk()
    links = sidebar(client)
    assert len(links) >= 15
    assert {link: client.get(link).status_code for link in links} == dict.fromkeys(links, 200)


@pytest.mark.parametrize("role", ROLES)
def test_a_role_is_shown_only_what_it_may_open(role: str) -> None:
    client = desk(role)
    links = sidebar(client)
    assert reverse("admin:escrows_escrow_changelist") in links
    assert reverse("admin:auth_group_changelist") not in links
    assert {link: client.get(link).status_code for link in links} == dict.fromkeys(links, 200)


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("role", ROLES)
def test_no_role_adds_changes_or_deletes_by_hand(role: str, page: str) -> None:
    trade = cast.a_paid_trade()
    client = desk(role)
    row = {"people_user": trade.buyer_id, "escrows_escrow": trade.pk}.get(page, 1)
    for act in ("change", "delete"):
        answer = client.post(reverse(f"admin:{page}_{act}", args=[row]), {"post": "yes", "is_superuser": "on"})
        assert answer.status_code == 403 or answer.url == reverse("admin:index"), (act, answer.status_code)
    assert client.post(reverse(f"admin:{page}_add")).status_code == 403
    assert not User.objects.get(pk=trade.buyer_id).is_superuser


@pytest.mark.parametrize(("role", "status"), [(OPERATOR, 200), (OWNER, 200), (AUDITOR, 403), (MEDIATOR, 403)])
def test_only_who_runs_the_house_sends_a_message_again(role: str, status: int) -> None:
    cast.a_paid_trade()
    fan_out()
    delivery = Delivery.objects.earliest("pk")
    page = reverse("admin:notifications_delivery_send_again", args=[delivery.pk])
    assert desk(role).get(page).status_code == status


def test_people_are_called_by_their_names() -> None:
    trade = cast.a_paid_trade()
    assert str(trade.buyer) == f"{cast.bea().display_name} #{cast.bea().pk}"
    assert str(trade.buyer) in desk().get(reverse("admin:escrows_escrow_changelist")).content.decode()


def page_of(client: Client, trade: Escrow) -> str:
    return client.get(reverse("admin:escrows_escrow_change", args=[trade.pk])).content.decode()


def buttons_in(page: str) -> set[str]:
    return {name for name in ("Expire unpaid", "Refund unaccepted", "Complete overdue release") if name in page}


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (cast.an_offer, "Expire unpaid"),
        (cast.a_paid_trade, "Refund unaccepted"),
        (cast.a_delivered_trade, "Complete overdue release"),
    ],
)
def test_a_trade_has_only_the_button_that_can_apply(build: Callable[[], Escrow], words: str) -> None:
    page = page_of(desk(), build())
    assert buttons_in(page) == {words}
    assert "The buyer pays 21.00 USD, the seller gets 20.00 USD" in page


def test_a_finished_trade_has_no_button_and_an_auditor_has_none_at_all() -> None:
    assert buttons_in(page_of(desk(), cast.released(cast.a_delivered_trade()))) == set()
    assert buttons_in(page_of(desk(AUDITOR), cast.a_paid_trade())) == set()
