"""A message to staff when bot and worker start: it proves every one of their channels before it is needed (N6).

/ready says which channel did not take it. Nobody is woken: PagerDuty gets none. Times are real time.
"""

import secrets
from typing import Any

import structlog
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import transaction

from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.models import Event
from lockbay.events.recording import NewEvent, record
from lockbay.setsql import insert_new
from notifications.models import StaffNotice
from notifications.staff_reach import newest_test, troubles

log = structlog.get_logger(__name__)

# Of this process and of those that it forks: a worker's process that is replaced by the next is no start.
_RUN = secrets.token_hex(8)


def test_when_worker_starts() -> None:
    """Called once at start."""
    from django_q.signals import post_spawn

    post_spawn.connect(_test_from_worker, dispatch_uid="notifications.start_test")


def note_start(process: str) -> bool:
    """Asks for a test message, unless one went out within settings.START_TEST_EVERY and arrived; True when it did ask.

    `process` is "bot" or "worker". A database that is away is logged: the start itself must not fail.
    """
    try:
        return _ask_for_test(process)
    except DatabaseError as error:
        log.warning("START_TEST_NOT_ASKED", process=process, error=str(error))
        return False


def _ask_for_test(process: str) -> bool:
    newest = newest_test()
    if newest is not None and not _is_due_after(newest):
        return False
    with transaction.atomic():
        # Named after the one before: of all that start at once, one inserts it.
        row = {"key": f"start:{newest.pk if newest else 0}", "made_at": clock.real_now()}
        made = insert_new(StaffNotice, [row], unique="key", returning=["id"])
        if not made:
            return False
        said = {"process": process, "run": _RUN}
        [event] = record([NewEvent(Kind.STAFF_TEST, "house", made[0][0], data=said)])
        StaffNotice.objects.filter(pk=made[0][0]).update(event=event)
    return True


def _is_due_after(newest: StaffNotice) -> bool:
    age = clock.real_now() - newest.made_at
    if age < settings.START_TEST_LIMIT or Event.objects.filter(kind=Kind.STAFF_TEST, data__run=_RUN).exists():
        return False
    return age > settings.START_TEST_EVERY or bool(troubles())


def _test_from_worker(**_kwargs: Any) -> None:
    note_start("worker")
