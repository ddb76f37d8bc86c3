"""post(): balanced, idempotent, floored, all or nothing (B2-B6)."""

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from tests.wallets.books import BANK, balance, operation, person, usd
from wallets import ledger
from wallets.accounts import AVAILABLE, FEES, HELD, hold_account, platform_account, user_account
from wallets.errors import IdempotencyConflict, InsufficientFunds, PostedOutsideTransaction, UnbalancedOperation
from wallets.models import Account, Entry, Operation
from wallets.proof import check_ledger

pytestmark = pytest.mark.django_db


def post(*operations: ledger.NewOperation) -> list[Operation]:
    with transaction.atomic():
        return ledger.post(operations)


def test_moves_money_and_keeps_running_balances() -> None:
    bea = person()
    wallet = user_account(bea.pk, "USD")
    post(operation("in", (BANK, usd("-10.00")), (wallet, usd("10.00"))))
    post(operation("hold", (wallet, usd("-4.00")), (user_account(bea.pk, "USD", HELD), usd("4.00"))))
    assert balance(wallet) == usd("6.00")
    assert list(
        Entry.objects.filter(account__code=str(wallet)).order_by("id").values_list("balance_after", flat=True)
    ) == [1000, 600]


def test_the_same_key_returns_the_first_operation() -> None:
    bea = person()
    wallet = user_account(bea.pk, "USD")
    legs = ((BANK, usd("-10.00")), (wallet, usd("10.00")))
    first, again = post(operation("in", *legs))[0], post(operation("in", *reversed(legs)))[0]
    assert first.pk == again.pk
    assert balance(wallet) == usd("10.00")
    assert Entry.objects.count() == 2


def test_a_key_repeated_inside_the_list_posts_once() -> None:
    wallet = user_account(person().pk, "USD")
    twice = operation("in", (BANK, usd("-1.00")), (wallet, usd("1.00")))
    first, second = post(twice, twice)
    assert first.pk == second.pk
    assert balance(wallet) == usd("1.00")


def test_the_same_key_with_other_legs_is_a_conflict() -> None:
    wallet = user_account(person().pk, "USD")
    post(operation("in", (BANK, usd("-10.00")), (wallet, usd("10.00"))))
    with pytest.raises(IdempotencyConflict):
        post(operation("in", (BANK, usd("-11.00")), (wallet, usd("11.00"))))
    assert balance(wallet) == usd("10.00")


def test_refuses_to_break_a_floor_and_leaves_nothing() -> None:
    bea = person()
    wallet, held = user_account(bea.pk, "USD"), user_account(bea.pk, "USD", HELD)
    post(operation("in", (BANK, usd("-10.00")), (wallet, usd("10.00"))))
    with pytest.raises(InsufficientFunds) as refusal:
        post(
            operation("a", (wallet, usd("-6.00")), (held, usd("6.00"))),
            operation("b", (wallet, usd("-6.00")), (held, usd("6.00"))),
        )
    assert (refusal.value.available, refusal.value.wanted) == (400, 600)
    assert balance(wallet) == usd("10.00")
    assert set(Operation.objects.values_list("key", flat=True)) == {"in"}


def test_later_operations_of_a_list_may_use_what_earlier_ones_brought() -> None:
    bea = person()
    wallet, hold = user_account(bea.pk, "USD"), hold_account("ES010126AAAA", "USD")
    post(
        operation("in", (BANK, usd("-10.00")), (wallet, usd("10.00"))),
        operation("fund", (wallet, usd("-10.00")), (hold, usd("10.00"))),
    )
    assert (balance(wallet), balance(hold)) == (usd("0"), usd("10.00"))


def test_a_refused_caller_cannot_go_on_as_if_nothing_happened() -> None:
    wallet = user_account(person().pk, "USD")
    with transaction.atomic():
        with pytest.raises(InsufficientFunds):
            ledger.post([operation("out", (wallet, usd("-1.00")), (BANK, usd("1.00")))])
        with pytest.raises(transaction.TransactionManagementError):
            Operation.objects.count()
    assert not Operation.objects.exists()


