"""Events become deliveries in one transaction: a crash loses none and doubles none (N1)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Q, QuerySet

from escrows.models import Escrow
from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.models import Event
from lockbay.people.models import Channel, Contact, User
from lockbay.setsql import insert_new
from notifications import alert_limits
from notifications.exhausted import record_exhausted
from notifications.incidents import Alert, open_or_count
from notifications.models import Delivery, DeliveryState, PendingFanout
from notifications.preferences import category_of, mutes_of, wanted_channels
from notifications.reach import channels_of, limit_of, live_contacts
from notifications.routing import ROUTES, Audience, Route
from notifications.staff_rows import KnownIncidents, lane_of, read_paged, rows_for_staff

log = structlog.get_logger(__name__)

BROKEN_RESTS = timedelta(minutes=10)


def fan_out(limit: int = 200) -> int:
    """Turns up to `limit` noted events into deliveries and returns how many events that were.

    Several processes may do this at once: on PostgreSQL each takes other rows, on SQLite one after the other. The
    number of queries does not grow with the number of events. One that breaks is set aside, so that the others go out.
    """
    due = _due()
    if not due.exists():  # look before taking SQLite's only write lock
        return 0
    try:
        return _fan_out(due, limit)
    except (OperationalError, InterfaceError):  # the database's trouble, nobody's event
        raise
    except Exception:  # by one of them: each on its own then
        log.exception("FANOUT_BATCH_BROKE")
        return sum(_fan_out_alone(pk) for pk in list(due.order_by("pk").values_list("pk", flat=True)[:limit]))


def _due() -> QuerySet[PendingFanout]:
    since = clock.real_now() - BROKEN_RESTS
    return PendingFanout.objects.filter(Q(broke_at__isnull=True) | Q(broke_at__lt=since))


def _fan_out_alone(pk: int) -> int:
    try:
        return _fan_out(_due().filter(pk=pk), 1)
    except (OperationalError, InterfaceError):
        raise
    except Exception:  # a kind that only a newer release knows, or a bug: it is kept, and tried again later
        log.exception("FANOUT_BROKE", event_id=pk)
        PendingFanout.objects.filter(pk=pk).update(broke_at=clock.real_now())
        return 1


def _fan_out(due: QuerySet[PendingFanout], limit: int) -> int:
    with transaction.atomic():
        claimed = list(due.select_for_update(skip_locked=True).order_by("pk").values_list("pk", flat=True)[:limit])
        if not claimed:
            return 0
        events = list(Event.objects.filter(pk__in=claimed).order_by("pk"))
        rows = _plan(events)
        inserted = insert_new(Delivery, rows, unique="event,audience,channel", returning=["id", "state"])
        PendingFanout.objects.filter(pk__in=claimed).delete()
        _alert_unreachable([pk for pk, state in inserted if state == DeliveryState.FAILED])
    log.info("deliveries_queued", events=len(events), deliveries=len(inserted))
    return len(events)


@dataclass(frozen=True)
class _World:
    """What a batch needs to know, read by a constant number of queries."""

    escrows: dict[int, Escrow]
    users: dict[int, User]
    contacts: dict[int, list[Contact]]
    mutes: dict[int, set[tuple[str, str]]]
    incidents: KnownIncidents
    now: datetime


def _plan(events: Sequence[Event]) -> list[dict[str, Any]]:
    world = _read_world(events)
    rows: list[dict[str, Any]] = []
    limited: list[alert_limits.Limited] = []
    for event in events:
        for route in ROUTES[Kind(event.kind)]:
            made = list(_rows_of(event, route, world))
            rows += made
            if route.audience is Audience.STAFF:
                limited += [(row, lane_of(row, route)) for row in made]
    alert_limits.hold_back(limited, world.now)
    return rows


def _read_world(events: Sequence[Event]) -> _World:
    escrows = Escrow.objects.in_bulk({event.subject_id for event in events if event.subject_type == "escrow"})
    user_ids = {user_id for escrow in escrows.values() for user_id in (escrow.buyer_id, escrow.seller_id) if user_id}
    user_ids |= {user_id for event in events if (user_id := _named_user(event)) is not None}
    now = clock.real_now()
    known = KnownIncidents(open_or_count(_alerts(events, escrows), now), read_paged(events))
    return _World(escrows, User.objects.in_bulk(user_ids), live_contacts(user_ids), mutes_of(user_ids), known, now)


def _alerts(events: Sequence[Event], escrows: Mapping[int, Escrow]) -> list[Alert]:
    return [
        Alert(event, route, route.incident(event))
        for event in events
        for route in ROUTES[Kind(event.kind)]
        if route.incident is not None and _is_wanted(event, route, _escrow_of(event, escrows))
    ]


def _escrow_of(event: Event, escrows: Mapping[int, Escrow]) -> Escrow | None:
    return escrows.get(event.subject_id) if event.subject_type == "escrow" else None


def _is_wanted(event: Event, route: Route, escrow: Escrow | None) -> bool:
    return route.only_if is None or route.only_if(event, escrow)


def _rows_of(event: Event, route: Route, world: _World) -> Iterable[dict[str, Any]]:
    escrow = _escrow_of(event, world.escrows)
    if not _is_wanted(event, route, escrow):
        return []
    if route.audience is Audience.STAFF:
        return rows_for_staff(event, route, world.incidents, partial(_row, event, route, world))
    user = world.users.get(_person_of(event, route.audience, escrow) or 0)
    if user is None or (user.pk == event.actor_id and not route.even_actor):
        return []  # nobody has that side yet, or he saw it happen
    if route.audience is Audience.CONTACT:
        audience = f"contact:{event.data.get('replaced_id') or event.data.get('contact_id')}"
        channel = event.data.get("channel") or Channel.EMAIL
        return [_row(event, route, world, audience=audience, channel=channel, user=user)]
    first = _row_for_person(event, route, world, user)
    return [first, *_rows_on_other_channels(event, route, world, user, first)] if route.every_channel else [first]


def _row_for_person(event: Event, route: Route, world: _World, user: User) -> dict[str, Any]:
    channels = channels_of(user, world.contacts.get(user.pk, []))
    if not channels:
        unreachable = _row(event, route, world, audience=route.audience, channel=Channel.TELEGRAM, user=user)
        return {**unreachable, "state": DeliveryState.FAILED.value, "error": "no channel reaches this person"}
    category = category_of(route.template, route.priority)
    wanted = wanted_channels(channels, category, world.mutes.get(user.pk, set()))
    if not wanted:
        unwanted = _row(event, route, world, audience=route.audience, channel=channels[0], user=user)
        return {**unwanted, "state": DeliveryState.SKIPPED.value, "error": "turned off by the person"}
    row = _row(event, route, world, audience=route.audience, channel=wanted[0], user=user)
    return {**row, "fallback_at": limit_of(wanted[0], wanted, route.priority, world.now)}


def _rows_on_other_channels(
    event: Event, route: Route, world: _World, user: User, first: dict[str, Any]
) -> list[dict[str, Any]]:
    """The same on every other channel, also where it is off. Each is an audience of its own: what one channel took does
    not spare the next."""
    return [
        _row(event, route, world, audience=f"{route.audience}:{channel}", channel=channel, user=user)
        for channel in channels_of(user, world.contacts.get(user.pk, []))
        if channel != first["channel"]
    ]


def _row(
    event: Event, route: Route, world: _World, *, audience: str, channel: str, user: User | None = None
) -> dict[str, Any]:
    return new_row(
        event_id=event.pk,
        recipient_id=user.pk if user else None,
        audience=str(audience),
        channel=str(channel),
        template=route.template,
        priority=route.priority.value,
        now=world.now,
    )


def new_row(
    *, event_id: int, recipient_id: int | None, audience: str, channel: str, template: str, priority: int, now: datetime
) -> dict[str, Any]:
    """A queued delivery, due now, for insert_new(). Deliveries live in real time: nobody waits for a moved clock."""
    return {
        "event_id": event_id,
        "recipient_id": recipient_id,
        "audience": audience,
        "channel": channel,
        "template": template,
        "priority": priority,
        "state": DeliveryState.QUEUED.value,
        "is_uncertain": False,
        "attempts": 0,
        "due_at": now,
        "fallback_at": None,
        "lease_token": "",
        "provider_id": "",
        "error": "",
        "incident_id": None,
        "created_at": now,
    }


def _person_of(event: Event, audience: Audience, escrow: Escrow | None) -> int | None:
    if audience in (Audience.BUYER, Audience.SELLER):
        return getattr(escrow, f"{audience.value}_id", None)
    return _named_user(event)


def _named_user(event: Event) -> int | None:
    named = event.data.get("user_id")
    return named if isinstance(named, int) else None


def _alert_unreachable(delivery_ids: Sequence[int]) -> None:
    if delivery_ids:
        record_exhausted(list(Delivery.objects.filter(pk__in=delivery_ids).select_related("event")))
