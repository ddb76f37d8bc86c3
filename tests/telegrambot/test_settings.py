"""The e-mail address: asked for, proved by a code, wrong codes refused; who the person is."""

import re

import pytest

from lockbay.people.models import Contact, User
from telegrambot.identity import known_language
from telegrambot.models import Draft
from tests.telegrambot.house import labels_of, text_update

pytestmark = pytest.mark.django_db(transaction=True)


def code_in(mailbox) -> str:
    return re.search(r"\b(\d{6,8})\b", mailbox[-1].body)[1]


def test_an_address_is_added_with_the_code_that_was_mailed(house, mailoutbox):
    from notifications.outbound import send_due

    house.people.start("bea")
    house.pump()
    house.presses("bea", "Settings")
    house.presses("bea", "Add an e-mail")
    assert "no e-mail address" in house.says("bea", "bea at example")["text"]
    assert "sent a code to bea@example.org" in house.says("bea", "bea@example.org")["text"]
    send_due()
    assert "not the code" in house.says("bea", "000000")["text"]
    done = house.says("bea", code_in(mailoutbox))
    shown = [m["text"] for m in house.people.messages("bea")[-3:]]
    assert any("bea@example.org is confirmed" in text for text in shown), (done["text"], shown)
    assert Contact.objects.get().verified_at is not None
    assert not Draft.objects.exists()


def test_names_follow_telegram(house):
    house.handle(text_update("bea", 1, "/start"))
    changed = text_update("bea", 2, "/menu")
    changed["message"]["from"].update(first_name="Beatrix\x00", username="new_name", language_code="en-GB")
    house.handle(changed)
    user = User.objects.get()
    assert (user.first_name, user.telegram_username, user.language) == ("Beatrix", "new_name", "en")
    assert not user.has_usable_password()


def test_an_unknown_language_falls_back():
    assert [known_language(code) for code in ("en", "en-GB", "xx", None, "")] == ["en"] * 5


def test_unknown_commands_stickers_and_small_talk_get_a_next_step(house):
    house.people.start("bea")
    house.pump()
    assert "do not know this command" in house.says("bea", "/fly")["text"]
    assert "not waiting for a text" in house.says("bea", "hello there")["text"]
    sticker = {"file_id": "s", "file_unique_id": "u", "type": "regular", "width": 1, "height": 1}
    house.handle(text_update("bea", 900, sticker={**sticker, "is_animated": False, "is_video": False}))
    answer = house.last("bea")
    assert "only understand words" in answer["text"]
    assert any("New trade" in label for label in labels_of(answer))


def test_every_published_command_answers(house):
    from telegrambot.commands import COMMANDS

    for command in COMMANDS:
        count = len(house.people.messages("bea"))
        house.says("bea", f"/{command.name}")
        assert len(house.people.messages("bea")) == count + 2, command.name


def test_a_group_is_not_served(house):
    update = text_update("bea", 5, "/start")
    update["message"]["chat"] = {"id": -100, "type": "group", "title": "g"}
    house.handle(update)
    assert not User.objects.exists()


def test_a_hostile_name_reaches_the_other_side_as_text(house):
    from tests import cast

    house.play_cast()
    User.objects.filter(pk=cast.bea().pk).update(first_name="<b>Bea</b>\u202e&")
    house.handle({**text_update("sol", 5, cast.an_agreement(description="<i>x</i>" + "y" * 480).public_id)})
    assert "<b>Bea</b>&" in house.last("sol")["text"]


def test_an_unexpected_error_ends_in_an_apology_with_a_reference(house, monkeypatch, settings):
    settings.TELEGRAM_UPDATE_MAX_ATTEMPTS = 2
    house.people.start("bea")
    house.pump()

    def break_down(*_args, **_kwargs):
        raise RuntimeError("a bug")

    monkeypatch.setattr("telegrambot.handlers.wallet.balances_of", break_down)
    answer = house.says("bea", "/wallet")
    assert "Sorry" in answer["text"]
    assert re.search(r"U-\d+", answer["text"])
    assert "a bug" not in answer["text"]
