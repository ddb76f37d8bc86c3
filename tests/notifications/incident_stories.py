"""Short ways to trouble."""

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import Group
from django.db import transaction

from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.models import Event
from lockbay.events.recording import NewEvent, record
from lockbay.people.models import User
from lockbay.people.roles import OPERATOR
from notifications.fanout import fan_out
from notifications.models import Delivery, Incident

STAFF = "olu@lockbay.example"
SLACK = "https://hooks.slack.com/services/T/B/x"


def parked(subject_id: int, provider: str = "dynopay") -> Event:
    """Trouble that is not about money: an event of a provider is parked. Recorded, and nothing else."""
    return _record(NewEvent(Kind.INBOX_PARKED, "inbox", subject_id, data={"provider": provider}))


def breached(subject_id: int, rule: str = "B1") -> Event:
    """Trouble about money."""
    data = {"rules": [rule], "assets": ["USD"], "breaches": 1}
    return _record(NewEvent(Kind.LEDGER_BREACHED, "ledger_check", subject_id, data=data))


def fan_out_all() -> None:
    """Until nothing is noted any more."""
    while fan_out():
        pass


def the_incident(**wanted: Any) -> Incident:
    """The only one."""
    return Incident.objects.get(**wanted)


def channels_of(event: Event) -> set[str]:
    """Where the event went."""
    return set(Delivery.objects.filter(event=event).values_list("channel", flat=True))


def time_passes(incident: Incident, **span: int) -> None:
    """As if all of it had happened so much earlier."""
    incident.refresh_from_db()
    names = ("opened_at", "last_at", "acknowledged_at", "next_escalation_at")
    moments = {name: getattr(incident, name) for name in names}
    earlier = {name: moment - timedelta(**span) for name, moment in moments.items() if moment is not None}
    Incident.objects.filter(pk=incident.pk).update(**earlier)


def all_is_accepted(channel: str) -> None:
    """A channel took everything that was queued for it."""
    now = clock.real_now()
    Delivery.objects.filter(channel=channel, state="queued").update(state="sent", sent_at=now, attempts=1)


def _record(new: NewEvent) -> Event:
    with transaction.atomic():
        return record([new])[0]


def ada() -> User:
    """Another operator."""
    user, _made = User.objects.get_or_create(username="ada", defaults={"is_staff": True, "first_name": "Ada"})
    user.groups.add(Group.objects.get(name=OPERATOR))
    return User.objects.get(pk=user.pk)
