"""Many messages that a channel accepted, marked with one commit and as many statements as one (N3, N5).

Says the same of each as sending.settle() does, to the same rows, under the same token.
"""

from collections.abc import Sequence

import structlog
from django.db import transaction

from lockbay import clock
from lockbay.setsql import update_each
from notifications import ladder
from notifications.channels.base import Accepted
from notifications.models import Attempt, Delivery, DeliveryState, Outcome
from notifications.reach import channels_after
from notifications.sending import Claimed, settle
from notifications.told import start_clock_of

log = structlog.get_logger(__name__)


def settle_accepted(answers: Sequence[tuple[Claimed, Accepted]]) -> int:
    """Marks what was accepted as sent; returns how many that were: a stale token changes nothing."""
    if len(answers) == 1:
        return int(settle(*answers[0]))
    taken = {claimed.delivery_id: (claimed, answer) for claimed, answer in answers}
    with transaction.atomic():
        rows = _held(taken)
        for row in rows:
            row.state, row.sent_at, row.error = DeliveryState.SENT, clock.real_now(), ""
            row.provider_id = taken[row.pk][1].provider_id[:200]
            row.lease_token, row.lease_until, row.fallback_at = "", None, None
        _write(rows)
        _skip_later_channels(rows)
    for row in rows:
        log.info("delivery_sent", delivery_id=row.pk, channel=row.channel, template=row.template)
        start_clock_of(row)
    return len(rows)


def _held(taken: dict[int, tuple[Claimed, Accepted]]) -> list[Delivery]:
    """Those whose token still holds, locked in the order of their ids."""
    sending = Delivery.objects.filter(pk__in=taken, state=DeliveryState.SENDING).order_by("pk")
    rows = list(sending.select_for_update(no_key=True, of=("self",)).select_related("event"))
    held = [row for row in rows if row.lease_token == taken[row.pk][0].token]
    for pk in taken.keys() - {row.pk for row in held}:
        log.warning("delivery_lease_was_lost", delivery_id=pk, number=taken[pk][0].number)
    return held


_MARKED = ("state", "sent_at", "error", "provider_id", "lease_token", "lease_until", "fallback_at")


def _write(rows: Sequence[Delivery]) -> None:
    update_each(Delivery, [{name: getattr(row, name) for name in ("id", *_MARKED)} for row in rows])
    running = Attempt.objects.filter(delivery__in=rows, outcome="").values_list("pk", "delivery_id", "number")
    marked = {(row.pk, row.attempts): row for row in rows}
    tries = [
        (pk, marked[delivery_id, number]) for pk, delivery_id, number in running if (delivery_id, number) in marked
    ]
    update_each(
        Attempt,
        [
            {"id": pk, "outcome": Outcome.SENT.value, "finished_at": row.sent_at, "provider_id": row.provider_id}
            for pk, row in tries
        ],
    )


def _skip_later_channels(rows: Sequence[Delivery]) -> None:
    """One look for all; few have anything waiting behind them."""
    later = {name for row in rows for name in channels_after(row.channel)}
    waiting = Delivery.objects.filter(
        event_id__in={row.event_id for row in rows}, channel__in=later, state=DeliveryState.QUEUED
    )
    behind = set(waiting.values_list("event_id", "audience"))
    for row in rows:
        if (row.event_id, row.audience) in behind:
            ladder.skip_later_channels(row)
