"""N6, F19: trouble is told once, counted while it is open, told again when it is over; also by many workers at once."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.models import Event
from notifications import alert_limits
from notifications.actions.acknowledge_incident import acknowledge_incident
from notifications.actions.close_incident import close_incident
from notifications.alert_limits import start_of_window
from notifications.errors import IncidentNotTheirs, ReasonMissing
from notifications.escalation import escalate_due
from notifications.fanout import fan_out
from notifications.incident_ends import close_quiet
from notifications.models import AlertWindow, Delivery, Incident, IncidentEvent, PendingFanout
from notifications.routing import ROUTES, Audience
from tests import cast
from tests.at_once import at_once
from tests.notifications.incident_stories import (
    SLACK,
    STAFF,
    ada,
    breached,
    channels_of,
    fan_out_all,
    parked,
    the_incident,
    time_passes,
)
from tests.notifications.stories import PAID, happened

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def rooms(settings: Any) -> None:
    """Slack, PagerDuty and a phone are set up."""
    settings.SLACK_WEBHOOK_URL, settings.PAGERDUTY_ROUTING_KEY = SLACK, "k" * 32
    settings.STAFF_CHAT_ID = 0


class TestOpening:
    def test_the_first_event_is_told_and_later_ones_are_counted(self) -> None:
        first = parked(1)
        fan_out_all()
        later = [parked(2), parked(3)]
        fan_out_all()
        incident = the_incident()
        assert (incident.kind, incident.count, incident.first_event_id) == (Kind.INBOX_PARKED, 3, first.pk)
        assert (incident.last_event_id, incident.is_open) == (later[-1].pk, True)
        alert = Delivery.objects.get()
        assert (alert.event_id, alert.audience, alert.incident_id) == (first.pk, f"staff:{STAFF}", incident.pk)
        assert set(incident.members.values_list("event", flat=True)) == {first.pk, *(event.pk for event in later)}

    def test_events_of_one_batch_are_one_incident(self) -> None:
        events = [parked(number) for number in range(5)]
        assert fan_out() == 5
        assert the_incident().count == 5
        assert Delivery.objects.get().event_id == events[0].pk

    def test_another_trouble_of_the_same_kind_is_its_own_incident(self) -> None:
        parked(1, "dynopay")
        parked(2, "blockbee")
        fan_out_all()
        assert Incident.objects.count() == Delivery.objects.count() == 2

    def test_an_event_that_is_noted_twice_counts_once(self) -> None:
        event = parked(1)
        fan_out_all()
        PendingFanout.objects.create(event=event)
        fan_out_all()
        assert the_incident().count == Delivery.objects.count() == 1

    def test_goes_to_every_room_and_wakes_people_for_money_only(self, rooms: None) -> None:
        unpaid, broken = parked(1), breached(1)
        fan_out_all()
        assert channels_of(unpaid) == {"email", "slack"}
        assert channels_of(broken) == {"email", "slack", "pagerduty"}

    def test_every_confirmed_payment_keeps_its_own_mail(self) -> None:
        trade = cast.a_paid_trade()
        PendingFanout.objects.all().delete()
        for _ in range(3):
            happened(Kind.ESCROW_PAYMENT_CONFIRMED, trade, **PAID)
        fan_out_all()
        assert Delivery.objects.filter(audience=f"staff:{STAFF}", template="staff_payment_confirmed").count() == 3
        assert not Incident.objects.exists()

    def test_what_rolls_back_opens_nothing(self) -> None:
        parked(1)
        with pytest.raises(ZeroDivisionError):
            _fan_out_and_fail()
        assert not Incident.objects.exists()
        fan_out_all()
        assert the_incident().count == 1

    def test_a_hundred_events_cost_as_many_queries_as_one(self, rooms: None) -> None:
        counts = []
        for number in (1, 100):
            for subject in range(number):
                parked(1000 * number + subject, provider=f"p{number}")
            with CaptureQueriesContext(connection) as queries:
                assert fan_out() == number
            counts.append(len(queries))
        assert counts[0] == counts[1]

    def test_no_kind_has_two_troubles_and_only_staff_have_any(self) -> None:
        for kind, routes in ROUTES.items():
            troubles = [route for route in routes if route.incident is not None]
            assert len(troubles) < 2, kind
            assert all(route.audience is Audience.STAFF for route in troubles), kind


class TestAtOnce:
    @pytest.mark.parametrize("round_number", range(3))
    def test_many_workers_make_one_incident_and_one_message_a_channel(self, rooms: None, round_number: int) -> None:
        for number in range(40):
            breached(number, rule=f"B{number % 2}")
        at_once(_fan_out_little_by_little, range(6))
        fan_out_all()
        assert sorted(Incident.objects.values_list("count", flat=True)) == [20, 20]
        assert Delivery.objects.count() == 2 * 3
        assert IncidentEvent.objects.count() == 40

    def test_events_that_come_while_it_is_closed_are_never_lost(self) -> None:
        parked(0)
        fan_out_all()
        first = the_incident()
        for number in range(1, 9):
            parked(number)

        def work(worker: int) -> None:
            if worker == 0:
                close_incident(actor=cast.olu(), incident_id=first.pk, note="repaired")
            else:
                fan_out(limit=2)

        at_once(work, range(5))
        fan_out_all()
        incidents = Incident.objects.order_by("pk")
        assert sum(incident.count for incident in incidents) == 9
        assert all(incident.deliveries.count() == 1 for incident in incidents)
        assert len(incidents) in (1, 2), "those after the end are one new incident"

    def test_one_press_of_several_takes_it_on(self) -> None:
        parked(1)
        fan_out_all()
        pk, olu = the_incident().pk, cast.olu()
        found = at_once(lambda number: acknowledge_incident(actor=olu, incident_id=pk, note=str(number)), range(4))
        assert len({incident.note for incident in found}) == 1
        assert Event.objects.filter(kind=Kind.INCIDENT_ACKNOWLEDGED).count() == 1


class TestTakingOn:
    def test_says_who_and_when_and_stops_the_calls(self) -> None:
        parked(1)
        fan_out_all()
        incident = acknowledge_incident(actor=cast.olu(), incident_id=the_incident().pk, note=" on it ")
        incident.refresh_from_db()
        assert (incident.acknowledged_by_id, incident.note) == (cast.olu().pk, "on it")
        assert incident.acknowledged_at is not None
        assert incident.next_escalation_at is None
        said = Event.objects.get(kind=Kind.INCIDENT_ACKNOWLEDGED)
        assert (said.subject_id, said.actor_id) == (incident.pk, cast.olu().pk)

    def test_pressed_again_it_says_who_has_it(self) -> None:
        parked(1)
        fan_out_all()
        pk = the_incident().pk
        first = acknowledge_incident(actor=cast.olu(), incident_id=pk)
        assert acknowledge_incident(actor=ada(), incident_id=pk).acknowledged_by == first.acknowledged_by

    @pytest.mark.parametrize("who", [cast.max_, cast.bea])
    def test_needs_the_right(self, who: Any) -> None:
        parked(1)
        fan_out_all()
        for act in (acknowledge_incident, close_incident):
            with pytest.raises(IncidentNotTheirs):
                act(actor=who(), incident_id=the_incident().pk, note="mine")
        assert the_incident().acknowledged_at is None
        assert the_incident().is_open

    def test_further_events_are_counted_and_not_told(self) -> None:
        parked(1)
        fan_out_all()
        acknowledge_incident(actor=cast.olu(), incident_id=the_incident().pk)
        parked(2)
        fan_out_all()
        assert (the_incident().count, Delivery.objects.count()) == (2, 1)


class TestEnds:
    def test_closed_by_hand_with_a_reason_the_next_event_is_told_again(self) -> None:
        parked(1)
        fan_out_all()
        first = the_incident()
        with pytest.raises(ReasonMissing):
            close_incident(actor=cast.olu(), incident_id=first.pk, note=" ")
        for _ in range(2):
            close_incident(actor=cast.olu(), incident_id=first.pk, note="the secret was rotated")
        assert Event.objects.get(kind=Kind.INCIDENT_CLOSED).data["reason"] == "the secret was rotated"
        parked(2)
        fan_out_all()
        assert list(Incident.objects.order_by("pk").values_list("count", flat=True)) == [1, 1]
        assert Delivery.objects.count() == 2

    @pytest.mark.parametrize(
        ("is_taken_on", "quiet", "is_closed"),
        [
            (True, {"minutes": 59}, False),
            (True, {"minutes": 61}, True),
            (False, {"minutes": 61}, False),
            (False, {"hours": 23}, False),
            (False, {"hours": 25}, True),
        ],
    )
    def test_closes_itself_when_it_is_quiet(self, is_taken_on: bool, quiet: dict[str, int], is_closed: bool) -> None:
        parked(1)
        fan_out_all()
        if is_taken_on:
            acknowledge_incident(actor=cast.olu(), incident_id=the_incident().pk)
        time_passes(the_incident(), **quiet)
        assert close_quiet() == is_closed
        assert the_incident().is_open != is_closed
        assert Event.objects.filter(kind=Kind.INCIDENT_CLOSED, actor=None).count() == is_closed

    def test_two_workers_close_it_once(self) -> None:
        parked(1)
        fan_out_all()
        time_passes(the_incident(), hours=25)
        assert sum(at_once(lambda _worker: close_quiet(), range(4))) == 1
        assert Event.objects.filter(kind=Kind.INCIDENT_CLOSED).count() == 1


class TestLimit:
    @pytest.fixture(autouse=True)
    def no_hour_ends_meanwhile(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(alert_limits, "WINDOW", timedelta(days=10_000))

    def test_what_is_beyond_the_limit_is_one_message_that_says_how_many(self, rooms: None, settings: Any) -> None:
        settings.STAFF_ALERTS_PER_HOUR = 3
        for number in range(8):
            parked(number, provider=f"p{number}")
            fan_out_all()
        slack = Delivery.objects.filter(channel="slack", template="staff_inbox_parked")
        assert (slack.filter(state="queued").count(), slack.filter(state="skipped").count()) == (3, 5)
        assert Delivery.objects.filter(channel="email", state="queued").count() == 8, "mail has them all"
        more = Delivery.objects.get(template="staff_alerts_held_back")
        assert (more.channel, more.state) == ("slack", "queued")
        text = _text_of(more)
        assert "5 more messages for staff" in text
        assert "More than 3 came within the hour" in text
        assert text.endswith("/admin/notifications/incident/")

    def test_other_news_holds_back_no_alarm(self, rooms: None, settings: Any) -> None:
        settings.STAFF_ALERTS_PER_HOUR = 1
        trade = cast.a_paid_trade()
        PendingFanout.objects.all().delete()
        for _ in range(3):
            happened(Kind.ESCROW_PAYMENT_CONFIRMED, trade, **PAID)
        alarm = breached(1)
        fan_out_all()
        assert set(Delivery.objects.filter(event=alarm).values_list("state", flat=True)) == {"queued"}
        assert Delivery.objects.filter(template="staff_payment_confirmed", state="skipped").count() == 2

    def test_each_room_has_its_own_limit_and_hears_itself_how_many_more_there_are(
        self, rooms: None, settings: Any
    ) -> None:
        settings.STAFF_ALERTS_PER_HOUR, settings.STAFF_CHAT_ID = 1, -100
        AlertWindow.objects.create(
            bucket="slack:alerts", starts_at=start_of_window(clock.real_now()), taken=1, held_back=0
        )
        for number in range(2):
            parked(number, provider=f"p{number}")
        fan_out_all()
        more = Delivery.objects.filter(template="staff_alerts_held_back").order_by("channel")
        assert list(more.values_list("audience", "channel")) == [("staff:slack", "slack"), ("staff:chat", "telegram")]
        assert "2 more messages" in _text_of(more[0])
        assert "1 more message for staff" in _text_of(more[1])

    def test_one_call_to_several_phones_counts_once(self, settings: Any) -> None:
        settings.STAFF_ALERTS_PER_HOUR = 1
        settings.STAFF_ESCALATION_PHONES = ["+2348012345678", "+2348012345679"]
        settings.TWILIO_ACCOUNT_SID = settings.TWILIO_AUTH_TOKEN = settings.TWILIO_SENDER = "x"
        for number in range(2):
            parked(number, provider=f"p{number}")
        fan_out_all()
        Incident.objects.update(next_escalation_at=clock.real_now())
        assert escalate_due() == 2
        fan_out_all()
        calls = Delivery.objects.filter(channel="sms", template="staff_incident_escalated")
        assert sorted(calls.values_list("state", flat=True)) == ["queued", "queued", "skipped", "skipped"]
        assert Delivery.objects.filter(channel="sms", template="staff_alerts_held_back").count() == 2, "each phone"

    def test_the_next_hour_begins_anew(self, rooms: None, settings: Any) -> None:
        settings.STAFF_ALERTS_PER_HOUR = 1
        for number in range(2):
            parked(number, provider=f"p{number}")
        fan_out_all()
        AlertWindow.objects.update(starts_at="2026-01-01T00:00:00+00:00")
        later = parked(3, provider="p3")
        fan_out_all()
        assert set(Delivery.objects.filter(event=later).values_list("state", flat=True)) == {"queued"}

    def test_many_workers_keep_the_limit_and_say_it_once(self, rooms: None, settings: Any) -> None:
        settings.STAFF_ALERTS_PER_HOUR = 4
        for number in range(16):
            parked(number, provider=f"p{number}")
        at_once(_fan_out_little_by_little, range(6))
        fan_out_all()
        alerts = Delivery.objects.filter(channel="slack", template="staff_inbox_parked")
        assert alerts.filter(state="queued").count() == 4
        assert alerts.filter(state="skipped").count() == 12
        assert Delivery.objects.filter(template="staff_alerts_held_back").count() == 1
        assert AlertWindow.objects.get(bucket="slack:alerts").held_back == 12


def test_the_limit_counts_by_full_hours() -> None:
    moment = datetime(2026, 11, 22, 8, 24, 3, 999, tzinfo=UTC)
    assert start_of_window(moment) == datetime(2026, 11, 22, 8, tzinfo=UTC)
    assert start_of_window(moment.replace(minute=0, second=0, microsecond=0)) == datetime(2026, 11, 22, 8, tzinfo=UTC)


def _fan_out_little_by_little(_worker: int) -> None:
    """Many small turns, so that the workers meet."""
    while fan_out(limit=2):
        pass


def _fan_out_and_fail() -> None:
    with transaction.atomic():
        fan_out()
        raise ZeroDivisionError


def _text_of(delivery: Delivery) -> str:
    from notifications.rendering import render

    return render(delivery, delivery.channel).text
