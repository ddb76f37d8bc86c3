"""What the sources say becomes a price only when it deserves to (R5, F20)."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from payments.rates.errors import RateRefused
from payments.rates.judging import Claim, judge

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PAIR = ("BTC", "USD")


def claim(source, rate, *, age=timedelta()):
    return Claim(source, Decimal(rate), NOW - age)


def price(*claims, previous=None):
    return judge(PAIR, claims, previous=previous, now=NOW)


def refusal(*claims, previous=None):
    with pytest.raises(RateRefused) as caught:
        price(*claims, previous=previous)
    return caught.value.reason


def test_two_sources_that_agree_give_their_median():
    judged = price(claim("a", "100"), claim("b", "102", age=timedelta(minutes=3)))
    assert (judged.rate, judged.source, judged.note) == (Decimal(101), "a+b", "")
    assert judged.fetched_at == NOW - timedelta(minutes=3), "as old as the older of them"


def test_of_three_the_one_that_is_off_is_left_out():
    assert price(claim("a", "130"), claim("b", "100"), claim("c", "101")).source == "b+c"
    assert price(claim("a", "100"), claim("b", "101"), claim("c", "100.5")).rate == Decimal("100.5")


def test_sources_that_do_not_agree_leave_the_best_ranked_with_a_warning():
    judged = price(claim("a", "103"), claim("b", "100"))
    assert (judged.rate, judged.source, judged.note) == (Decimal(103), "a", "disputed")


def test_a_source_without_a_second_one_is_taken_with_a_note():
    assert price(claim("a", "103")).note == "one_source"
    assert price(claim("a", "103"), claim("b", "0")).note == "one_source"


@pytest.mark.parametrize(
    ("rates", "taken", "sources"),
    [
        (("100", "100.5", "101", "101.5"), "100.75", "a+b+c+d"),
        (("100", "100.5", "101", "120"), "100.5", "a+b+c"),
        (("120", "100", "100.5", "121"), "120.5", "a+d"),
        (("100", "90", "80", "101.9"), "100.95", "a+d"),
    ],
)
def test_of_four_those_that_agree_outvote_the_rest_and_of_two_camps_the_better_ranked_wins(rates, taken, sources):
    judged = price(*(claim(name, rate) for name, rate in zip("abcd", rates, strict=True)))
    assert (judged.rate, judged.source) == (Decimal(taken), sources)


def test_the_names_of_all_sources_fit_their_column():
    names = ("fastforex", "coingecko", "kraken", "cryptocompare")
    assert price(*(claim(name, "100") for name in names)).source == "+".join(sorted(names))


@pytest.mark.parametrize("rate", ["0", "-1", "NaN", "-Infinity", "Infinity", "sNaN"])
def test_what_is_not_positive_is_refused_and_a_good_neighbour_is_taken(rate):
    assert refusal(claim("a", rate)) == "not_positive"
    assert price(claim("a", rate), claim("b", "100")).source == "b"


@pytest.mark.parametrize("rate", ["1e-13", "1e16", "1e400"])
def test_what_no_coin_ever_cost_is_refused(rate):
    assert refusal(claim("a", rate)) == "out_of_range"


def test_a_stale_answer_is_refused():
    assert refusal(claim("a", "100", age=timedelta(hours=2, seconds=1))) == "stale"


def test_no_answer_at_all_is_named():
    assert refusal() == "no_answer"


@pytest.mark.parametrize(
    ("rate", "is_taken"), [("125", True), ("125.01", False), ("75", True), ("74.99", False), ("1000", False)]
)
def test_a_step_of_more_than_a_quarter_in_one_refresh_is_refused(rate, is_taken):
    previous = claim("a", "100", age=timedelta(minutes=3))
    if is_taken:
        assert price(claim("a", rate), previous=previous).rate == Decimal(rate)
    else:
        assert refusal(claim("a", rate), previous=previous) == "jump"


def test_two_sources_that_agree_may_not_jump_either_while_the_last_price_is_fresh():
    assert refusal(claim("a", "1000"), claim("b", "1001"), previous=claim("a", "100", age=timedelta(hours=1))) == "jump"


def test_a_source_that_jumps_leaves_the_one_that_does_not():
    judged = price(claim("a", "1000"), claim("b", "101"), previous=claim("a", "100"))
    assert (judged.source, judged.note) == ("b", "disputed")


def test_after_a_long_silence_one_source_may_not_jump_but_two_may():
    previous = claim("a", "100", age=timedelta(hours=9))
    assert refusal(claim("a", "140"), previous=previous) == "jump"
    assert price(claim("a", "140"), claim("b", "141"), previous=previous).rate == Decimal("140.5")
    assert price(claim("a", "110"), previous=previous).rate == Decimal(110)


def test_without_a_past_two_sources_that_are_worlds_apart_are_both_refused():
    assert refusal(claim("a", "1000"), claim("b", "100")) == "disagreement"


def test_the_text_of_a_price_fits_its_column():
    judged = price(claim("a", "0.1234567890123456789012345678901234567890"))
    assert len(format(judged.rate, "f")) <= 40
