"""Starting a trade (E1, E3, F44)."""

from threading import Thread

import pytest
from django.db import connection

from escrows import identifiers, opening
from escrows.errors import AmountOutOfRange, HoursOutOfRange, TextMissing, TextTooLong, TooManyToday
from escrows.fees import Pricing
from escrows.models import Escrow, Side
from escrows.states import Status
from lockbay.events import recording
from lockbay.events.models import Event
from tests.cast import an_offer, bea, later, sol, usd
from wallets.errors import IdempotencyConflict

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(("side", "other"), [("buyer", "seller"), ("seller", "buyer")])
def test_either_side_may_start(side: str, other: str) -> None:
    escrow = an_offer(side=side)
    assert (escrow.status, escrow.started_by, escrow.version) == (Status.CREATED, side, 1)
    assert getattr(escrow, side) == (bea() if side == Side.BUYER else sol())
    assert getattr(escrow, other) is None
    assert Pricing.of(escrow).buyer_total == usd("21.00")
    assert Event.objects.get(subject_id=escrow.pk).data["public_id"] == escrow.public_id


@pytest.mark.parametrize("price", ["2.00", "500.00"])
def test_the_limits_of_the_amount_are_included(price: str) -> None:
    assert an_offer(price=price).price == usd(price)


@pytest.mark.parametrize("price", ["0.00", "1.99", "500.01", "9999999999.00"])
def test_refuses_an_amount_outside_the_limits(price: str) -> None:
    with pytest.raises(AmountOutOfRange) as caught:
        an_offer(price=price)
    assert (caught.value.least, caught.value.most) == (usd("2.00"), usd("500.00"))
    assert not Escrow.objects.exists()


@pytest.mark.parametrize("hours", [1, 24, 168])
def test_takes_hours_up_to_a_week(hours: int) -> None:
    assert an_offer(hours=hours).delivery_hours == hours


@pytest.mark.parametrize("hours", [-1, 0, 169])
def test_refuses_other_hours(hours: int) -> None:
    with pytest.raises(HoursOutOfRange):
        an_offer(hours=hours)


def test_takes_500_characters_and_refuses_501_and_none() -> None:
    assert len(an_offer(description="ж" * 500).description) == 500
    with pytest.raises(TextTooLong):
        an_offer(description="x" * 501)
    for nothing in ("", "  \n ", "\x00"):
        with pytest.raises(TextMissing):
            an_offer(description=nothing)


def test_the_same_request_returns_the_first_trade() -> None:
    first = an_offer(request_key="draft:7")
    again = an_offer(request_key="draft:7", price="33.00")
    assert again.pk == first.pk
    assert Escrow.objects.count() == Event.objects.count() == 1


def test_the_same_request_of_another_person_is_a_conflict() -> None:
    an_offer(request_key="draft:7")
    with pytest.raises(IdempotencyConflict):
        an_offer(request_key="draft:7", side="seller")


def test_ten_a_day_and_not_one_more() -> None:
    for _ in range(10):
        an_offer()
    with pytest.raises(TooManyToday) as caught:
        an_offer()
    assert caught.value.limit == 10
    an_offer(side="seller")
    with later(hours=24, seconds=1):
        an_offer()


def test_parallel_starts_do_not_slip_past_the_limit() -> None:
    for _ in range(8):
        an_offer()
    refused: list[Exception] = []

    def start() -> None:
        try:
            an_offer()
        except TooManyToday as error:
            refused.append(error)
        finally:
            connection.close()

    threads = [Thread(target=start) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (Escrow.objects.count(), len(refused)) == (10, 3)


def test_an_id_that_is_taken_is_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = an_offer().public_id
    drawn = iter([taken, taken, "ES112226FREE"])
    monkeypatch.setattr(opening, "new_public_id", lambda now: next(drawn))
    assert an_offer().public_id == "ES112226FREE"


def test_ids_are_written_with_letters_and_digits_that_nobody_confuses() -> None:
    assert len(identifiers.ALPHABET) == 32
    assert not set("IO01") & set(identifiers.ALPHABET)
    escrow = an_offer()
    assert escrow.public_id[:8] == f"ES{escrow.created_at:%m%d%y}"
    assert len(escrow.public_id) == 12
    assert set(escrow.public_id[8:]) <= set(identifiers.ALPHABET)


def test_a_failing_last_step_undoes_all(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_events: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(recording, "_hooks", [fail])
    with pytest.raises(RuntimeError):
        an_offer()
    assert not Escrow.objects.exists()
    assert not Event.objects.exists()


def test_an_unknown_side_or_payer_is_a_bug_of_the_edge() -> None:
    with pytest.raises(ValueError):
        an_offer(fee_payer="nobody")
    with pytest.raises(ValueError):
        an_offer(side="both")
