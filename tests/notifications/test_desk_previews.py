"""Every entry of the routing table is shown in every channel, about something made up; nothing is read or stored."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.template import engines
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from lockbay.events.kinds import Kind
from lockbay.events.models import Event
from lockbay.people.roles import ROLES, install_roles
from notifications.desk.previews import ALL_CHANNELS, Preview, preview, routes_like
from notifications.desk.sample_facts import FACTS, OF_TEMPLATE
from notifications.desk.sample_forms import FORMS
from notifications.desk.samples import forms_of, sample_of
from notifications.models import Delivery, Incident
from notifications.routing import ROUTES, Audience, Reach, Route
from notifications.staff_rows import KnownIncidents, Paged, rows_for_staff
from notifications.texts import visible_length
from tests import cast

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
TABLE = routes_like()
HOLE = "⟦hole⟧"


@pytest.fixture
def holes_show(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a template names and nobody gave it leaves a mark."""
    monkeypatch.setattr(engines["django"].engine, "string_if_invalid", HOLE)


def shown(kind: Kind, route: Route) -> Preview:
    return preview(kind, route, language="en", now=NOW)


@pytest.mark.parametrize(("kind", "route"), TABLE, ids=[f"{kind} {route.template}" for kind, route in TABLE])
def test_a_notice_has_no_hole_and_fits_in_every_channel(kind: Kind, route: Route, holes_show: None) -> None:
    texts = {form: _require_whole(kind, route, form) for form in forms_of(route.template)}
    assert len(set(texts.values())) == len(texts), "two forms read the same"


def _require_whole(kind: Kind, route: Route, name: str) -> str:
    """Holds every channel's form to its rules and returns the mail's text."""
    delivery, about = sample_of(kind, route, "email", NOW, name)
    assert route.only_if is None or route.only_if(delivery.event, about.escrow), name
    forms = preview(kind, route, language="en", now=NOW, form=name).shown
    assert [form.channel for form in forms] == list(ALL_CHANNELS)
    for form in forms:
        rendered = form.rendered
        assert rendered.subject
        assert form.sent
        for text in (rendered.subject, rendered.text, rendered.html, form.sent):
            assert not [bad for bad in (HOLE, "None", "{{") if bad in text], (name, form.channel, text)
        assert not form.longest or form.length <= form.longest
        assert bool(rendered.html) == (form.channel in ("telegram", "email"))
    assert visible_length(forms[0].rendered.html) <= 4096
    return forms[1].sent


STAFF_ROUTES = [(kind, route) for kind, route in TABLE if route.audience is Audience.STAFF]


@pytest.mark.parametrize(("kind", "route"), STAFF_ROUTES, ids=[route.template for _kind, route in STAFF_ROUTES])
def test_what_is_shown_as_used_is_what_staff_get_where_everything_is_set_up(
    kind: Kind, route: Route, settings: Any
) -> None:
    settings.STAFF_EMAILS, settings.STAFF_ESCALATION_EMAILS = ["a@lockbay.example"], []
    settings.STAFF_CHAT_ID, settings.STAFF_ESCALATION_PHONES = -100_7, ["+2348010000000"]
    settings.TWILIO_ACCOUNT_SID = settings.TWILIO_AUTH_TOKEN = settings.TWILIO_SENDER = "x"
    settings.SLACK_WEBHOOK_URL = settings.PAGERDUTY_ROUTING_KEY = "x"
    event = sample_of(kind, route, "email", NOW)[0].event
    known = KnownIncidents(opened={event.pk: Incident(pk=0)}, paged={0: Paged(may_know=True)})
    rows = rows_for_staff(event, route, known, lambda **row: {"due_at": NOW, **row})
    told = {row["channel"] for row in rows}
    used = {form.channel for form in shown(kind, route).used}
    assert told == used if route.reach is not Reach.CHANNEL else told < used


def test_no_sample_is_left_over() -> None:
    assert set(FACTS) <= {kind for kind, _route in TABLE}
    assert set(OF_TEMPLATE) | set(FORMS) <= {route.template for _kind, route in TABLE}


