"""Seven checks, each with a name; what is ours and fails only age or amount is still ours (P8, F24, F26)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from payments.chains.base import Transfer
from payments.chains.checks import NAMES, Expectation, Judgement, coins_of, judge

NOON = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
US, STRANGER = "0x" + "11" * 20, "0x" + "22" * 20
PAID = Transfer(
    chain="ethereum",
    txid="0x" + "ab" * 32,
    asset="USDT",
    contract="0x" + "cc" * 20,
    recipient=US,
    raw_amount=25_000_000,
    raw_digits=6,
    succeeded=True,
    block_number=100,
    block_hash="0x" + "ba" * 32,
    block_time=NOON,
    confirmations=20,
    is_final=True,
)
EXPECTED = Expectation(
    address=US,
    asset="USDT",
    expected_usd=Decimal("25.00"),
    usd_per_coin=Decimal(1),
    is_hash_unused=True,
    intent_made_at=NOON - timedelta(minutes=5),
    pasted_at=NOON + timedelta(minutes=1),
    confirmations_needed=20,
)


def judged(**changes: Any) -> Judgement:
    """The judgement of the good payment with these fields changed."""
    return judge([replace(PAID, **changes)], EXPECTED)


def test_a_good_payment_passes_every_check_by_name() -> None:
    judgement = judged()
    assert tuple(result.name for result in judgement.results) == NAMES
    assert (judgement.is_accepted, judgement.is_ours, judgement.transfer) == (True, True, PAID)


@pytest.mark.parametrize(
    ("changes", "failed"),
    [
        ({"succeeded": False}, {"succeeded"}),
        ({"recipient": STRANGER}, {"recipient", "token", "amount"}),
        ({"asset": "", "raw_digits": 0}, {"token", "amount"}),
        ({"asset": "USDC"}, {"token", "amount"}),
        ({"raw_amount": 25_500_001}, {"amount"}),
        ({"raw_amount": 24_499_999}, {"amount"}),
        ({"raw_digits": 18}, {"amount"}),
        ({"confirmations": 19, "is_final": False}, {"confirmations"}),
        ({"block_time": NOON - timedelta(minutes=7, seconds=1)}, {"age"}),
        ({"block_time": NOON - timedelta(minutes=7)}, set()),
    ],
)
def test_each_check_fails_by_its_name(changes: dict[str, Any], failed: set[str]) -> None:
    assert set(judged(**changes).failed) == failed


@pytest.mark.parametrize("raw_amount", [24_500_000, 25_500_000])
def test_half_a_dollar_either_way_is_accepted(raw_amount: int) -> None:
    assert judged(raw_amount=raw_amount).is_accepted


def test_a_hash_that_was_used_before_is_refused() -> None:
    judgement = judge([PAID], replace(EXPECTED, is_hash_unused=False))
    assert (judgement.failed, judgement.is_ours) == (("hash_unused",), False)


@pytest.mark.parametrize(("minutes", "is_young"), [(20, True), (21, False)])
def test_age_is_the_time_from_the_block_to_the_first_paste(minutes: int, is_young: bool) -> None:
    judgement = judge([PAID], replace(EXPECTED, pasted_at=NOON + timedelta(minutes=minutes)))
    assert ("age" not in judgement.failed) == is_young
    assert judgement.is_ours


@pytest.mark.parametrize("changes", [{"raw_amount": 1}, {"block_time": NOON - timedelta(days=1)}])
def test_real_money_of_the_wrong_amount_or_age_is_still_ours(changes: dict[str, Any]) -> None:
    judgement = judged(**changes)
    assert (judgement.is_ours, judgement.is_accepted) == (True, False)


def test_a_fake_token_beside_the_real_payment_changes_nothing() -> None:
    fake = replace(PAID, asset="", contract="0x" + "fa" * 20, raw_digits=0, raw_amount=10**30)
    poison = replace(fake, recipient=STRANGER)
    assert judge([poison, fake, PAID], EXPECTED).transfer == PAID


def test_a_payment_in_no_block_yet_waits_for_confirmations_alone() -> None:
    waiting = judged(block_number=None, block_hash="", block_time=None, confirmations=0, is_final=False)
    assert waiting.failed == ("confirmations",)


def test_a_transaction_that_moved_nothing_fails_everything_but_its_newness() -> None:
    assert set(judge([], EXPECTED).failed) == set(NAMES) - {"hash_unused"}


def test_the_longest_amount_there_is_loses_no_digit() -> None:
    amount = coins_of(replace(PAID, raw_amount=2**256 - 1, raw_digits=18))
    assert int("".join(str(amount).split("."))) == 2**256 - 1
