"""What a user owes is the balance of a loss account: kept beside the available account, collected by whatever comes in
next, proven, and in the way of every withdrawal (P7)."""

from collections.abc import Iterator

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from lockbay.events.models import Event
from lockbay.people.models import User
from tests.wallets.books import BANK, balance, deposit, operation, person, usd
from wallets import ledger
from wallets.accounts import HELD, AccountCode, user_account
from wallets.debts import debt_of, debtor_account, loss_account, require_no_debt, taking_legs
from wallets.errors import DebtOpen, InsufficientFunds
from wallets.models import Account, Operation
from wallets.money import Money
from wallets.proof import check_ledger
from wallets.queries import balance_of

pytestmark = pytest.mark.django_db


def post(*operations: ledger.NewOperation) -> list[Operation]:
    with transaction.atomic():
        return ledger.post(operations)


def wallet_of(user: User) -> AccountCode:
    return user_account(user.pk, "USD")


def takes(key: str, user: User, need: str, available: str) -> ledger.NewOperation:
    """Takes `need` back from somebody who has `available`."""
    legs = taking_legs(owner_id=user.pk, need=usd(need), available=usd(available))
    return operation(key, (BANK, usd(need)), *legs)


def brings(key: str, user: User, amount: str) -> ledger.NewOperation:
    return operation(key, (BANK, -usd(amount)), (wallet_of(user), usd(amount)))


@pytest.fixture(autouse=True)
def _the_books_hold_in_the_end() -> Iterator[None]:
    yield
    if not connection.needs_rollback:
        assert check_ledger(full=True).breaches == []


def test_what_is_taken_comes_from_the_wallet_first_and_the_rest_is_a_debt() -> None:
    bea = person()
    deposit(bea, "5.00")
    post(takes("back", bea, "12.00", "5.00"))
    assert balance(wallet_of(bea)) == usd("0.00")
    assert debt_of(bea.pk) == -balance_of(loss_account(bea.pk, "USD")) == usd("7.00")


def test_a_debt_of_somebody_who_never_had_an_account_opens_it() -> None:
    bea = person()
    post(takes("back", bea, "3.00", "0.00"))
    assert debt_of(bea.pk) == usd("3.00")
    assert balance(wallet_of(bea)) == usd("0.00")


def test_nothing_to_take_needs_no_legs() -> None:
    assert taking_legs(owner_id=1, need=usd("0.00"), available=usd("5.00")) == ()
    with pytest.raises(ValueError, match="-1"):
        taking_legs(owner_id=1, need=usd("-1.00"), available=usd("5.00"))


def test_only_a_users_loss_account_makes_a_debtor() -> None:
    assert debtor_account(loss_account(12, "USD")) == user_account(12, "USD")
    others = [
        AccountCode("losses", "USD"),
        AccountCode("losses", "USD", reference="user-x"),
        AccountCode("fees", "USD"),
    ]
    assert [debtor_account(code) for code in others] == [None, None, None]


def test_the_next_credit_pays_as_much_as_it_can() -> None:
    bea = person()
    post(takes("back", bea, "7.00", "0.00"))
    first, second = post(brings("one", bea, "4.00"))[0], post(brings("two", bea, "10.00"))[0]
    assert balance(wallet_of(bea)) == usd("7.00")
    assert debt_of(bea.pk) == usd("0.00")
    keys = [f"debt:user-{bea.pk}:USD:collect:{one.pk}" for one in (first, second)]
    assert list(Operation.objects.filter(kind="debt_collected").order_by("pk").values_list("key", flat=True)) == keys
    told = Event.objects.filter(kind="debt.collected").order_by("pk").values_list("data", flat=True)
    facts = [(one["user_id"], one["collected"], one["left"]) for one in told]
    assert facts == [(bea.pk, "4.00 USD", "3.00 USD"), (bea.pk, "3.00 USD", "")]


def test_money_that_only_passes_through_is_not_collected() -> None:
    bea = person()
    held = user_account(bea.pk, "USD", HELD)
    post(takes("back", bea, "7.00", "0.00"))
    post(brings("in", bea, "4.00"), operation("on", (wallet_of(bea), usd("-4.00")), (held, usd("4.00"))))
    assert debt_of(bea.pk) == usd("7.00")
    post(operation("returned", (held, usd("-4.00")), (wallet_of(bea), usd("4.00"))))
    assert (debt_of(bea.pk), balance(wallet_of(bea))) == (usd("3.00"), usd("0.00"))


