"""The invitation link to LockBay: handed on, opened, counted (E19, T2)."""

from decimal import Decimal

import pytest

from escrows.affiliate_models import FirstStart
from tests.telegrambot.house import labels_of

pytestmark = pytest.mark.django_db(transaction=True)


def link_of(house, person: str) -> str:
    answer = house.says(person, "/refer")
    return next(part for part in answer["text"].split() if "start=ref_" in part)


def test_who_comes_by_the_link_is_counted_and_the_referrer_is_told(house):
    house.people.start("bea")
    house.pump()
    link = link_of(house, "bea")
    assert "Nobody has come by your link yet" in house.last("bea")["text"]
    welcome = house.opens("sol", link)
    assert "You came by somebody's invitation" in welcome["text"]
    assert FirstStart.objects.get(user=house.user("sol")).referrer == house.user("bea")
    house.pump()
    assert any("came to LockBay by your link" in m["text"] for m in house.people.messages("bea"))
    again = house.presses("bea", "Refresh", house.says("bea", "/refer"))
    assert "1 person came by your link" in again["text"]


def test_the_link_of_oneself_and_a_late_or_unknown_one_are_answered_kindly(house):
    house.people.start("bea")
    house.people.start("sol")
    house.pump()
    link = link_of(house, "bea")
    assert "your own invitation link" in house.opens("bea", link)["text"]
    assert "counts at the first visit only" in house.opens("sol", link)["text"]
    unknown = house.says("sol", "/start ref_NOSUCH22")
    assert "do not know this invitation link" in unknown["text"]
    assert any("New trade" in label for label in labels_of(unknown))
    assert not FirstStart.objects.filter(referrer__isnull=False).exists()


def test_when_the_programme_is_closed_it_says_so(house, settings):
    settings.AFFILIATE_PERCENT = Decimal(0)
    house.people.start("bea")
    house.pump()
    assert "closed at the moment" in house.says("bea", "/refer")["text"]
