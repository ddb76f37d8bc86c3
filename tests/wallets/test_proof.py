"""The proof finds every kind of breach, names it, alerts and stops payouts (B8)."""

import threading

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection, transaction

from lockbay.events.models import Event
from tests.wallets.books import BANK, operation, person, usd
from wallets import ledger, proof
from wallets.accounts import CLEARING, platform_account, user_account
from wallets.models import Account, Checkpoint, Entry, LedgerCheck, Operation, PayoutStop
from wallets.proof import check_ledger, take_mark
from wallets.queries import balance_of

pytestmark = pytest.mark.django_db


def post(key: str, amount: str, name: str = "bea") -> Account:
    from lockbay.people.models import User

    owner = User.objects.filter(username=name).first() or person(name)
    wallet = user_account(owner.pk, "USD")
    with transaction.atomic():
        ledger.post([operation(key, (BANK, -usd(amount)), (wallet, usd(amount)))])
    return Account.objects.get(code=str(wallet))


def rules(*, full: bool = True) -> set[str]:
    return {breach["rule"] for breach in check_ledger(full=full).breaches}


def test_whole_books_are_green_and_move_the_checkpoints() -> None:
    account = post("a", "5.00")
    assert rules(full=False) == set()
    post("b", "2.00")
    assert rules(full=False) == set()
    checkpoint = Checkpoint.objects.get(account=account)
    assert (checkpoint.balance, checkpoint.up_to_entry) == (700, Entry.objects.latest("id").pk)


def test_a_platform_balance_is_its_checkpoint_plus_later_entries() -> None:
    post("a", "5.00")
    check_ledger(full=False)
    post("b", "2.00")
    assert balance_of(platform_account(CLEARING, "USD", "bank")) == usd("-7.00")


def test_an_incremental_proof_reads_only_what_is_new() -> None:
    post("a", "5.00")
    check_ledger(full=False)
    post("b", "2.00")
    assert check_ledger(full=False).entries_read == 2


@pytest.mark.parametrize("full", [True, False])
def test_finds_a_balance_that_was_changed_by_hand(full: bool) -> None:
    account = post("a", "5.00")
    Account.objects.filter(pk=account.pk).update(balance=900)
    assert "balance_is_last_entry" in rules(full=full)


@pytest.mark.parametrize("full", [True, False])
def test_finds_an_operation_without_entries(full: bool) -> None:
    post("a", "5.00")
    Operation.objects.create(kind="test", key="empty", digest="", posted_at="2026-01-01T00:00:00Z")
    assert "operation_has_entries" in rules(full=full)


def test_finds_entries_against_the_order_of_the_running_balance() -> None:
    account = post("a", "5.00")
    bank = Account.objects.get(kind=CLEARING)
    wrong = Operation.objects.create(kind="test", key="wrong", digest="", posted_at="2026-01-01T00:00:00Z")
    with transaction.atomic():
        Entry.objects.bulk_create(
            [
                Entry(operation=wrong, account=account, asset="USD", amount=100, balance_after=999),
                Entry(operation=wrong, account=bank, asset="USD", amount=-100),
            ]
        )
    assert {"balances_chain", "balance_is_last_entry"} <= rules()


def test_finds_an_entry_in_another_asset_than_its_account() -> None:
    account = post("a", "5.00")
    wrong = Operation.objects.create(kind="test", key="wrong", digest="", posted_at="2026-01-01T00:00:00Z")
    with transaction.atomic():
        Entry.objects.bulk_create(
            [
                Entry(operation=wrong, account=account, asset="NGN", amount=100, balance_after=600),
                Entry(operation=wrong, account=account, asset="NGN", amount=-100, balance_after=500),
            ]
        )
    assert rules() == {"entry_matches_account"}


def test_a_full_proof_finds_a_checkpoint_that_lies() -> None:
    account = post("a", "5.00")
    check_ledger(full=False)
    Checkpoint.objects.filter(account=account).update(balance=1)
    assert rules() == {"checkpoint_holds"}


def test_a_full_proof_that_a_younger_one_overtakes_takes_no_checkpoint_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both are due at the same minute once a day. A checkpoint behind the last green mark would be a false alarm."""
    account = post("a", "5.00")
    check_ledger(full=False)

    def overtake(full: bool) -> tuple[proof.Breach, ...]:
        if full:
            post("b", "2.00")
            assert check_ledger(full=False).is_green
        return ()

    monkeypatch.setitem(proof._rules, "overtake", overtake)
    assert check_ledger(full=True).is_green
    assert Checkpoint.objects.get(account=account).balance == 700
    post("c", "1.00")
    assert rules(full=False) == set()
    assert balance_of(BANK) == usd("-8.00")


def test_a_mark_that_cannot_be_taken_at_once_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    post("a", "5.00")
    plain, tries = proof._take_mark_once, []

    def take_at_the_third() -> int:
        tries.append(1)
        if len(tries) < 3:
            raise OperationalError("canceling statement due to lock timeout")
        return plain()

    monkeypatch.setattr(proof, "_take_mark_once", take_at_the_third)
    monkeypatch.setattr(proof, "_MARK_PAUSE_SECONDS", 0)
    assert take_mark() == Entry.objects.latest("id").pk
    tries.clear()
    monkeypatch.setattr(proof, "_MARK_TRIES", 1)
    with pytest.raises(OperationalError):
        take_mark()


def test_a_breach_is_recorded_and_stops_the_assets_payouts() -> None:
    account = post("a", "5.00")
    Account.objects.filter(pk=account.pk).update(balance=900)
    check = check_ledger(full=True)
    assert not check.is_green
    assert list(PayoutStop.objects.values_list("asset", flat=True)) == ["USD"]
    assert Event.objects.get(kind="ledger.breached").subject_id == check.pk


def test_a_red_run_does_not_move_the_mark() -> None:
    account = post("a", "5.00")
    Account.objects.filter(pk=account.pk).update(balance=900)
    check_ledger(full=False)
    assert "balance_is_last_entry" in rules(full=False)


def test_the_command_says_so_and_fails_on_a_breach(capsys: pytest.CaptureFixture[str]) -> None:
    account = post("a", "5.00")
    call_command("check_ledger", "--full")
    assert "The books hold: full proof, 2 entries" in capsys.readouterr().out
    Account.objects.filter(pk=account.pk).update(balance=900)
    with pytest.raises(CommandError, match="do not hold"):
        call_command("check_ledger", "--full")
    assert LedgerCheck.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_no_running_transaction_slips_an_entry_under_the_mark() -> None:
    """A writer has taken its ids and not committed; the mark waits for it (PostgreSQL) or cannot be taken beside it
    (SQLite)."""
    post("a", "5.00")
    has_written, may_commit = threading.Event(), threading.Event()

    def write_slowly() -> None:
        try:
            with transaction.atomic():
                ledger.post([operation("slow", (BANK, usd("-1.00")), (user_account(owner, "USD"), usd("1.00")))])
                has_written.set()
                may_commit.wait(10)
        finally:
            connection.close()

    owner = Account.objects.get(kind="available").owner_id
    assert owner is not None
    writer = threading.Thread(target=write_slowly)
    writer.start()
    assert has_written.wait(10)
    threading.Timer(0.3, may_commit.set).start()
    mark = take_mark()
    assert mark == Entry.objects.latest("id").pk
    assert Operation.objects.filter(key="slow").exists()
    writer.join()
