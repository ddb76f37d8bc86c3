"""N9: what people turned off is not sent there; money and security find a way even so."""

import pytest

from lockbay.events.kinds import Kind
from lockbay.people.models import User
from notifications import sending
from notifications.actions.set_preference import set_preference
from notifications.channels.base import AddressDead
from notifications.errors import WouldBeSilent
from notifications.models import Attempt, Category, Delivery, Muted
from tests import cast
from tests.at_once import at_once
from tests.notifications.stories import PAID, has_email, lines_of, the_delivery, told

pytestmark = pytest.mark.django_db(transaction=True)


def turn_off(user: User, category: Category, channel: str) -> None:
    set_preference(actor=user, category=category, channel=channel, is_on=False)


def buyers(lines: set[tuple[str, str, str]]) -> set[str]:
    return {channel for audience, channel, _template in lines if audience == "buyer"}


def test_a_message_goes_by_the_channel_that_is_on() -> None:
    has_email(cast.bea())
    turn_off(cast.bea(), Category.PAYMENT, "telegram")
    event = told(Kind.ESCROW_PAYMENT_CONFIRMED, cast.a_paid_trade(), **PAID)
    assert buyers(lines_of(event)) == {"email"}
    assert the_delivery(event, "buyer", "email").fallback_at is None


def test_what_is_off_everywhere_is_skipped_and_said_so() -> None:
    turn_off(cast.sol(), Category.REMINDER, "telegram")
    near = {"deadline": "acceptance", "deadline_at": "2026-01-01T00:00:00+00:00", "lead_minutes": 30}
    event = told(Kind.ESCROW_DEADLINE_NEAR, cast.a_paid_trade(), **near)
    row = the_delivery(event, "seller")
    assert (row.state, row.error, row.attempts) == ("skipped", "turned off by the person", 0)


@pytest.mark.parametrize("category", [Category.PAYMENT, Category.SECURITY])
def test_the_last_channel_for_money_and_security_cannot_be_turned_off(category: Category) -> None:
    has_email(cast.bea())
    turn_off(cast.bea(), category, "email")
    with pytest.raises(WouldBeSilent):
        turn_off(cast.bea(), category, "telegram")
    assert Muted.objects.count() == 1


def test_two_presses_at_once_do_not_turn_off_the_last_two() -> None:
    has_email(cast.bea())

    def press(channel: str) -> bool:
        try:
            turn_off(cast.bea(), Category.PAYMENT, channel)
        except WouldBeSilent:
            return False
        return True

    assert sorted(at_once(press, ["telegram", "email"])) == [False, True]


def test_a_channel_that_is_off_is_the_last_resort_for_money_and_never_for_the_rest() -> None:
    has_email(cast.bea())
    for category in (Category.PAYMENT, Category.TRADE):
        turn_off(cast.bea(), category, "email")
    trade = cast.a_paid_trade()
    paid = told(Kind.ESCROW_PAYMENT_CONFIRMED, trade, **PAID)
    for claimed in sending.claim("telegram", 10):
        sending.settle(claimed, AddressDead("Forbidden: user is deactivated"))
    assert the_delivery(paid, "buyer", "email").state == "queued"
    User.objects.update(blocked_bot_at=None)
    Attempt.objects.all().delete()
    accepted = told(Kind.ESCROW_ACCEPTED, trade)
    for claimed in sending.claim("telegram", 10):
        sending.settle(claimed, AddressDead("Forbidden: user is deactivated"))
    assert not Delivery.objects.filter(event=accepted, channel="email").exists()


def test_turned_on_again_it_comes_again() -> None:
    has_email(cast.bea())
    turn_off(cast.bea(), Category.PAYMENT, "telegram")
    set_preference(actor=cast.bea(), category=Category.PAYMENT, channel="telegram", is_on=True)
    event = told(Kind.ESCROW_PAYMENT_CONFIRMED, cast.a_paid_trade(), **PAID)
    assert buyers(lines_of(event)) == {"telegram"}
