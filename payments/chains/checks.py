"""Judging a transaction against what was expected: seven checks, each a named result (P8). Pure.

A check that cannot be made yet (its transfer is missing) fails with the reason of the one before it. `age` and `amount`
gate automatic acceptance only; real money that fails them is somebody's all the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from payments.chains.base import Sighting, Transfer

NAMES = ("succeeded", "recipient", "token", "hash_unused", "age", "amount", "confirmations")
OLDEST = timedelta(minutes=20)
CLOCK_SLACK = timedelta(minutes=2)  # a block carries its maker's clock, in whole seconds; it may run behind ours
AMOUNT_MARGIN = Decimal("0.50")  # USD


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a payment should look like. `address` is normalised; `expected_usd` and `usd_per_coin` are exact.

    `is_hash_unused` is what the unique constraint says; `intent_made_at` and `pasted_at` (when we first heard of the
    transaction) are moments in UTC. Waiting for confirmations never counts as age.
    """

    address: str
    asset: str
    expected_usd: Decimal
    usd_per_coin: Decimal
    is_hash_unused: bool
    intent_made_at: datetime
    pasted_at: datetime
    confirmations_needed: int


@dataclass(frozen=True, slots=True)
class Result:
    """One check by its name; `detail` is a short code or number for staff."""

    name: str
    passed: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """All results in the order of NAMES. `transfer` is the one that counts; None when nothing of ours is in there."""

    results: tuple[Result, ...]
    transfer: Transfer | None

    @property
    def failed(self) -> tuple[str, ...]:
        """Names of the checks that failed."""
        return tuple(result.name for result in self.results if not result.passed)

    @property
    def is_ours(self) -> bool:
        """True when allow-listed money reached our address in a transaction that succeeded and was never used."""
        return not {"succeeded", "recipient", "token", "hash_unused"} & set(self.failed)

    @property
    def is_accepted(self) -> bool:
        """True when every check passed: it may be credited without anybody looking."""
        return not self.failed


def judge(transfers: Sequence[Transfer], expected: Expectation) -> Judgement:
    """Finds the transfer that was meant and checks it; an empty list fails everything that needs a transfer."""
    to_us = [transfer for transfer in transfers if transfer.recipient == expected.address]
    in_asset = [transfer for transfer in to_us if transfer.asset == expected.asset]
    chosen = next(iter(in_asset or to_us or transfers), None)
    counted = in_asset[0] if in_asset else None
    results = (
        _check_success(transfers),
        Result("recipient", bool(to_us), "ours" if to_us else "not_ours"),
        _check_token(to_us, in_asset),
        Result("hash_unused", expected.is_hash_unused, "new" if expected.is_hash_unused else "used_before"),
        _check_age(chosen, expected),
        _check_amount(counted, expected),
        _check_confirmations(chosen, expected),
    )
    return Judgement(results, counted)


def coins_of(transfer: Transfer | Sighting) -> Decimal:
    """The amount in coins, by the allow-list's digits; exact for amounts of any length, which scaleb() would round."""
    return Decimal(f"{transfer.raw_amount}e-{transfer.raw_digits}")


def _check_success(transfers: Sequence[Transfer]) -> Result:
    if not transfers:
        return Result("succeeded", False, "moved_nothing")
    succeeded = all(transfer.succeeded for transfer in transfers)
    return Result("succeeded", succeeded, "ok" if succeeded else "failed_on_chain")


def _check_token(to_us: Sequence[Transfer], in_asset: Sequence[Transfer]) -> Result:
    if in_asset:
        return Result("token", True, in_asset[0].contract or in_asset[0].asset)
    if not to_us:
        return Result("token", False, "not_ours")
    return Result("token", False, f"{to_us[0].asset or 'not_listed'} {to_us[0].contract}".strip())


def _check_age(transfer: Transfer | None, expected: Expectation) -> Result:
    if transfer is None:
        return Result("age", False, "no_transfer")
    if transfer.block_time is None:
        return Result("age", True, "in_no_block_yet")
    if transfer.block_time < expected.intent_made_at - CLOCK_SLACK:
        return Result("age", False, "before_the_intent")
    age = expected.pasted_at - transfer.block_time
    return Result("age", age <= OLDEST, f"{age // timedelta(seconds=1)} s")


def _check_amount(transfer: Transfer | None, expected: Expectation) -> Result:
    if transfer is None:
        return Result("amount", False, "no_transfer")
    difference = coins_of(transfer) * expected.usd_per_coin - expected.expected_usd
    return Result("amount", abs(difference) <= AMOUNT_MARGIN, f"{difference:+.2f} USD")


def _check_confirmations(transfer: Transfer | None, expected: Expectation) -> Result:
    if transfer is None:
        return Result("confirmations", False, "no_transfer")
    is_enough = transfer.is_final and transfer.confirmations >= expected.confirmations_needed
    return Result("confirmations", is_enough, f"{transfer.confirmations} of {expected.confirmations_needed}")