@pytest.mark.django_db
def test_nothing_is_read_or_stored(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(0):
        for kind, route in TABLE:
            shown(kind, route)


def test_a_code_is_shown_as_made_up_and_where_it_can_go() -> None:
    kind = Kind.CONTACT_CODE_REQUESTED
    previewed = shown(kind, ROUTES[kind][0])
    assert [form.channel for form in previewed.used] == ["email", "sms", "whatsapp"]
    assert all("482913" in form.sent for form in previewed.shown)
    assert next(form for form in previewed.shown if form.channel == "whatsapp").sent == "482913"


@pytest.mark.django_db
def test_the_pages_together_show_every_route_in_every_channel(client: Client) -> None:
    client.force_login(cast.olu())
    seen: dict[str, list[str]] = {}
    page = 1
    while True:
        body = client.get(reverse("previews"), {"page": page}).content.decode()
        for section in re.split(r"<section (?=[^>]*data-route)", body)[1:]:
            name = re.search(r'data-route="([^"]+)"', section)
            assert name is not None
            seen[name[1]] = re.findall(r'<article [^>]*data-channel="(\w+)"', section)
        page += 1
        if f"page={page}" not in body:
            break
    assert set(seen) == {f"{kind} {route.audience} {route.template}" for kind, route in TABLE}
    assert all(sorted(channels) == sorted(ALL_CHANNELS) for channels in seen.values())
    assert (Event.objects.count(), Delivery.objects.count()) == (0, 0)


@pytest.mark.django_db
def test_a_kind_is_chosen_and_mail_is_shown_where_it_can_do_nothing(client: Client) -> None:
    client.force_login(cast.olu())
    body = client.get(reverse("previews"), {"kind": "escrow.payment_confirmed"}).content.decode()
    assert re.findall(r'data-route="escrow\S+ (\S+) (\S+)"', body) == [
        ("buyer", "payment_confirmed"),
        ("seller", "trade_offered"),
        ("staff", "staff_payment_confirmed"),
    ]
    assert body.count('<iframe sandbox=""') == 3
    assert body.count('srcdoc="&lt;!doctype html&gt;') == 3
    nothing = client.get(reverse("previews"), {"kind": "no.such", "page": "x"}).content.decode()
    assert "No notice is made of that" in nothing


@pytest.mark.django_db
def test_a_form_is_chosen_and_one_that_is_not_there_is_the_plain_one(client: Client) -> None:
    client.force_login(cast.olu())
    asked = {"kind": "escrow.payment_confirmed", "template": "payment_confirmed"}
    plain = client.get(reverse("previews"), asked).content.decode()
    assert "form=too_much" in plain
    assert "is yours: it is in your LockBay wallet" not in plain
    over = client.get(reverse("previews"), {**asked, "form": "too_much"}).content.decode()
    assert "The extra 7.00 USD is yours: it is in your LockBay wallet" in over
    other = client.get(reverse("previews"), {**asked, "form": "no such"}).content.decode()
    assert "is yours: it is in your LockBay wallet" not in other


@pytest.mark.django_db
def test_the_language_is_chosen_and_an_unknown_one_is_ours(client: Client, settings: Any) -> None:
    settings.LANGUAGES = [("en", "English"), ("ar", "Arabic")]
    client.force_login(cast.olu())
    asked = {"kind": "escrow.delivered", "language": "ar"}
    body = client.get(reverse("previews"), asked).content.decode()
    assert '<option value="ar" selected>' in body
    assert "html lang=&quot;ar&quot; dir=&quot;rtl&quot;" in body
    body = client.get(reverse("previews"), {**asked, "language": "xx"}).content.decode()
    assert '<option value="en" selected>' in body
    assert "html lang=&quot;en&quot; dir=&quot;ltr&quot;" in body


@pytest.mark.django_db
def test_a_stranger_sees_neither_page(client: Client) -> None:
    client.force_login(cast.max_())  # staff without a right
    for name in ("previews", "channels"):
        assert client.get(reverse(name)).status_code == 403
    client.force_login(cast.bea())
    for name in ("previews", "channels"):
        assert client.get(reverse(name)).status_code == 302


@pytest.mark.django_db
@pytest.mark.parametrize("role", ROLES)
def test_everybody_with_a_role_may_look(role: str, client: Client) -> None:
    install_roles()
    user = cast.max_()
    user.groups.add(Group.objects.get(name=role))
    client.force_login(user)
    for name in ("previews", "channels"):
        assert client.get(reverse(name)).status_code == 200
