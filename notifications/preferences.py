"""What people want to hear by which channel (N9). Money and security find a way even so: never silence, at the least
by a channel that was turned off, when no other reaches the person.
"""

from collections.abc import Collection, Iterable, Sequence

from lockbay.people.models import User
from notifications.models import Category, Muted, Priority
from notifications.reach import channels_after, reachable_channels

# Nobody can turn these off on all channels.
NEVER_SILENT = frozenset({Category.PAYMENT, Category.SECURITY})
_SECURITY = frozenset(
    {"destination_added", "destination_removed", "contact_code", "contact_removed", "contact_replaced"}
)
# These start the reader's own clock: who could turn them off would keep the other side waiting for ever (N8).
_STARTS_A_CLOCK = frozenset({"trade_offered", "trade_delivered"})
_BY_PRIORITY = {
    Priority.PAYMENT: Category.PAYMENT,
    Priority.TRADE: Category.TRADE,
    Priority.REMINDER: Category.REMINDER,
    Priority.BROADCAST: Category.NEWS,
}
Mutes = Collection[tuple[str, str]]  # (category, channel)


def category_of(template: str, priority: int) -> Category:
    """What a message is about."""
    if template in _SECURITY:
        return Category.SECURITY
    return Category.PAYMENT if template in _STARTS_A_CLOCK else _BY_PRIORITY[Priority(priority)]


def mutes_of(user_ids: Iterable[int]) -> dict[int, set[tuple[str, str]]]:
    """What each person turned off; one query."""
    found: dict[int, set[tuple[str, str]]] = {}
    rows = Muted.objects.filter(user_id__in=list(user_ids)).values_list("user_id", "category", "channel")
    for user_id, category, channel in rows:
        found.setdefault(user_id, set()).add((category, channel))
    return found


def wanted_channels(channels: Sequence[str], category: Category, mutes: Mutes) -> list[str]:
    """Those of `channels` that are on for the category; all of them when none is and silence is not allowed."""
    wanted = [channel for channel in channels if (category.value, channel) not in mutes]
    return wanted if wanted or category not in NEVER_SILENT else list(channels)


def channels_to_try(user: User, channel: str, category: Category) -> list[str]:
    """What may be tried when `channel` did not work, best first: the later ones that are on. For money and security all
    others after them: the earlier ones, and as the last resort what is off."""
    reachable = [name for name in reachable_channels(user) if name != channel]
    mutes = mutes_of([user.pk]).get(user.pk, set())
    on = [name for name in reachable if (category.value, name) not in mutes]
    later = [name for name in on if name in channels_after(channel)]
    if category not in NEVER_SILENT:
        return later
    others = [name for name in on if name not in later]
    return [*later, *others, *(name for name in reachable if name not in on)]
