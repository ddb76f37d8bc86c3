"""N9 in the bot: switches for each kind of message and each channel; the last one for money stays on."""

import pytest

from notifications.models import Muted
from tests.notifications.stories import has_email
from tests.telegrambot.house import labels_of

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_switch_is_turned_off_and_on_and_the_last_for_money_stays(house):
    house.people.start("bea")
    house.pump()
    has_email(house.user("bea"), "bea@example.org")
    house.presses("bea", "Settings")
    shown = house.presses("bea", "Which messages")
    assert "always keep one channel" in shown["text"]
    assert sum(label.startswith("✅") for label in labels_of(shown)) == 10
    shown = house.presses("bea", "✅ Trades · E-mail")
    assert "⬜ Trades · E-mail" in labels_of(shown)
    house.presses("bea", "✅ Money · Telegram")
    house.presses("bea", "✅ Money · E-mail")
    assert "need one channel that is on" in house.toast() + house.last("bea")["text"]
    assert set(Muted.objects.values_list("category", "channel")) == {("trade", "email"), ("payment", "telegram")}
