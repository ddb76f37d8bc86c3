"""Ten to fifty at once take 150.00 of 1,000.00: exactly six get it, on both databases, every time (B7).

The same by processes, through the front door: tests/withdrawals/test_concurrency.py."""

import pytest
from django.db import transaction

from lockbay.events.kinds import Kind
from lockbay.events.models import Event
from tests.at_once import at_once
from tests.wallets.books import BANK, balance, deposit, operation, person, usd
from wallets import ledger
from wallets.accounts import FEES, HELD, platform_account, user_account
from wallets.actions.reverse_operation import reverse_operation
from wallets.errors import InsufficientFunds
from wallets.models import Operation
from wallets.proof import check_ledger

pytestmark = pytest.mark.django_db(transaction=True)


def hold_once(user_id: int, key: str, amount: str) -> bool:
    """Moves available → held; False when the money does not suffice. Any other error is the test's."""
    available, held = user_account(user_id, "USD"), user_account(user_id, "USD", HELD)
    try:
        with transaction.atomic(durable=True):
            ledger.post([operation(key, (available, -usd(amount)), (held, usd(amount)))])
    except InsufficientFunds:
        return False
    return True


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_threads_take_exactly_what_is_there_a_hundred_times() -> None:
    for round_number in range(100):
        people = 10 + round_number * 40 // 99
        bea = person(f"bea{round_number}")
        wallet = deposit(bea, "1000.00")
        keys = [f"w:{round_number}:{n}" for n in range(people)]
        got = at_once(lambda key, owner=bea.pk: hold_once(owner, key, "150.00"), keys)
        assert (sum(got), balance(wallet)) == (6, usd("100.00"))
    assert check_ledger(full=True).breaches == []


def test_the_same_key_at_once_posts_once() -> None:
    bea = person("bea")
    wallet = deposit(bea, "100.00")

    assert all(at_once(lambda _: hold_once(bea.pk, "same", "10.00"), range(16)))
    assert balance(wallet) == usd("90.00")
    assert Operation.objects.filter(key="same").count() == 1


def test_transfers_in_all_directions_never_deadlock() -> None:
    people = [person(f"u{n}") for n in range(4)]
    for one in people:
        deposit(one, "100.00")
    fees = platform_account(FEES, "USD")

    def run(number: int) -> None:
        source, target = people[number % 4], people[(number * 3 + 1) % 4]
        if source == target:
            target = people[(number + 1) % 4]
        legs = (
            (user_account(target.pk, "USD"), usd("0.90")),
            (fees, usd("0.10")),
            (user_account(source.pk, "USD"), usd("-1.00")),
        )
        with transaction.atomic(durable=True):
            ledger.post([operation(f"t:{number}", *legs)])

    at_once(lambda worker: [run(number) for number in range(worker, 200, 8)], range(8))
    assert check_ledger(full=True).breaches == []
    assert Operation.objects.filter(key__startswith="t:").count() == 200


def test_accounts_opened_at_once_are_opened_once() -> None:
    bea = person("bea")
    wallet = user_account(bea.pk, "USD")

    def run(number: int) -> None:
        with transaction.atomic(durable=True):
            ledger.post([operation(f"in:{number}", (BANK, usd("-1.00")), (wallet, usd("1.00")))])

    at_once(run, range(30))
    assert balance(wallet) == usd("30.00")


def test_a_reversal_at_once_is_one_operation_and_one_fact() -> None:
    bea = person("bea")
    wallet = deposit(bea, "10.00")
    original = Operation.objects.get()
    posted = at_once(
        lambda _: reverse_operation(actor=None, operation_id=original.pk, reason="booked in error").pk, range(6)
    )
    assert len(set(posted)) == 1
    assert balance(wallet) == usd("0.00")
    assert Event.objects.filter(kind=Kind.OPERATION_REVERSED).count() == 1
