"""Each side sees how and when the other was told, and its own time starts with the message about it (N8)."""

import pytest

from lockbay.people.models import User
from notifications.models import Delivery, DeliveryState
from tests import cast
from tests.escrows.actions.test_start_deadline import an_untold_delivery, an_untold_offer
from tests.telegrambot.hand import Hand

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def acting(house):
    house.play_cast()
    return house


def screen_of(person: User, public_id: str) -> str:
    """The trade as somebody sees it, without anything being sent meanwhile."""
    return Hand(User.objects.get(pk=person.pk)).says(public_id)


def test_the_buyer_sees_that_the_seller_is_told_and_then_that_he_looked(acting):
    trade = an_untold_offer()
    before = screen_of(cast.bea(), trade.public_id)
    assert "The time to accept starts when the seller is told." in before
    assert "Time left" not in before
    acting.pump()
    told = screen_of(cast.bea(), trade.public_id)
    assert "Offer: told on Telegram" in told
    assert "opened" not in told
    assert "Time left to accept" in told
    offer = next(message for message in acting.people.messages("sol") if "has paid: accept" in message["text"])
    assert "within 24 hours from this message" in offer["text"]
    acting.presses("sol", "Accept", offer)
    assert Delivery.objects.get(template="trade_offered").state == DeliveryState.OPENED
    assert ", opened " in screen_of(cast.bea(), trade.public_id)


def test_the_seller_sees_that_a_buyer_who_blocked_the_bot_is_not_told_and_no_time_runs(acting):
    trade = an_untold_delivery()
    acting.pump()
    Delivery.objects.filter(template="trade_delivered").update(state=DeliveryState.FAILED)
    type(trade).objects.filter(pk=trade.pk).update(inspection_ends_at=None)
    shown = screen_of(cast.sol(), trade.public_id)
    assert "Delivery: the buyer is not told yet" in shown
    assert "The time to look starts when the buyer is told" in shown
    assert "@" not in shown


def test_the_buyer_is_told_and_has_the_agreed_time_from_then(acting):
    trade = an_untold_delivery()
    acting.pump()
    trade.refresh_from_db()
    assert trade.inspection_ends_at is not None
    message = next(one for one in acting.people.messages("bea") if "says it is delivered" in one["text"])
    assert "within 72 hours from this message" in message["text"]
