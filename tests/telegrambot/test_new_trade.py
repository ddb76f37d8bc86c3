"""Starting a trade: every wrong text is refused in words and the draft is kept; a restart loses nothing."""

import pytest

from escrows.models import Escrow
from telegrambot.models import Draft
from tests.telegrambot.house import data_of, labels_of, press_update, text_update
from tests.telegrambot.test_whole_trade import start_trade

pytestmark = pytest.mark.django_db(transaction=True)


def go_to_amount(house) -> None:
    house.people.start("bea")
    house.pump()
    house.presses("bea", "New trade")
    house.presses("bea", "I am selling")
    house.presses("bea", "A link will do")


WRONG_AMOUNTS = {
    "1e3": "could not read that as an amount",
    "NaN": "could not read that as an amount",
    "Infinity": "could not read that as an amount",
    "-5": "more than zero",
    "10.001": "Two digits after the point",
    "1,000": "without thousands separators",
    "1.000,50": "without thousands separators",
    "9" * 300: "far too long",
    "0": "from 2.00 USD to 500.00 USD",
    "1.99": "from 2.00 USD to 500.00 USD",
    "500.01": "from 2.00 USD to 500.00 USD",
    "ten": "could not read that as an amount",
    "<b>5</b>": "could not read that as an amount",
    "0x10": "could not read that as an amount",
}
RIGHT_AMOUNTS = {
    "25": 2500,
    "12.5": 1250,
    "12,50": 1250,
    "٢٥": 2500,
    "２６": 2600,
    "$27": 2700,
    "28 usd": 2800,
    "2": 200,
    "500.00": 50000,
}


def test_a_wrong_amount_is_refused_with_what_is_expected(house):
    go_to_amount(house)
    for typed, expected in WRONG_AMOUNTS.items():
        answer = house.says("bea", typed)
        assert expected in answer["text"], typed
        assert any("Back" in label for label in labels_of(answer))
        assert Draft.objects.get().step == "amount"
    assert "What is it about" in house.says("bea", "25")["text"]


def test_a_right_amount_is_read_exactly(house):
    go_to_amount(house)
    for typed, minor in RIGHT_AMOUNTS.items():
        house.says("bea", typed)
        assert Draft.objects.get().data["price_minor"] == minor, typed
        house.presses("bea", "Back")


def test_every_other_step_refuses_wrong_text_and_keeps_the_draft(house):
    house.people.start("bea")
    house.pump()
    house.presses("bea", "New trade")
    assert "tap one of the buttons" in house.says("bea", "buyer")["text"]
    house.presses("bea", "I am buying")
    assert "no @username" in house.says("bea", "my good old friend")["text"]
    house.says("bea", "sol@example.org")
    house.says("bea", "30")
    assert "500 characters at most" in house.says("bea", "x" * 501)["text"]
    house.says("bea", "A <b>bold</b> & nice thing")
    for wrong in ("soon", "0", "169", "1.5", "-3"):
        answer = house.says("bea", wrong)
        assert "1 to 168" in answer["text"], answer["text"]
    review_before = house.says("bea", "٣٦")
    assert "Who pays" in review_before["text"]
    review = house.presses("bea", "Half and half")
    assert "A <b>bold</b> & nice thing" in review["text"]  # as typed: it was escaped
    assert "The buyer pays: 30.75 USD" in review["text"]
    assert "The seller gets: 29.25 USD" in review["text"]


def test_a_sticker_at_a_text_step_gets_a_kind_sentence(house):
    go_to_amount(house)
    sticker = {"file_id": "s", "file_unique_id": "u", "type": "regular", "width": 1, "height": 1}
    house.handle(text_update("bea", 900, sticker={**sticker, "is_animated": False, "is_video": False}))
    assert "only read words" in house.last("bea")["text"]
    assert Draft.objects.get().step == "amount"


def test_a_restart_loses_no_draft(house):
    go_to_amount(house)
    house.restart()
    assert "What is it about" in house.says("bea", "25")["text"]
    house.restart()
    assert "How much time" in house.says("bea", "A thing")["text"]


