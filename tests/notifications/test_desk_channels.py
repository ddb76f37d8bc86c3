"""The page of the channels: what each took and refused, by hours, the same on both databases."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from lockbay import clock
from lockbay.events.models import Event
from notifications.desk.channel_rates import DAY, WEEK, ChannelRates, Tally, hours_until, rates_of_channels
from notifications.desk.charts import chart_of
from notifications.fanout import new_row
from notifications.models import Delivery
from tests import cast

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 22, 14, 30, tzinfo=UTC)


@pytest.fixture
def event() -> Event:
    return Event.objects.create(kind="escrow.created", subject_type="x", subject_id=1, at=NOW)


def made(event: Event, at: datetime, state: str, *, count: int = 1, channel: str = "email", **more: Any) -> None:
    """`count` messages of one kind, tried once unless said otherwise."""
    first = Delivery.objects.count()
    fields = new_row(
        event_id=event.pk, recipient_id=None, audience="", channel=channel, template="payment_confirmed", priority=0,
        now=at,
    )  # fmt: skip
    fields |= {"state": state, "attempts": 1, **more}
    Delivery.objects.bulk_create(
        Delivery(**{**fields, "audience": f"staff:{number}"}) for number in range(first, first + count)
    )


def rates_of(channel: str, now: datetime = NOW) -> ChannelRates:
    [found] = [rates for rates in rates_of_channels(now) if rates.channel == channel]
    return found


def test_counts_by_how_messages_stand_now(event: Event) -> None:
    hour = NOW - timedelta(hours=3)
    for state, count in (("sent", 4), ("delivered", 2), ("opened", 1), ("failed", 2), ("queued", 1), ("sending", 1)):
        made(event, hour, state, count=count)
    made(event, hour, "failed", is_uncertain=True)
    made(event, hour, "sent", is_uncertain=True, attempts=2)
    made(event, hour, "failed", attempts=0)  # nobody tried: the person has no channel
    made(event, hour, "skipped", attempts=0)
    tally = rates_of("email").tally(NOW, DAY)
    assert tally == Tally(tried=13, tries=14, accepted=8, failed=2, unknown=1, waiting=2, doubled=1)
    assert tally.percent_failed == pytest.approx(100 * 3 / 11)


def test_a_channel_on_which_nothing_ended_has_no_rate(event: Event) -> None:
    made(event, NOW, "queued")
    assert rates_of("email").tally(NOW, DAY).percent_failed is None
    assert rates_of("sms").tally(NOW, WEEK) == Tally()


@pytest.mark.parametrize(
    ("at", "is_in_day", "is_in_week"),
    [
        (datetime(2026, 11, 22, 14, 29, 59, 999_999, tzinfo=UTC), True, True),
        (datetime(2026, 11, 21, 15, 0, tzinfo=UTC), True, True),
        (datetime(2026, 11, 21, 14, 59, 59, 999_999, tzinfo=UTC), False, True),
        (datetime(2026, 11, 15, 15, 0, tzinfo=UTC), False, True),
        (datetime(2026, 11, 15, 14, 59, 59, tzinfo=UTC), False, False),
    ],
)
def test_the_edges_of_the_windows_are_whole_hours(
    event: Event, at: datetime, is_in_day: bool, is_in_week: bool
) -> None:
    made(event, at, "failed")
    rates = rates_of("email")
    assert rates.tally(NOW, DAY).failed == int(is_in_day)
    assert rates.tally(NOW, WEEK).failed == int(is_in_week)


def test_hours_are_those_of_utc_whatever_the_connection_speaks(event: Event) -> None:
    made(event, datetime(2026, 11, 22, 0, 5, tzinfo=UTC), "sent")
    assert list(rates_of("email").by_hour) == [datetime(2026, 11, 22, 0, 0, tzinfo=UTC)]
    assert hours_until(NOW, DAY)[0] == datetime(2026, 11, 21, 15, 0, tzinfo=UTC)
    assert len(hours_until(NOW, WEEK)) == WEEK


def test_says_when_a_channel_last_took_something(event: Event) -> None:
    last = NOW - timedelta(hours=1)
    made(event, NOW - timedelta(hours=30), "sent", sent_at=last)
    made(event, NOW, "failed")
    assert rates_of("email").last_accepted_at == last


def test_the_chart_has_a_bar_for_every_hour_and_the_rate_where_something_ended(event: Event) -> None:
    made(event, NOW - timedelta(hours=1), "sent", count=3)
    made(event, NOW - timedelta(hours=1), "failed")
    made(event, NOW, "queued")
    chart = json.loads(chart_of(rates_of("email"), NOW, DAY))
    assert (len(chart["labels"]), chart["labels"][-1]) == (24, "14:00")
    series = {one["label"]: one["data"][-2:] for one in chart["datasets"]}
    assert series == {
        "failed, % of what ended": [25.0, None],
        "accepted": [3, 0],
        "still tried": [0, 1],
        "nobody knows": [0, 0],
        "failed for good": [1, 0],
    }
    assert chart_of(rates_of("sms"), NOW, DAY) == ""
    assert json.loads(chart_of(rates_of("email"), NOW, WEEK))["labels"][0] == "15 Nov 15:00"


def test_the_page_shows_every_channel_and_is_kind_when_there_is_nothing(client: Client) -> None:
    client.force_login(cast.olu())
    body = client.get(reverse("channels")).content.decode()
    assert re.findall(r'data-channel="(\w+)"', body) == ["telegram", "email", "sms", "whatsapp", "slack", "pagerduty"]
    assert body.count("No message was tried by this channel in 7 days.") == 2
    assert body.count("No message goes by this channel until its settings are filled in.") == 4
    assert "<canvas" not in body


def test_the_page_shows_rates_charts_and_how_long_people_waited(client: Client) -> None:
    now = clock.real_now()
    event = Event.objects.create(kind="escrow.created", subject_type="x", subject_id=1, at=now - timedelta(hours=1))
    made(event, now - timedelta(hours=1), "sent", count=9, sent_at=now - timedelta(minutes=59))
    made(event, now - timedelta(hours=1), "failed")
    made(event, now - timedelta(days=3), "failed", channel="sms")
    client.force_login(cast.olu())
    body = client.get(reverse("channels")).content.decode()
    assert body.count("<canvas") == 1
    assert "10.0 %" in body
    assert "60.0 s" in body
    assert "Nothing was tried in the time shown." in body
    assert "100.0 %" in body
    week = client.get(reverse("channels"), {"hours": "168"}).content.decode()
    assert week.count("<canvas") == 2
    assert client.get(reverse("channels"), {"hours": "-5"}).status_code == 200


def test_costs_as_many_queries_for_many_messages_as_for_none(client: Client, event: Event) -> None:
    client.force_login(cast.olu())
    none = cost_of(client)
    now = clock.real_now()
    for channel in ("telegram", "email", "sms"):
        made(event, now - timedelta(hours=2), "sent", count=40, channel=channel, sent_at=now)
    assert cost_of(client) == none


def cost_of(client: Client) -> int:
    with CaptureQueriesContext(connection) as seen:
        assert client.get(reverse("channels")).status_code == 200
    return len(seen)
