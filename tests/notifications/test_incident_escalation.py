"""Nobody takes an incident on: more are called. PagerDuty hears what became of it, nobody is called for nothing."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from lockbay import clock, http
from lockbay.events.kinds import Kind
from lockbay.events.models import Event
from notifications import outbound
from notifications.actions.acknowledge_incident import acknowledge_incident
from notifications.actions.close_incident import close_incident
from notifications.escalation import escalate_due
from notifications.jobs import look_after_incidents
from notifications.models import Delivery, Incident
from notifications.rendering import render
from notifications.sending import claim
from tests import cast
from tests.at_once import at_once
from tests.notifications.incident_stories import STAFF, breached, fan_out_all, parked, the_incident, time_passes
from tests.notifications.stories import happened

pytestmark = pytest.mark.django_db(transaction=True)

CHIEF, PHONE = "chief@lockbay.example", "+2348012345678"


class PagerDuty:
    """Keeps what it was asked; takes everything unless it is down."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.is_down = False

    def handle(self, request: httpx.Request) -> httpx.Response:
        if self.is_down:
            return httpx.Response(503)
        self.asked.append(json.loads(request.content))
        return httpx.Response(202, json={"status": "success"})

    @property
    def actions(self) -> list[str]:
        return [one["event_action"] for one in self.asked]

    @property
    def keys(self) -> set[str]:
        return {one["dedup_key"] for one in self.asked}


@pytest.fixture
def pager(settings: Any) -> Iterator[PagerDuty]:
    """PagerDuty, a chief's address and a phone are set up."""
    settings.PAGERDUTY_ROUTING_KEY = "k" * 32
    settings.STAFF_ESCALATION_EMAILS, settings.STAFF_ESCALATION_PHONES = [CHIEF], [PHONE]
    settings.TWILIO_ACCOUNT_SID = settings.TWILIO_AUTH_TOKEN = settings.TWILIO_SENDER = "x"
    pager = PagerDuty()
    http.use_transport(httpx.MockTransport(pager.handle))
    yield pager
    http.use_transport(None)


def send_to_pager() -> None:
    """All that is queued for PagerDuty, whatever pause it has."""
    fan_out_all()
    Delivery.objects.filter(channel="pagerduty", state="queued").update(due_at=clock.real_now())
    outbound.send_due(["pagerduty"])


def nobody_answers(**span: int) -> None:
    """So much time passes, and the worker comes by."""
    time_passes(the_incident(), **span)
    look_after_incidents()
    fan_out_all()


def calls() -> list[tuple[str, str]]:
    """(audience, channel) of every message of an escalation, in order."""
    rows = Delivery.objects.filter(event__kind=Kind.INCIDENT_ESCALATED).order_by("event_id", "channel")
    return list(rows.values_list("audience", "channel"))


class TestCalling:
    def test_nobody_is_called_before_the_time(self, pager: PagerDuty) -> None:
        parked(1)
        fan_out_all()
        nobody_answers(minutes=14)
        assert calls() == []

    def test_then_chiefs_phones_and_pagerduty_hear_of_it(self, pager: PagerDuty) -> None:
        parked(1)
        fan_out_all()
        assert not Delivery.objects.filter(channel="pagerduty").exists(), "it is not about money"
        nobody_answers(minutes=16)
        assert calls() == [
            (f"staff:{CHIEF}", "email"),
            ("staff:pagerduty", "pagerduty"),
            (f"staff:{PHONE}", "sms"),
        ]
        send_to_pager()
        assert pager.actions == ["trigger"]
        nobody_answers(minutes=31)
        assert len(calls()) == 3 + 2, "PagerDuty knows"

    def test_whom_pagerduty_called_already_is_not_called_by_it_again(self, pager: PagerDuty) -> None:
        breached(1)
        send_to_pager()
        nobody_answers(minutes=16)
        assert {channel for _audience, channel in calls()} == {"email", "sms"}

    def test_without_chiefs_the_staff_hear_it_again(self, pager: PagerDuty, settings: Any) -> None:
        settings.STAFF_ESCALATION_EMAILS, settings.STAFF_ESCALATION_PHONES = [], []
        breached(1)
        send_to_pager()
        nobody_answers(minutes=16)
        assert calls() == [(f"staff:{STAFF}", "email")]

    def test_again_after_each_pause_and_not_for_ever(self, pager: PagerDuty, settings: Any) -> None:
        settings.ALERT_ESCALATIONS_MOST = 3
        parked(1)
        fan_out_all()
        for _ in range(6):
            nobody_answers(minutes=31)
        incident = the_incident()
        assert (incident.escalations, incident.next_escalation_at) == (3, None)
        said = Event.objects.filter(kind=Kind.INCIDENT_ESCALATED).order_by("pk")
        assert [event.data["is_last"] for event in said] == [False, False, True]

    def test_the_pause_is_kept(self, pager: PagerDuty) -> None:
        parked(1)
        fan_out_all()
        nobody_answers(minutes=16)
        nobody_answers(minutes=29)
        assert the_incident().escalations == 1
        nobody_answers(minutes=2)
        assert the_incident().escalations == 2

    @pytest.mark.parametrize("act", [acknowledge_incident, close_incident])
    def test_ends_when_somebody_takes_it_on_or_it_is_over(self, pager: PagerDuty, act: Any) -> None:
        parked(1)
        fan_out_all()
        act(actor=cast.olu(), incident_id=the_incident().pk, note="seen")
        nobody_answers(minutes=45)
        assert calls() == []

    @pytest.mark.parametrize("round_number", range(3))
    def test_two_workers_at_once_call_once(self, pager: PagerDuty, round_number: int) -> None:
        for number in range(6):
            parked(number, provider=f"p{number}")
        fan_out_all()
        Incident.objects.update(next_escalation_at=clock.real_now() - timedelta(seconds=1))
        assert sum(at_once(lambda _worker: escalate_due(), range(4))) == 6
        assert Event.objects.filter(kind=Kind.INCIDENT_ESCALATED).count() == 6

    def test_taken_on_at_the_very_moment_it_is_called_for_or_not_but_never_again(self, pager: PagerDuty) -> None:
        parked(1)
        fan_out_all()
        time_passes(the_incident(), minutes=16)
        pk, olu = the_incident().pk, cast.olu()

        def work(worker: int) -> None:
            if worker:
                escalate_due()
            else:
                acknowledge_incident(actor=olu, incident_id=pk)

        at_once(work, range(3))
        assert the_incident().next_escalation_at is None
        assert the_incident().escalations <= 1