@pytest.mark.parametrize(
    "legs",
    [
        (("user", "1.00"),),
        (("bank", "-1.00"), ("user", "2.00")),
        (("bank", "0"), ("user", "0")),
        (),
    ],
)
def test_refuses_what_does_not_balance(legs: tuple[tuple[str, str], ...]) -> None:
    accounts = {"user": user_account(person().pk, "USD"), "bank": BANK}
    with pytest.raises(UnbalancedOperation):
        post(operation("bad", *((accounts[name], usd(amount)) for name, amount in legs)))
    assert not Operation.objects.exists()


def test_refuses_an_amount_in_another_asset_than_its_account() -> None:
    wallet = user_account(person().pk, "NGN")
    with pytest.raises(UnbalancedOperation):
        post(operation("bad", (BANK, usd("-1.00")), (wallet, usd("1.00"))))


@pytest.mark.django_db(transaction=True)
def test_refuses_to_post_outside_a_transaction() -> None:
    with pytest.raises(PostedOutsideTransaction):
        ledger.post([operation("in", (BANK, usd("-1.00")), (BANK, usd("1.00")))])


def test_platform_accounts_keep_no_running_balance() -> None:
    wallet, fees = user_account(person().pk, "USD"), platform_account(FEES, "USD")
    post(operation("in", (BANK, usd("-5.00")), (wallet, usd("4.00")), (fees, usd("1.00"))))
    assert Account.objects.get(code=str(fees)).balance is None


def test_a_list_of_a_hundred_costs_the_round_trips_of_one() -> None:
    wallets = [user_account(person(f"u{n}").pk, "USD") for n in range(101)]
    post(*(operation(f"open:{n}", (BANK, usd("-9.00")), (wallet, usd("9.00"))) for n, wallet in enumerate(wallets)))

    def cost_of(prefix: str, numbers: range) -> int:
        with transaction.atomic(), CaptureQueriesContext(connection) as queries:
            ledger.post(
                [operation(f"{prefix}:{n}", (wallets[n], usd("-1.00")), (wallets[n + 1], usd("1.00"))) for n in numbers]
            )
        return len(queries)

    assert cost_of("one", range(1)) == cost_of("hundred", range(100)) == 4


def test_the_database_refuses_a_balance_below_zero() -> None:
    wallet = deposit_of_ten()
    with pytest.raises(IntegrityError), transaction.atomic():
        Account.objects.filter(code=str(wallet)).update(balance=-1)


@pytest.mark.parametrize("model", [Operation, Entry])
def test_the_database_refuses_to_change_or_delete_what_was_posted(model: type[Operation] | type[Entry]) -> None:
    deposit_of_ten()
    row = model.objects.order_by("pk").first()
    assert row is not None
    with pytest.raises(IntegrityError), transaction.atomic():
        model.objects.filter(pk=row.pk)._raw_delete(using="default")
    field = {"memo": "changed"} if model is Operation else {"amount": 5}
    with pytest.raises(IntegrityError), transaction.atomic():
        model.objects.filter(pk=row.pk).update(**field)


def test_an_unbalanced_operation_is_refused_by_postgresql_and_found_by_the_proof_on_sqlite() -> None:
    wallet = deposit_of_ten()
    account, first = Account.objects.get(code=str(wallet)), Operation.objects.get()
    orphan = Entry(operation=first, account=account, asset="USD", amount=1, balance_after=1001)
    if connection.vendor == "postgresql":
        with pytest.raises(IntegrityError), transaction.atomic():
            Entry.objects.bulk_create([orphan])
    else:
        Entry.objects.bulk_create([orphan])
        assert "operation_balances" in {breach["rule"] for breach in check_ledger(full=True).breaches}


def deposit_of_ten():  # type: ignore[no-untyped-def]
    wallet = user_account(person().pk, "USD", AVAILABLE)
    post(operation("in", (BANK, usd("-10.00")), (wallet, usd("10.00"))))
    return wallet
