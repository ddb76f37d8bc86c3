"""The desk's pages about messages over 100,000 of them: what a look costs, and how many questions it asks."""

import time
from collections.abc import Callable
from datetime import timedelta

from django.db import connection
from django.test.utils import CaptureQueriesContext

from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.models import Event
from lockbay.people.models import User
from notifications.desk.channel_rates import rates_of_channels
from notifications.desk.finding import find_deliveries
from notifications.desk.timeline import tell_story
from notifications.latency import latencies
from notifications.models import Delivery, DeliveryState, TrackingReport

MESSAGES, PEOPLE, CHUNK = 100_000, 2_000, 5_000
_CHANNELS = ("telegram", "telegram", "telegram", "email", "email", "sms")
_STATES = (DeliveryState.SENT, DeliveryState.DELIVERED, DeliveryState.OPENED, DeliveryState.FAILED)
_LOOKS = 5


def measure() -> list[str]:
    """A line for each look: milliseconds of the best of five, and its queries."""
    _fill()
    middle = Delivery.objects.select_related("event", "recipient").order_by("pk")[MESSAGES // 2]
    looks: dict[str, Callable[[], object]] = {
        "channels, a week by the hour": lambda: rates_of_channels(clock.real_now()),
        "waits of a day, p50 to p99": lambda: latencies(window=timedelta(days=1)),
        "the story of one message": lambda: tell_story(middle),
    }
    texts = {
        "a support reference": middle.event.correlation_id,
        "an event": f"E{middle.event_id}",
        "a person's name": str(middle.recipient and middle.recipient.first_name),
        "a channel's id": middle.provider_id,
        "an address": f"{middle.provider_id}@example.org",
        "a kind": Kind.ESCROW_DELIVERED.value,
    }
    for name, text in texts.items():
        looks[f"search by {name}"] = lambda text=text: _first_page(text)  # type: ignore[misc]
    return [f"desk  {name:<32} {_line(look)}" for name, look in looks.items()]


def _first_page(text: str) -> list[Delivery]:
    found = find_deliveries(Delivery.objects.select_related("event", "recipient"), text)
    found.rows.count()  # the list says how many there are
    return list(found.rows.order_by("-id")[:100])


def _line(look: Callable[[], object]) -> str:
    with CaptureQueriesContext(connection) as asked:
        look()
    taken = []
    for _ in range(_LOOKS):
        start = time.perf_counter()
        look()
        taken.append(time.perf_counter() - start)
    return f"{1000 * min(taken):8.1f} ms  {len(asked):2} queries"


def _fill() -> None:
    now = clock.real_now()
    people = User.objects.bulk_create(User(username=f"desk-{n}", first_name=f"Person {n}") for n in range(PEOPLE))
    kinds = [kind.value for kind in Kind]
    events = Event.objects.bulk_create(
        (
            Event(
                kind=kinds[n % len(kinds)], subject_type="user", subject_id=0, at=_spread(n, now),
                correlation_id=f"{n:016d}",
            )
            for n in range(MESSAGES // 2)
        ),
        batch_size=CHUNK,
    )  # fmt: skip
    rows = Delivery.objects.bulk_create(
        (_message(n, events[n // 2], people[n % PEOPLE], now) for n in range(MESSAGES)), batch_size=CHUNK
    )
    TrackingReport.objects.bulk_create(
        (
            TrackingReport(
                delivery=row, channel=row.channel, provider_id=row.provider_id, what="delivered", at=now,
                address=f"{row.provider_id}@example.org", digest=f"desk-{row.pk}", received_at=now,
            )
            for row in rows[::2]
        ),
        batch_size=CHUNK,
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _message(number: int, event: Event, person: User, now) -> Delivery:  # type: ignore[no-untyped-def]
    made = _spread(number, now)
    return Delivery(
        event=event, recipient=person, audience=f"desk:{number}", channel=_CHANNELS[number % 6],
        template="trade_delivered", priority=number % 3, state=_STATES[number * 7 % 4], attempts=1, due_at=made,
        created_at=made, sent_at=made + timedelta(seconds=number % 50), provider_id=f"desk-{number}",
    )  # fmt: skip


def _spread(number: int, now):  # type: ignore[no-untyped-def]
    """A moment of the last week."""
    return now - timedelta(seconds=number * 7919 % (7 * 86_400))
