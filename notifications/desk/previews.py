"""Every route by every channel, as it would be sent, about something made up: no row is read or written (N7)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from lockbay.events.kinds import Kind
from lockbay.people.models import Channel
from notifications.channels import STAFF_CHANNELS
from notifications.channels.whatsapp import one_line
from notifications.desk.samples import forms_of, sample_of
from notifications.models import Priority
from notifications.reach import ORDER
from notifications.rendering import Rendered, render
from notifications.routing import ROUTES, Audience, Reach, Route
from notifications.texts import TELEGRAM_LONGEST, units_of

ALL_CHANNELS = (*ORDER, *STAFF_CHANNELS)
_ROOMS = {Channel.TELEGRAM.value, Channel.EMAIL.value, "slack"}
_REACHED = {
    Reach.ON_CALL: {Channel.EMAIL.value, Channel.SMS.value, "pagerduty"},
    Reach.PAGER: {"pagerduty"},
    Reach.CHANNEL: {Channel.TELEGRAM.value, Channel.SMS.value, *STAFF_CHANNELS},
}


@dataclass(frozen=True)
class Shown:
    """One channel's form. `sent` is its text as it leaves us; `length`, in UTF-16 units, is what `longest` limits, 0
    for no limit.

    `is_used`: this route can go by this channel; the others are shown because a text must survive all of them.
    """

    channel: str
    rendered: Rendered
    sent: str
    length: int
    longest: int
    is_used: bool


@dataclass(frozen=True)
class Preview:
    """One route by every channel, in one of its forms; "" is the plain one."""

    kind: Kind
    route: Route
    form: str
    forms: Sequence[str]
    shown: Sequence[Shown]

    @property
    def priority(self) -> str:
        """Its name."""
        return self.route.priority.name.lower()

    @property
    def used(self) -> list[Shown]:
        """The channels by which it goes."""
        return [shown for shown in self.shown if shown.is_used]

    @property
    def unused(self) -> list[Shown]:
        """The channels by which it never goes."""
        return [shown for shown in self.shown if not shown.is_used]


def routes_like(*, kind: str = "", template: str = "") -> list[tuple[Kind, Route]]:
    """Every entry of the routing table, or those of one kind or one template."""
    return [
        (one, route)
        for one, routes in ROUTES.items()
        for route in routes
        if kind in ("", one.value) and template in ("", route.template)
    ]


def preview(kind: Kind, route: Route, *, language: str, now: datetime, form: str = "") -> Preview:
    """Renders it for all channels; no query. A form that the notice does not have is the plain one."""
    forms = forms_of(route.template)
    chosen = form if form in forms else ""
    return Preview(kind, route, chosen, forms, list(_by_every_channel(kind, route, chosen, language, now)))


def _by_every_channel(kind: Kind, route: Route, form: str, language: str, now: datetime) -> Iterator[Shown]:
    limits = {
        Channel.TELEGRAM.value: TELEGRAM_LONGEST,
        Channel.SMS.value: settings.SMS_LONGEST,
        Channel.WHATSAPP.value: settings.WHATSAPP_LONGEST,
    }
    for channel in ALL_CHANNELS:
        delivery, about = sample_of(kind, route, channel, now, form)
        rendered = render(delivery, channel, about=about, language=language)
        sent = rendered.text
        if channel == Channel.WHATSAPP:
            sent = rendered.code or one_line(sent)
        length = units_of(rendered.text)
        yield Shown(channel, rendered, sent, length, limits.get(channel, 0), _is_used(route, channel))


def _is_used(route: Route, channel: str) -> bool:
    if route.audience is Audience.STAFF:
        is_for_pager = route.incident is not None and route.priority == Priority.PAYMENT
        reached = {**_REACHED, Reach.EVERYBODY: _ROOMS | ({"pagerduty"} if is_for_pager else set())}
        return channel in reached[route.reach]
    if route.audience is Audience.CONTACT:
        return channel in ORDER and channel != Channel.TELEGRAM
    return channel in ORDER
