"""The tiers (R2): three are labels of a stored quote's age, one says that the database was silent.

The fifth is the worker's live fetch (refresh.py): what it brings is stored and read again by the first three.
"""

from datetime import timedelta

from django.conf import settings

RAPID = "rapid"
MAIN = "main"
FALLBACK = "fallback"
LOCAL = "local"  # the database did not answer; this process still had it


def tier_of_age(age: timedelta) -> str | None:
    """The label of a stored quote of this age; None when it is too old to price anything."""
    for tier, limit in limits():
        if age <= limit:
            return tier
    return None


def time_left_in_tier(age: timedelta) -> timedelta:
    """How long a quote of this age keeps its label; 0 when it has none."""
    for _tier, limit in limits():
        if age <= limit:
            return limit - age
    return timedelta()


def limits() -> tuple[tuple[str, timedelta], ...]:
    """(tier, oldest age), freshest first."""
    return (
        (RAPID, settings.RATE_TIER_RAPID),
        (MAIN, settings.RATE_TIER_MAIN),
        (FALLBACK, settings.RATE_TIER_FALLBACK),
    )