def test_what_comes_in_after_the_loss_in_the_same_call_is_collected() -> None:
    bea = person()
    deposit(bea, "5.00")
    post(takes("back", bea, "8.00", "5.00"), brings("in", bea, "2.00"))
    assert (debt_of(bea.pk), balance(wallet_of(bea))) == (usd("1.00"), usd("0.00"))


def test_a_repeated_credit_collects_nothing_and_conflicts_with_nothing() -> None:
    bea, credit = person(), brings
    post(credit("salary", bea, "4.00"))
    post(takes("back", bea, "9.00", "4.00"))
    before = Operation.objects.count()
    post(credit("salary", bea, "4.00"))
    post(takes("back", bea, "9.00", "4.00"))
    assert Operation.objects.count() == before
    assert debt_of(bea.pk) == usd("5.00")


def test_a_credit_repeated_beside_a_new_one_collects_from_the_new_one_only() -> None:
    bea = person()
    post(takes("back", bea, "9.00", "0.00"))
    post(brings("old", bea, "2.00"))
    post(brings("old", bea, "2.00"), brings("new", bea, "3.00"))
    assert debt_of(bea.pk) == usd("4.00")


def test_a_debt_in_one_asset_is_not_collected_in_another() -> None:
    bea = person()
    post(takes("back", bea, "9.00", "0.00"))
    deposit(bea, "5.00", asset="NGN")
    assert debt_of(bea.pk) == usd("9.00")
    assert debt_of(bea.pk, "NGN") == Money(0, "NGN")


def test_many_debtors_pay_in_one_call_with_the_statements_of_one() -> None:
    debtors = [person(f"u{n}") for n in range(11)]
    post(*(takes(f"back:{n}", user, "5.00", "0.00") for n, user in enumerate(debtors)))
    post(brings("warm", debtors[0], "1.00"))

    def cost_of(prefix: str, users: list[User]) -> int:
        with transaction.atomic(), CaptureQueriesContext(connection) as queries:
            ledger.post([brings(f"{prefix}:{user.pk}", user, "1.00") for user in users])
        return len(queries)

    cost_of("each", debtors)  # from here on nothing has to be opened
    assert cost_of("one", debtors[:1]) == cost_of("ten", debtors[1:])


def test_a_debt_cannot_be_paid_twice() -> None:
    bea = person()
    post(takes("back", bea, "5.00", "0.00"))
    with pytest.raises(InsufficientFunds) as refused:
        post(operation("forgive", (BANK, usd("-6.00")), (loss_account(bea.pk, "USD"), usd("6.00"))))
    assert (refused.value.available, refused.value.wanted) == (500, 600)
    post(operation("forgiven", (BANK, usd("-5.00")), (loss_account(bea.pk, "USD"), usd("5.00"))))
    assert debt_of(bea.pk) == usd("0.00")


def test_whoever_owes_cannot_withdraw() -> None:
    bea = person()
    require_no_debt(bea.pk)
    post(takes("back", bea, "5.00", "0.00"))
    with pytest.raises(DebtOpen) as refused:
        require_no_debt(bea.pk)
    assert refused.value.debt == usd("5.00")
    post(brings("in", bea, "5.00"))
    require_no_debt(bea.pk)


def test_the_database_refuses_a_debt_below_zero_or_on_another_account() -> None:
    bea = person()
    deposit(bea, "5.00")
    post(operation("hold", (wallet_of(bea), usd("-1.00")), (user_account(bea.pk, "USD", HELD), usd("1.00"))))
    for code, owes in ((wallet_of(bea), -1), (user_account(bea.pk, "USD", HELD), 1)):
        with pytest.raises(IntegrityError), transaction.atomic():
            Account.objects.filter(code=str(code)).update(owes=owes)


@pytest.mark.parametrize("full", [True, False])
def test_the_proof_finds_a_debt_that_was_changed_by_hand(full: bool) -> None:
    bea, cleo = person(), person("cleo")
    post(takes("back", bea, "5.00", "0.00"))
    deposit(cleo, "1.00")
    for user, wrong, right in ((bea, 400, 500), (cleo, 1, 0)):
        account = Account.objects.filter(code=str(wallet_of(user)))
        account.update(owes=wrong)
        assert {breach["rule"] for breach in check_ledger(full=full).breaches} == {"debt_is_the_loss"}
        account.update(owes=right)


def test_staff_see_who_owes(admin_client: Client) -> None:
    bea, cleo = person(), person("cleo")
    deposit(cleo, "1.00")
    post(takes("back", bea, "5.00", "0.00"))
    page = admin_client.get("/admin/wallets/account/", {"debt": "open"}).content.decode()
    assert "5.00 USD" in page
    assert str(wallet_of(bea)) in page
    assert str(wallet_of(cleo)) not in page
