"""Staff see incidents, what nobody has taken on first, and take them on or close them there; the numbers of them."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.observability.metrics import metrics_text
from notifications.actions.acknowledge_incident import acknowledge_incident
from notifications.actions.close_incident import close_incident
from notifications.jobs import look_after_incidents
from notifications.models import Delivery, Incident
from tests import cast
from tests.notifications.incident_stories import ada, breached, fan_out_all, parked, the_incident, time_passes
from tests.notifications.stories import told

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def desk(client: Client) -> Client:
    client.force_login(cast.olu())
    return client


@pytest.fixture
def incident() -> Incident:
    """Three events of one provider are parked."""
    for number in range(3):
        parked(number)
        fan_out_all()
    return the_incident()


def page_of(incident: Incident, view: str = "change") -> str:
    return reverse(f"admin:notifications_incident_{view}", args=[incident.pk])


def the_list(desk: Client, **query: str) -> str:
    return desk.get(reverse("admin:notifications_incident_changelist"), query).content.decode()


def test_lists_what_nobody_has_taken_on_first(desk: Client) -> None:
    for name in ("closed", "mine", "waiting"):
        parked(1, provider=name)
        fan_out_all()
    closed, mine, waiting = Incident.objects.order_by("pk")
    close_incident(actor=cast.olu(), incident_id=closed.pk, note="done")
    acknowledge_incident(actor=ada(), incident_id=mine.pk)
    body = the_list(desk)
    places = [body.index(page_of(incident)) for incident in (waiting, mine, closed)]
    assert places == sorted(places)
    assert "A payment event is parked and needs a person" in body
    assert page_of(closed) not in the_list(desk, state="open")
    assert page_of(mine) in the_list(desk, state="taken on")


def test_a_longer_list_costs_no_more_queries(desk: Client) -> None:
    counts = []
    for number in (2, 12):
        for place in range(number):
            parked(place, provider=f"{number}-{place}")
        fan_out_all()
        the_list(desk)
        with CaptureQueriesContext(connection) as queries:
            the_list(desk)
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_shows_what_happened_who_was_told_and_what_was_done(desk: Client, incident: Incident) -> None:
    time_passes(incident, minutes=16)
    look_after_incidents()
    fan_out_all()
    acknowledge_incident(actor=ada(), incident_id=incident.pk, note="asked the provider")
    body = desk.get(page_of(incident)).content.decode()
    for words in ("provider: dynopay", "inbox 2", "staff:olu@lockbay.example", "Ada has taken it on",
                  "asked the provider", "nobody had answered for 16 minutes"):  # fmt: skip
        assert words in body, words
    assert 'name="note"' not in body


def test_a_flood_shows_its_newest_events_only(desk: Client) -> None:
    for number in range(60):
        parked(number)
    fan_out_all()
    assert "The newest 50 of 60" in desk.get(page_of(the_incident())).content.decode()


def test_the_button_takes_it_on_and_is_gone_then(desk: Client, incident: Incident) -> None:
    assert page_of(incident, "acknowledge") in desk.get(page_of(incident)).content.decode()
    assert desk.get(page_of(incident, "acknowledge")).status_code == 200
    answer = desk.post(page_of(incident, "acknowledge"), {"note": "looking"}, follow=True)
    assert "You have taken it on" in answer.content.decode()
    incident.refresh_from_db()
    assert (incident.acknowledged_by, incident.note) == (cast.olu(), "looking")
    assert page_of(incident, "acknowledge") not in desk.get(page_of(incident)).content.decode()


def test_an_address_that_is_none_is_not_a_fault(desk: Client) -> None:
    answer = desk.get("/admin/notifications/incident/none/change/", follow=True)
    assert answer.status_code == 200
    assert "doesn’t exist" in answer.content.decode()


def test_who_comes_second_is_told_who_has_it(desk: Client, incident: Incident) -> None:
    acknowledge_incident(actor=ada(), incident_id=incident.pk)
    answer = desk.post(page_of(incident, "acknowledge"), follow=True)
    assert "Ada has taken it on already" in answer.content.decode()


def test_closing_wants_to_know_what_was_done(desk: Client, incident: Incident) -> None:
    assert "write down what was done" in desk.post(page_of(incident, "close"), {"note": " "}).content.decode()
    incident.refresh_from_db()
    assert incident.is_open
    answer = desk.post(page_of(incident, "close"), {"note": "replayed them"}, follow=True).content.decode()
    assert "The incident is closed" in answer
    assert "replayed them" in answer
    assert page_of(incident, "close") not in answer


def test_what_reached_nobody_is_sent_again_from_here(desk: Client, incident: Incident) -> None:
    assert "send-lost" not in desk.get(page_of(incident)).content.decode(), "nothing was lost"
    bea = cast.bea()
    type(bea).objects.filter(pk=bea.pk).update(blocked_bot_at=clock.real_now())
    told(Kind.ESCROW_DELIVERED, cast.a_delivered_trade())
    fan_out_all()
    lost = the_incident(kind="deliveries.exhausted")
    assert "send-lost" in desk.get(page_of(lost)).content.decode()
    assert "write down why they are sent again" in desk.post(page_of(lost, "send_lost"), {"note": ""}).content.decode()
    answer = desk.post(page_of(lost, "send_lost"), {"note": "she is back"}, follow=True).content.decode()
    assert "1 message is queued again" in answer
    assert Delivery.objects.get(audience="buyer").state == "queued"


def test_others_look_and_cannot_press(client: Client, incident: Incident) -> None:
    from django.contrib.auth.models import Group

    auditor = cast.max_()
    auditor.groups.add(Group.objects.get(name="auditor"))
    client.force_login(auditor)
    body = client.get(page_of(incident)).content.decode()
    assert "dynopay" in body
    assert page_of(incident, "acknowledge") not in body
    for view in ("acknowledge", "close"):
        assert client.post(page_of(incident, view), {"note": "x"}).status_code in (302, 403)
    incident.refresh_from_db()
    assert (incident.acknowledged_at, incident.is_open) == (None, True)


def test_the_numbers_say_what_is_open_and_how_often_people_were_called(incident: Incident) -> None:
    breached(1)
    fan_out_all()
    acknowledge_incident(actor=cast.olu(), incident_id=the_incident(kind="ledger.breached").pk)
    time_passes(incident, minutes=16)
    look_after_incidents()
    text = metrics_text().decode()
    assert 'lockbay_incidents_open{kind="inbox.parked",state="open"} 1.0' in text
    assert 'lockbay_incidents_open{kind="ledger.breached",state="taken_on"} 1.0' in text
    assert 'lockbay_incident_escalations_total{kind="inbox.parked"} 1.0' in text