def test_cancel_works_at_every_step_and_text_then_falls_into_no_flow(house):
    go_to_amount(house)
    assert "Forgotten" in house.says("bea", "/cancel")["text"]
    assert not Draft.objects.exists()
    assert "not waiting for a text" in house.says("bea", "25")["text"]
    assert "nothing to stop" in house.says("bea", "/cancel")["text"]


def test_a_new_flow_replaces_the_old_one(house):
    go_to_amount(house)
    house.says("bea", "/settings")
    house.presses("bea", "Add an e-mail")
    assert "no e-mail address" in house.says("bea", "25")["text"]
    assert Draft.objects.get().flow == "email"


def test_other_commands_leave_the_draft_alone_and_the_menu_takes_it_up_again(house):
    go_to_amount(house)
    house.says("bea", "/wallet")
    house.says("bea", "/menu")
    assert "What is the price" in house.presses("bea", "Continue")["text"]


def test_back_asks_the_question_before_again(house):
    go_to_amount(house)
    house.says("bea", "25")
    assert "What is the price" in house.presses("bea", "Back")["text"]
    house.says("bea", "26")
    assert Draft.objects.get().data["price_minor"] == 2600


def test_a_text_that_is_delivered_again_is_no_second_answer(house):
    go_to_amount(house)
    house.people.send_text("bea", "25")
    (update,) = house.fetch()
    house.handle(update)
    house.handle(update)  # killed before it was marked
    draft = Draft.objects.get()
    assert draft.step == "description"
    assert "description" not in draft.data
    house.pump()


def test_the_create_button_delivered_again_makes_one_trade(house):
    start_trade(house)
    draft = Draft.objects.get()
    again = press_update("bea", 800, f"n_create!:{draft.request_key}::", house.last("bea"))
    for _copy in range(2):
        house.handle(again)
    assert Escrow.objects.count() == 1
    assert Escrow.objects.get().public_id in house.last("bea")["text"]


def test_killed_between_the_trade_and_its_mark_the_same_trade_is_shown(house, monkeypatch):
    """F44: the action committed, the draft was not finished, the update comes again."""

    class Killed(BaseException):
        pass

    def die(*_args, **_kwargs):
        raise Killed

    house.people.start("bea")
    house.pump()
    house.presses("bea", "New trade")
    house.presses("bea", "I am buying")
    house.presses("bea", "A link will do")
    house.says("bea", "25")
    house.says("bea", "A thing")
    house.presses("bea", "24 hours")
    review = house.presses("bea", "Half and half")
    house.people.press("bea", review["message_id"], data_of(review, "Create the trade"))
    with monkeypatch.context() as kill:
        kill.setattr("telegrambot.handlers.new_trade.finish_flow", die)
        with pytest.raises(Killed):
            house.handle(house.fetch()[0])
    assert Escrow.objects.count() == 1
    house.pump()
    assert Escrow.objects.count() == 1
    assert Escrow.objects.get().public_id in house.last("bea")["text"]


def test_an_old_drafts_buttons_do_not_answer_for_a_new_one(house):
    house.people.start("bea")
    house.pump()
    old = house.presses("bea", "New trade")
    old_key = Draft.objects.get().request_key
    house.says("bea", "/new")
    house.presses("bea", "I am buying", old)
    assert "something that is over" in house.toast()
    assert Draft.objects.get().step == "side"
    house.handle(press_update("bea", 901, f"drop:{old_key}::", house.last("bea")))
    assert Draft.objects.get().flow == "new"


def test_too_many_trades_a_day_are_refused_and_the_draft_is_kept(house, settings):
    settings.ESCROW_DAILY_LIMIT = 1
    start_trade(house)
    house.says("bea", "/new")
    house.presses("bea", "I am buying")
    house.presses("bea", "A link will do")
    house.says("bea", "25")
    house.says("bea", "A thing")
    house.presses("bea", "24 hours")
    house.presses("bea", "Half and half")
    house.presses("bea", "Create the trade")
    assert "that is the limit" in house.toast()
    assert Draft.objects.get().step == "review"
    assert Escrow.objects.count() == 1
