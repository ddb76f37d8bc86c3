"""Many acceptances at once say the same as each alone: under their tokens, with one commit (N3, F36)."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from lockbay.events.kinds import Kind
from lockbay.events.models import Event
from notifications import sending
from notifications.acceptances import settle_accepted
from notifications.channels.base import Accepted
from notifications.fanout import fan_out
from notifications.ladder import open_next_channel
from notifications.models import Attempt, Delivery
from tests import cast
from tests.notifications.stories import PAID, has_email, lease_runs_out, the_delivery, told
from tests.telegrambot.crowd import crowd_of, happened_to

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def paid() -> Event:
    """A confirmed payment: one Telegram message for Bea, one for Sol; Bea has e-mail too."""
    trade = cast.a_paid_trade()
    has_email(cast.bea())
    return told(Kind.ESCROW_PAYMENT_CONFIRMED, trade, **PAID)


def marked() -> list[tuple[object, ...]]:
    """What the rows say of all that was tried, times and names of Telegram's apart."""
    tries = Attempt.objects.order_by("delivery_id", "number")
    return [
        (one.delivery_id, one.number, one.outcome, one.error, one.finished_at is not None, bool(one.provider_id))
        for one in tries
    ] + [
        (
            row.pk,
            row.state,
            row.is_uncertain,
            row.attempts,
            row.error,
            row.fallback_at,
            row.lease_token,
            row.lease_until,
        )
        for row in Delivery.objects.order_by("pk")
    ]


def test_they_say_the_same_as_each_alone(paid: Event) -> None:
    open_next_channel(the_delivery(paid, "buyer"))
    claimed = sending.claim("telegram", 10)
    assert len(claimed) == 2
    assert settle_accepted([(one, Accepted(f"tg-{one.delivery_id}")) for one in claimed]) == 2
    together = marked()
    assert [row.provider_id for row in Delivery.objects.filter(channel="telegram")] == [
        f"tg-{one.delivery_id}" for one in claimed
    ]
    spared = Delivery.objects.get(channel="email", audience="buyer")
    assert (spared.state, spared.error) == ("skipped", "told by telegram")

    Delivery.objects.filter(channel="email", audience="buyer").update(state="queued", error="")
    for one in claimed:
        held = {"state": "sending", "lease_token": one.token, "lease_until": one.delivery.lease_until, "sent_at": None}
        Delivery.objects.filter(pk=one.delivery_id).update(**held, provider_id="")
        Attempt.objects.filter(delivery=one.delivery_id).update(outcome="", finished_at=None, provider_id="")
    assert all(sending.settle(one, Accepted("tg")) for one in claimed)
    assert marked() == together


def test_a_stale_token_changes_nothing_and_holds_up_nobody(paid: Event) -> None:
    stale, held = sending.claim("telegram", 10)
    lease_runs_out(stale.delivery)
    again = next(one for one in sending.claim("telegram", 10) if one.delivery_id == stale.delivery_id)
    assert settle_accepted([(stale, Accepted("old")), (held, Accepted("tg"))]) == 1
    row = Delivery.objects.get(pk=stale.delivery_id)
    assert (row.state, row.provider_id, row.lease_token) == ("sending", "", again.token)
    assert Delivery.objects.get(pk=held.delivery_id).state == "sent"


def test_many_cost_the_statements_of_two() -> None:
    happened_to(crowd_of(12), Kind.DEPOSIT_CREDITED)
    fan_out()
    counted = []
    for number in (2, 10):
        claimed = sending.claim("telegram", number)
        with CaptureQueriesContext(connection) as captured:
            assert settle_accepted([(one, Accepted("tg")) for one in claimed]) == number
        counted.append(len(captured))
    assert counted[0] == counted[1]
