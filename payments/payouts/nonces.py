"""Numbers that only grow, per key, over all processes: what a provider asks for instead of a time-stamp."""

import hashlib
import time

from django.db import transaction

from lockbay.setsql import insert_new
from payments.models import RailCounter


def next_nonce(owner: str, key: str) -> int:
    """The next number for `key` of `owner`: the clock in microseconds, and never one that was given out before.

    Committed before it is used, so that a crash loses numbers and repeats none. The key itself is not stored.
    """
    name = f"{owner}:{hashlib.sha256(key.encode()).hexdigest()[:16]}"
    with transaction.atomic(durable=True):
        insert_new(RailCounter, [{"name": name, "last": 0}], unique="name")
        row = RailCounter.objects.select_for_update(no_key=True).get(name=name)
        row.last = max(row.last + 1, time.time_ns() // 1000)
        row.save(update_fields=["last"])
    return row.last
