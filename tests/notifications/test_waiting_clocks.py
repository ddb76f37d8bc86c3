"""The sweep behind the clocks: many who cannot be told hide nobody who was, and cost no lock (N8)."""

import pytest

from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.models import Event
from notifications import told as telling
from notifications.models import Delivery, DeliveryState
from notifications.told import start_waiting_clocks
from tests import cast
from tests.escrows.actions.test_start_deadline import an_untold_delivery, an_untold_offer
from tests.notifications.stories import PAID, the_delivery, told

pytestmark = pytest.mark.django_db(transaction=True)


def test_one_who_was_told_is_found_behind_any_number_who_were_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telling, "_PAGE", 1)
    an_untold_offer(), an_untold_delivery()
    trade = an_untold_offer()
    message = the_delivery(told(Kind.ESCROW_PAYMENT_CONFIRMED, trade, **PAID), "seller")
    Delivery.objects.filter(pk=message.pk).update(state=DeliveryState.SENT, sent_at=clock.real_now())
    assert start_waiting_clocks() == 1
    trade.refresh_from_db()
    assert trade.accept_by is not None


def test_nobody_is_asked_about_before_the_limit_or_again_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    trade = an_untold_offer()
    asked: list[int] = []
    report = telling.report_untold

    def counted(*, actor: None, escrow_id: int) -> bool:
        asked.append(escrow_id)
        return report(actor=actor, escrow_id=escrow_id)

    monkeypatch.setattr(telling, "report_untold", counted)
    start_waiting_clocks()
    assert asked == []
    with cast.later(hours=25):
        start_waiting_clocks()
        start_waiting_clocks()
    assert asked == [trade.pk]
    assert Event.objects.filter(kind=Kind.ESCROW_PARTY_UNTOLD, subject_id=trade.pk).count() == 1
