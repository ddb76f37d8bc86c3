"""Every button fits, resolves, and is checked again when pressed: forged, foreign, stale and old ones are polite."""

import pytest

from escrows.models import Escrow
from escrows.states import Status
from telegrambot import keyboards
from telegrambot.callback_data import MOST_BYTES, Press, StaleButton, Verb, decode
from telegrambot.routing import BUTTONS, STEPS
from telegrambot.turn import Button
from tests import cast
from tests.telegrambot.house import press_update

LONGEST_SUBJECT = {"n_": "0123456789abcdef", "drop": "0123456789abcdef"}


def test_every_verb_has_a_flow():
    assert set(BUTTONS) == set(Verb)


def test_every_step_that_takes_a_text_belongs_to_a_flow_with_a_question():
    from telegrambot.handlers.drafts import _STEP_SCREENS

    assert {flow for flow, _step in STEPS} == set(_STEP_SCREENS)


@pytest.mark.parametrize("verb", list(Verb))
def test_the_longest_data_of_every_button_fits_and_reads_back(verb):
    subject = next((key for prefix, key in LONGEST_SUBJECT.items() if verb.startswith(prefix)), "ES092925ZDWS")
    carries_intent = verb in {Verb.PAY_SCREEN, Verb.PAY_HOW}
    extra = "x" * 24 if carries_intent else "provider.USDT.TRC20" if verb == Verb.PAY_METHOD else "99999999"
    digest = "0f3a9c41d2b7" if verb in {Verb.RELEASE, Verb.CANCEL, Verb.PAY_WALLET} else ""
    press = Press(verb, subject, digest, extra)
    assert len(press.encode().encode()) <= MOST_BYTES
    assert decode(press.encode()) == press


@pytest.mark.parametrize(
    "data",
    [
        "",
        "x",
        "menu",
        "menu:",
        "unknown:a::",
        "menu:::extra:more",
        "rel!:ES1;DROP:aa:",
        "rel!:ES:zz:",
        "ＭＥＮＵ:::",
        "a" * 64,
        "menu:::\n",
    ],
)
def test_data_that_we_would_not_write_is_stale(data):
    with pytest.raises(StaleButton):
        decode(data)


def test_a_part_that_does_not_fit_is_refused_when_it_is_written():
    for press in (Press(Verb.TRADE, "a:b"), Press(Verb.TRADE, "é"), Press(Verb.TRADE, extra="x" * 60)):
        with pytest.raises(ValueError):
            press.encode()


def _act_on(escrow: Escrow, verb: Verb, digest: str = "") -> str:
    return Press(verb, escrow.public_id, digest).encode()


@pytest.mark.django_db(transaction=True)
class TestPressed:
    def test_a_strangers_press_changes_nothing(self, house):
        escrow = cast.a_delivered_trade()
        house.people.start("bea")
        house.pump()
        before = Escrow.objects.values().get()
        for number, verb in enumerate(Verb, start=700):
            house.handle(press_update("bea", number, _act_on(escrow, verb, "0f3a9c41d2b7"), house.last("bea")))
        assert Escrow.objects.values().get() == before
        assert escrow.public_id not in str([message["html"] for message in house.people.messages("bea")])

    def test_a_forged_press_gets_a_polite_answer_and_the_menu(self, house):
        house.people.start("bea")
        house.pump()
        for number, data in enumerate(["", "forged", "rel!:ES0000000000:aa:", "zzz:::", "rel!:ES:::::"], start=700):
            house.handle(press_update("bea", number, data, house.last("bea")))
            assert "What would you like to do" in house.last("bea")["text"]

    def test_a_press_on_a_message_that_telegram_no_longer_shows_gets_a_fresh_one(self, house):
        house.people.start("bea")
        house.pump()
        count = len(house.people.messages("bea"))
        house.handle(press_update("bea", 700, "wallet:::"))
        assert len(house.people.messages("bea")) == count + 1
        assert "Your wallet" in house.last("bea")["text"]

    def test_a_press_on_a_deleted_message_gets_a_fresh_one(self, house):
        house.people.start("bea")
        house.pump()
        gone = {**house.last("bea"), "message_id": 4711}
        house.handle(press_update("bea", 700, "wallet:::", gone))
        assert "Your wallet" in house.last("bea")["text"]


@pytest.mark.django_db(transaction=True)
def test_a_notice_offers_the_next_act():
    escrow = cast.a_paid_trade()
    assert "accept" in _labels(keyboards.keyboard_for_notification("trade_offered", escrow, escrow.seller))
    assert "accept" not in _labels(keyboards.keyboard_for_notification("payment_confirmed", escrow, escrow.buyer))
    assert _labels(keyboards.keyboard_for_notification("deposit_credited", None, cast.bea())) == ["wallet", "menu"]


@pytest.mark.django_db(transaction=True)
def test_a_warning_lets_the_seller_decline_too():
    escrow = cast.a_paid_trade()
    labels = _labels(keyboards.keyboard_for_notification("deadline_near_seller", escrow, escrow.seller))
    assert labels == ["accept", "decline", "open_trade"]


@pytest.mark.django_db(transaction=True)
def test_a_buyer_who_paid_before_anybody_joined_gets_the_invite_button_with_the_receipt():
    escrow = cast.paid(cast.an_offer())
    labels = _labels(keyboards.keyboard_for_notification("payment_confirmed", escrow, escrow.buyer))
    assert labels == ["invite", "open_trade"]


@pytest.mark.django_db(transaction=True)
def test_a_buyer_of_an_overdue_delivery_gets_the_way_out_first():
    escrow = cast.an_active_trade()
    cast.set_back(escrow, "delivery_deadline")
    labels = _labels(keyboards.keyboard_for_notification("delivery_overdue_buyer", escrow, escrow.buyer))
    assert labels == ["cancel_trade", "release_early", "open_trade"]


@pytest.mark.django_db(transaction=True)
def test_a_question_that_the_trade_no_longer_allows_is_not_asked(house):
    escrow = cast.a_trade_in(Status.REFUNDED)
    house.play_cast()
    for number, verb in enumerate((Verb.DELIVERED_ASK, Verb.DECLINE_ASK), start=700):
        house.handle(press_update("sol", number, _act_on(escrow, verb), house.last("sol")))
        assert "refunded" in house.last("sol")["text"]
        assert "?" not in house.last("sol")["text"]


def _labels(keyboard: tuple[tuple[Button, ...], ...]) -> list[str]:
    return [button.label for row in keyboard for button in row]
