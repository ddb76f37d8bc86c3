"""How long to wait before the next try: doubling, capped, with jitter, unless the channel itself named a time."""

import random
from datetime import timedelta

from django.conf import settings

# After this time without success a message has failed for good on its channel (F14 asks for at least an hour).
GIVE_UP_AFTER = timedelta(hours=24)


def wait_before_retry(channel: str, attempts: int, retry_after: float | None = None) -> timedelta:
    """The pause after try number `attempts`; never shorter than `retry_after` seconds."""
    if retry_after is not None:
        return timedelta(seconds=retry_after * random.uniform(1.0, 1.1) + 0.1)
    first, longest = settings.NOTIFY_RETRY_SECONDS[channel]
    return timedelta(seconds=min(longest, first * 2 ** min(attempts - 1, 16)) * random.uniform(0.8, 1.2))