class TestWords:
    def test_the_call_repeats_the_alert_with_its_facts(self, pager: PagerDuty) -> None:
        trade = cast.a_paid_trade()
        Delivery.objects.all().delete()
        happened(Kind.ESCROW_FROZEN, trade, missing="21.00 USD", received="21.00 USDT", status="active")
        fan_out_all()
        nobody_answers(minutes=16)
        mail = render(Delivery.objects.get(audience=f"staff:{CHIEF}"), "email")
        assert mail.subject.startswith("Nobody has taken this on for 16 minutes")
        assert f"Trade {trade.public_id} is frozen: 21.00 USD is missing" in mail.text
        assert "Buyer Bea, seller Sol" in mail.text
        assert f"/admin/notifications/incident/{the_incident().pk}/change/" in mail.text

    def test_it_fits_an_sms_with_its_link(self, pager: PagerDuty, settings: Any) -> None:
        parked(1)
        fan_out_all()
        nobody_answers(minutes=16)
        sms = render(Delivery.objects.get(channel="sms"), "sms").text
        assert len(sms) <= settings.SMS_LONGEST
        assert sms.startswith("Nobody has taken this on for 16 minutes")
        assert sms.endswith(f"/admin/notifications/incident/{the_incident().pk}/change/")


class TestPagerDuty:
    def test_hears_that_it_is_taken_on_and_over_by_the_same_key(self, pager: PagerDuty) -> None:
        breached(1)
        send_to_pager()
        acknowledge_incident(actor=cast.olu(), incident_id=the_incident().pk)
        send_to_pager()
        close_incident(actor=cast.olu(), incident_id=the_incident().pk, note="the books are right again")
        send_to_pager()
        assert pager.actions == ["trigger", "acknowledge", "resolve"]
        assert len(pager.keys) == 1
        assert set(pager.asked[1]) == {"routing_key", "event_action", "dedup_key"}

    def test_hears_that_a_quiet_one_is_over(self, pager: PagerDuty) -> None:
        breached(1)
        send_to_pager()
        nobody_answers(hours=25)
        send_to_pager()
        assert pager.actions == ["trigger", "resolve"]

    def test_the_next_incident_has_its_own_key(self, pager: PagerDuty) -> None:
        for number in range(2):
            breached(number)
            send_to_pager()
            close_incident(actor=cast.olu(), incident_id=the_incident(closed_at=None).pk, note="done")
            send_to_pager()
        assert pager.actions == ["trigger", "resolve"] * 2
        assert len(pager.keys) == 2

    def test_hears_nothing_of_what_it_never_heard_of(self, pager: PagerDuty) -> None:
        parked(1)
        fan_out_all()
        acknowledge_incident(actor=cast.olu(), incident_id=the_incident().pk)
        close_incident(actor=cast.olu(), incident_id=the_incident().pk, note="done")
        send_to_pager()
        assert pager.asked == []

    def test_down_until_somebody_took_it_on_it_calls_nobody_when_it_is_back(self, pager: PagerDuty) -> None:
        pager.is_down = True
        breached(1)
        send_to_pager()
        acknowledge_incident(actor=cast.olu(), incident_id=the_incident().pk)
        pager.is_down = False
        send_to_pager()
        assert "trigger" not in pager.actions
        assert Delivery.objects.get(channel="pagerduty", template="staff_ledger_breached").state == "skipped"

    def test_taken_on_while_the_call_is_under_way_its_end_comes_after_it(self, pager: PagerDuty) -> None:
        breached(1)
        fan_out_all()
        [claimed] = claim("pagerduty")
        acknowledge_incident(actor=cast.olu(), incident_id=the_incident().pk)
        fan_out_all()
        told = Delivery.objects.get(template="staff_incident_acknowledged")
        claimed.delivery.refresh_from_db()
        assert claimed.delivery.lease_until is not None
        assert told.due_at >= claimed.delivery.lease_until
