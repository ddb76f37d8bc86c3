"""Every money button: the preview first, one effect however often it is pressed, the second click answered."""

import pytest

from escrows.actions.release import release_escrow
from escrows.preview import release_preview
from tests import cast
from tests.telegrambot.house import data_of, labels_of, press_update
from wallets.models import Operation
from wallets.proof import check_ledger

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def acting(house):
    """The house with Bea and Sol of the cast at the phones; the books are proven afterwards."""
    house.play_cast()
    yield house
    assert check_ledger(full=True).breaches == []


def pressed_twice(house, person: str, label: str) -> None:
    """Two presses of one button arrive, then the first of them once more, as after a kill."""
    message = house.last(person)
    data = data_of(message, label)
    for _click in range(2):
        house.people.press(person, message["message_id"], data)
    batch = house.fetch()
    house.pump()
    house.handle(batch[0])


def test_releasing_shows_who_gets_what_twice_and_pays_once(acting):
    escrow = cast.a_delivered_trade(price="20.00", fee_payer="seller")
    acting.opens_trade("bea", escrow)
    first = acting.presses("bea", "Release 19.00 USD")
    assert "Sol: +19.00 USD" in first["text"]
    assert "LockBay's fee: +1.00 USD" in first["text"]
    second = acting.presses("bea", "I have everything")
    assert "Sol: +19.00 USD" in second["text"]
    pressed_twice(acting, "bea", "Release 19.00 USD now")
    assert Operation.objects.filter(kind="escrow_release").count() == 1
    assert str(cast.wallet_of(cast.sol())) == "19.00 USD"
    assert "completed" in acting.last("bea")["text"]
    told = [m["text"] for m in acting.people.messages("sol") if m["from_bot"] and "You got 19.00 USD" in m["text"]]
    assert len(told) == 1


def test_a_release_whose_preview_has_changed_is_refused(acting):
    escrow = cast.a_delivered_trade()
    acting.opens_trade("bea", escrow)
    acting.handle(press_update("bea", 900, f"rel!:{escrow.public_id}:0123456789ab:", acting.last("bea")))
    escrow.refresh_from_db()
    assert escrow.status == "delivered"
    assert "delivered" in acting.last("bea")["text"]


def test_a_release_can_be_taken_back_while_its_window_is_open(acting, settings):
    from datetime import timedelta

    settings.RELEASE_UNDO_WINDOW = timedelta(seconds=60)
    escrow = cast.a_delivered_trade()
    release_escrow(actor=cast.bea(), escrow_id=escrow.pk, digest=release_preview(escrow).digest)
    acting.opens_trade("bea", escrow)
    pressed_twice(acting, "bea", "Take the release back")
    escrow.refresh_from_db()
    assert escrow.release_due_at is None
    assert escrow.status == "delivered"


def test_paying_from_the_wallet_shows_it_first_and_takes_it_once(acting):
    escrow = cast.an_agreement(price="20.00")
    cast.give(cast.bea(), "30.00")
    acting.opens_trade("bea", escrow)
    acting.presses("bea", "Pay 21.00 USD")
    asked = acting.presses("bea", "from my wallet")
    assert "your wallet: -21.00 USD" in asked["text"]
    assert "Left in your wallet: 9.00 USD" in asked["text"]
    pressed_twice(acting, "bea", "Yes, pay 21.00 USD")
    assert str(cast.wallet_of(cast.bea())) == "9.00 USD"
    assert str(cast.held_by(escrow)) == "21.00 USD"
    assert any("Accept, get 20.00 USD" in label for label in labels_of(acting.last("sol")))


def test_a_wallet_that_is_too_small_is_refused_in_words(acting):
    escrow = cast.an_agreement(price="20.00")
    cast.give(cast.bea(), "5.00")
    acting.opens_trade("bea", escrow)
    acting.handle(press_update("bea", 900, f"payw?:{escrow.public_id}::", acting.last("bea")))
    assert acting.people.messages("bea")[-1]["from_bot"]
    assert str(cast.wallet_of(cast.bea())) == "5.00 USD"
    choice = acting.presses("bea", "Pay 21.00 USD")
    assert "Your wallet holds 5.00 USD: not enough" in choice["text"]
    assert not any("from my wallet" in label for label in labels_of(choice))


def test_accepting_and_delivering_twice_does_it_once(acting):
    escrow = cast.a_paid_trade()
    acting.opens_trade("sol", escrow)
    pressed_twice(acting, "sol", "Accept")
    escrow.refresh_from_db()
    assert escrow.status == "active"
    acting.opens_trade("sol", escrow)
    acting.presses("sol", "I have delivered")
    pressed_twice(acting, "sol", "Yes, all is delivered")
    escrow.refresh_from_db()
    assert escrow.status == "delivered"


def test_declining_asks_first_and_gives_everything_back_once(acting):
    escrow = cast.a_paid_trade(price="20.00")
    acting.opens_trade("sol", escrow)
    assert "gets everything back" in acting.presses("sol", "Decline")["text"]
    pressed_twice(acting, "sol", "Yes, decline")
    assert str(cast.wallet_of(cast.bea())) == "21.00 USD"


def test_cancelling_shows_what_comes_back_and_gives_it_back_once(acting):
    escrow = cast.a_paid_trade(price="20.00")
    acting.opens_trade("bea", escrow)
    asked = acting.presses("bea", "Cancel the trade")
    assert "your wallet: +21.00 USD" in asked["text"]
    pressed_twice(acting, "bea", "Yes, cancel it")
    assert str(cast.wallet_of(cast.bea())) == "21.00 USD"
    assert "refunded" in acting.last("bea")["text"]


def test_an_unpaid_trade_is_cancelled_without_moving_money(acting):
    escrow = cast.an_agreement()
    acting.opens_trade("sol", escrow)
    assert "no money moves" in acting.presses("sol", "Cancel the trade")["text"]
    acting.presses("sol", "Yes, cancel it")
    escrow.refresh_from_db()
    assert escrow.status == "cancelled"
    assert not Operation.objects.exists()


def test_refreshing_an_unchanged_screen_is_no_error(acting):
    escrow = cast.a_paid_trade()
    acting.opens_trade("sol", escrow)
    screen = acting.last("sol")
    acting.presses("sol", "Refresh", screen)
    acting.presses("sol", "Refresh", screen)
    assert "Up to date" in acting.toast()
    assert acting.last("sol")["message_id"] == screen["message_id"]


def test_a_trade_can_be_joined_by_its_link_once_and_not_by_its_maker(acting):
    from escrows.actions.invite import make_invite

    escrow = cast.an_offer()
    token = make_invite(actor=cast.bea(), escrow_id=escrow.pk)
    assert "your own trade" in acting.opens("bea", f"start=inv_{token}")["text"]
    assert "Welcome to the trade" in acting.opens("sol", f"start=inv_{token}")["text"]
    assert "Welcome to the trade" in acting.opens("sol", f"start=inv_{token}")["text"]
    acting.people.add_person("eve", first_name="Eve", username="eve_looks")
    assert "already used" in acting.opens("eve", f"start=inv_{token}")["text"]
    assert "does not work" in acting.opens("eve", "start=inv_nonsense")["text"]
