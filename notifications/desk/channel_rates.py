"""How the channels do: of what was made in the last day and week, what a channel took, what it refused, what nobody
knows, hour by hour (N3).

One grouped query over the hours, whatever the number of rows; hours are whole ones in UTC, the running one included.
A message counts in the hour in which it was made, as it stands now: what bounced later has failed.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta

from django.db.models import Count, DateTimeField, F, Func, Max, Q, Sum
from django.db.models.functions import Coalesce

from notifications.channels import ADAPTERS
from notifications.models import Delivery, DeliveryState
from notifications.reach import is_offered

DAY, WEEK = 24, 168  # hours
_TOLD = (DeliveryState.SENT, DeliveryState.DELIVERED, DeliveryState.OPENED)
_WAITING = (DeliveryState.QUEUED, DeliveryState.SENDING)


@dataclass(frozen=True)
class Tally:
    """Messages that were tried, by how they stand; `tries` counts the calls. `doubled`: accepted, perhaps twice."""

    tried: int = 0
    tries: int = 0
    accepted: int = 0
    failed: int = 0
    unknown: int = 0
    waiting: int = 0
    doubled: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(*(getattr(self, part.name) + getattr(other, part.name) for part in fields(Tally)))

    @property
    def percent_failed(self) -> float | None:
        """Failed or unknown, of all that ended; None when nothing has ended yet."""
        ended = self.accepted + self.failed + self.unknown
        return 100 * (self.failed + self.unknown) / ended if ended else None


@dataclass
class ChannelRates:
    """One channel. `by_hour` holds the hours in which something was tried."""

    channel: str
    is_offered: bool
    last_accepted_at: datetime | None = None
    by_hour: dict[datetime, Tally] = field(default_factory=dict)

    def tally(self, now: datetime, hours: int) -> Tally:
        """The sum over the newest `hours`."""
        return sum((self.by_hour.get(hour, Tally()) for hour in hours_until(now, hours)), Tally())


def hours_until(now: datetime, hours: int) -> list[datetime]:
    """The beginnings of the newest `hours` hours, oldest first."""
    this = now.replace(minute=0, second=0, microsecond=0)
    return [this - timedelta(hours=back) for back in range(hours - 1, -1, -1)]


def rates_of_channels(now: datetime) -> list[ChannelRates]:
    """Every channel that there is, with its last week; one query."""
    found = {name: ChannelRates(name, is_offered(name)) for name in ("telegram", *ADAPTERS)}
    tallies: defaultdict[str, dict[datetime, Tally]] = defaultdict(dict)
    for channel, hour, last, *counts in _count_by_hour(hours_until(now, WEEK)[0]):
        rates = found.setdefault(channel, ChannelRates(channel, is_offered=False))
        rates.last_accepted_at = max(filter(None, (rates.last_accepted_at, last)), default=None)
        tallies[channel][hour] = Tally(*counts)
    for channel, by_hour in tallies.items():
        found[channel].by_hour = by_hour
    return list(found.values())


class _Hour(Func):
    """The beginning of a moment's hour, UTC: by the engine itself, a Python function for each row takes seconds."""

    output_field = DateTimeField()
    template = "date_trunc('hour', %(expressions)s, 'UTC')"

    def as_sqlite(self, compiler, connection, **context):  # type: ignore[no-untyped-def]
        return self.as_sql(
            compiler, connection, template="substr(%(expressions)s, 1, 13) || ':00:00'", **context
        )  # moments are ISO text there


def _count_by_hour(since: datetime) -> Iterable[tuple]:
    # The index is by state and age: with every state named, it finds the week without the years before it.
    tried = Delivery.objects.filter(state__in=DeliveryState.values, created_at__gte=since, attempts__gt=0)
    failed = Q(state=DeliveryState.FAILED)
    return (
        tried.order_by()
        .annotate(hour=_Hour(F("created_at")))
        .values("channel", "hour")
        .annotate(
            last=Max("sent_at"),
            tried=Count("pk"),
            calls=Coalesce(Sum("attempts"), 0),
            accepted=Count("pk", filter=Q(state__in=_TOLD)),
            failed=Count("pk", filter=failed & Q(is_uncertain=False)),
            unknown=Count("pk", filter=failed & Q(is_uncertain=True)),
            waiting=Count("pk", filter=Q(state__in=_WAITING)),
            doubled=Count("pk", filter=Q(state__in=_TOLD, is_uncertain=True)),
        )
        .values_list("channel", "hour", "last", "tried", "calls", "accepted", "failed", "unknown", "waiting", "doubled")
        .iterator()
    )
