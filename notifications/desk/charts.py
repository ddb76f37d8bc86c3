"""The data of the desk's charts, as the theme's own chart component takes it (Chart.js, served by us)."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.template.loader import render_to_string

from notifications.desk.channel_rates import DAY, ChannelRates, Tally, hours_until

_AXIS: dict[str, Any] = {"border": {"display": False}, "grid": {"display": False}, "ticks": {"color": "#9ca3af"}}
_WHOLE = {"maxTicksLimit": 5, "precision": 0, "color": "#9ca3af"}
_LEVEL = {"maxRotation": 0, "autoSkip": True, "maxTicksLimit": 8, "color": "#9ca3af"}
OPTIONS = json.dumps(
    {
        "animation": False,
        "responsive": True,
        "maintainAspectRatio": False,
        "interaction": {"mode": "index", "intersect": False},
        "plugins": {"legend": {"display": False}},
        "scales": {
            "x": {**_AXIS, "stacked": True, "ticks": _LEVEL},
            "y": {**_AXIS, "stacked": True, "min": 0, "ticks": _WHOLE},
            "rate": {**_AXIS, "position": "right", "min": 0, "max": 100, "ticks": {"stepSize": 50, "color": "#ef4444"}},
        },
    }
)


def chart_of(rates: ChannelRates, now: datetime, hours: int) -> str:
    """Messages by hour and how many of them failed, as JSON; "" when nothing was tried in that time."""
    beginnings = hours_until(now, hours)
    tallies = [rates.by_hour.get(hour, Tally()) for hour in beginnings]
    if not any(tally.tried for tally in tallies):
        return ""
    form = "%H:00" if hours <= DAY else "%d %b %H:00"
    series = {
        name: _json([getattr(tally, name) for tally in tallies])
        for name in ("accepted", "waiting", "unknown", "failed")
    }
    percents = [None if tally.percent_failed is None else round(tally.percent_failed, 1) for tally in tallies]
    labels = _json([f"{hour:{form}}" for hour in beginnings])
    words = render_to_string(
        "admin/notifications/channel_chart.json",
        {**series, "labels": labels, "percents": _json(percents), "line": 2 if hours <= DAY else 1},
    )
    return _json(json.loads(words))


def _json(value: Sequence[Any]) -> str:
    return json.dumps(value)
