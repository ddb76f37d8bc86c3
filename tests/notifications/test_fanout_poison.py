"""One event that cannot be fanned out holds up nobody else's message, and is not forgotten (N1)."""

from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from lockbay import clock
from lockbay.events.kinds import Kind
from notifications.fanout import fan_out
from notifications.health import check_fanout
from notifications.models import Delivery, PendingFanout
from notifications.routing import ROUTES
from tests import cast
from tests.notifications.stories import forget_the_past, happened

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_kind_that_only_a_newer_release_knows_waits_and_the_others_go_out(monkeypatch: pytest.MonkeyPatch) -> None:
    trade = cast.an_active_trade()
    forget_the_past()
    strange, known = happened(Kind.ESCROW_COMPLETED, trade), happened(Kind.ESCROW_ACCEPTED, trade)
    with capture_logs() as logs, monkeypatch.context() as older_release:
        older_release.delitem(ROUTES, Kind.ESCROW_COMPLETED)
        while fan_out():
            pass
    assert list(Delivery.objects.values_list("event_id", flat=True)) == [known.pk]
    assert list(PendingFanout.objects.values_list("pk", flat=True)) == [strange.pk]
    assert [line["event_id"] for line in logs if line["event"] == "FANOUT_BROKE"] == [strange.pk]
    assert not check_fanout().ok
    assert fan_out() == 0  # the newer release is back; it rests a while
    PendingFanout.objects.update(broke_at=clock.real_now() - timedelta(minutes=11))
    assert fan_out() == 1
    assert Delivery.objects.filter(event=strange).exists()
    assert check_fanout().ok
