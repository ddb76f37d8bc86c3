"""What the owner does: asks, changes, cancels; saves and removes destinations (W1, W2, W7)."""

from dataclasses import replace
from datetime import timedelta

import pytest

from lockbay.events import recording
from lockbay.events.kinds import Kind
from lockbay.events.models import Event
from lockbay.people.models import User
from tests.cast import bea, give, later, sol, usd, wallet_of
from tests.withdrawals.actions.triple import LastStepFailed, Triple, _fail
from tests.withdrawals.debtors import owes
from tests.withdrawals.stories import S, a_destination, a_request, a_withdrawal_in, approved, kinds_of, sent, terms
from wallets.accounts import AFFILIATE, CREDIT, HELD
from wallets.actions.cancel_withdrawal import cancel_withdrawal
from wallets.actions.change_withdrawal import change_withdrawal
from wallets.actions.destinations import add_destination, remove_destination
from wallets.actions.request_withdrawal import request_withdrawal
from wallets.errors import (
    DebtOpen,
    DestinationCoolingOff,
    DestinationInUse,
    DestinationNotFound,
    IdempotencyConflict,
    InsufficientFunds,
    NothingArrives,
    TooManyWithdrawals,
    WithdrawalNotFound,
    WithdrawalOutOfRange,
)
from wallets.models import Destination, Operation, Withdrawal
from wallets.money import parse_money

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("books_green")]


class TestCancel(Triple):
    allowed = {S.PENDING_APPROVAL: S.CANCELLED}
    answered = frozenset({S.CANCELLED})

    def act(self, withdrawal: Withdrawal, actor: User | None = None) -> object:
        return cancel_withdrawal(actor=actor or bea(), withdrawal_id=withdrawal.pk)

    def test_all_of_it_comes_back(self) -> None:
        self.act(a_request())
        assert (wallet_of(bea()), wallet_of(bea(), HELD)) == (usd("50.00"), usd("0.00"))

    def test_somebody_elses_is_not_there(self) -> None:
        request = a_request()
        for stranger in (sol(), bea()):
            with pytest.raises(WithdrawalNotFound):
                cancel_withdrawal(actor=stranger, withdrawal_id=request.pk if stranger == sol() else 0)


class TestChange(Triple):
    allowed = {S.PENDING_APPROVAL: S.PENDING_APPROVAL}

    def act(self, withdrawal: Withdrawal, actor: User | None = None) -> object:
        target = Destination.objects.filter(fingerprint="sandbox:TOther").first()
        target = target or a_destination(bea(), address="TOther")
        return change_withdrawal(
            actor=actor or bea(), withdrawal_id=withdrawal.pk, destination_id=target.pk, terms=terms(fee="2.00")
        )

    def make_ready(self, withdrawal: Withdrawal) -> None:
        a_destination(bea(), address="TOther")

    def test_works_where_allowed_and_changes_nothing_elsewhere(self) -> None:
        a_destination(bea(), address="TOther")
        super().test_works_where_allowed_and_changes_nothing_elsewhere()

    def test_it_goes_elsewhere_under_a_new_revision_and_the_money_stays_held(self) -> None:
        request = a_request()
        self.act(request)
        request.refresh_from_db()
        assert (request.revision, request.details, request.fee) == (2, {"address": "TOther"}, usd("2.00"))
        assert wallet_of(bea(), HELD) == usd("50.00")
        assert kinds_of(request) == [Kind.WITHDRAWAL_REQUESTED, Kind.WITHDRAWAL_CHANGED]

    def test_a_destination_of_somebody_else_and_one_that_is_too_new_are_refused(self) -> None:
        request = a_request()
        other = a_destination(sol())
        with pytest.raises(DestinationNotFound):
            change_withdrawal(actor=bea(), withdrawal_id=request.pk, destination_id=other.pk, terms=terms())
        fresh = _a_fresh_destination()
        with pytest.raises(DestinationCoolingOff):
            change_withdrawal(actor=bea(), withdrawal_id=request.pk, destination_id=fresh.pk, terms=terms())


def test_asking_moves_the_amount_to_held_and_keeps_the_terms() -> None:
    give(bea(), "80.00")
    request = a_request("50.00", is_given=False)
    assert (wallet_of(bea()), wallet_of(bea(), HELD)) == (usd("30.00"), usd("50.00"))
    assert (request.net, request.payout, str(request.estimate)) == (usd("48.60"), None, "48.600000 USDT")
    assert request.public_id.startswith("WD")
    assert kinds_of(request) == [Kind.WITHDRAWAL_REQUESTED]
    assert Event.objects.get(kind=Kind.WITHDRAWAL_REQUESTED).data["needs_approval"] is True


def test_the_same_request_key_gets_the_first_request_and_nobody_elses() -> None:
    give(bea(), "200.00")
    first = a_request(is_given=False, request_key="update:7")
    assert a_request(is_given=False, request_key="update:7") == first
    assert wallet_of(bea()) == usd("150.00")
    with pytest.raises(IdempotencyConflict):
        a_request(owner=sol(), request_key="update:7")


def test_a_failing_last_step_of_asking_undoes_all(monkeypatch: pytest.MonkeyPatch) -> None:
    give(bea(), "50.00")
    target, operations = a_destination(bea()), Operation.objects.count()
    with monkeypatch.context() as patched:
        patched.setattr(recording, "_hooks", [_fail])
        with pytest.raises(LastStepFailed):
            a_request(is_given=False, destination=target)
    assert (wallet_of(bea()), Withdrawal.objects.count()) == (usd("50.00"), 0)
    assert Operation.objects.count() == operations


def test_more_than_there_is_is_refused_and_trading_credit_does_not_count() -> None:
    give(bea(), "49.99")
    give(bea(), "100.00", kind=CREDIT)
    with pytest.raises(InsufficientFunds):
        a_request(is_given=False)
    with pytest.raises(ValueError, match=CREDIT):
        a_request(is_given=False, account_kind=CREDIT)
    assert (wallet_of(bea()), Withdrawal.objects.count()) == (usd("49.99"), 0)


def test_affiliate_money_leaves_and_returns_by_its_own_account() -> None:
    request = a_request("20.00", account_kind=AFFILIATE)
    assert (wallet_of(bea(), AFFILIATE), wallet_of(bea(), HELD)) == (usd("0.00"), usd("20.00"))
    cancel_withdrawal(actor=bea(), withdrawal_id=request.pk)
    assert (wallet_of(bea(), AFFILIATE), wallet_of(bea())) == (usd("20.00"), usd("0.00"))


@pytest.mark.parametrize("amount", ["1.99", "500.01"])
def test_amounts_outside_the_limits_are_refused(amount: str) -> None:
    with pytest.raises(WithdrawalOutOfRange):
        a_request(amount)


@pytest.mark.parametrize("amount", ["2.00", "500.00"])
def test_both_limits_belong_to_the_range(amount: str) -> None:
    assert a_request(amount).status == S.PENDING_APPROVAL


def test_fees_that_take_everything_are_refused() -> None:
    swallowed = replace(terms(), fee=usd("1.60"), network_fee=usd("0.40"))
    with pytest.raises(NothingArrives):
        a_request("2.00", terms=swallowed)
    with pytest.raises(NothingArrives):
        a_request("2.00", terms=replace(swallowed, fee=usd("0.50"), estimate=parse_money("0", "USDT")))


def test_the_eleventh_request_of_a_day_is_refused_and_the_next_day_has_room() -> None:
    give(bea(), "100.00")
    target = a_destination(bea())
    for _ in range(10):
        a_request("3.00", is_given=False, destination=target)
    with pytest.raises(TooManyWithdrawals):
        a_request("3.00", is_given=False, destination=target)
    with later(hours=24, seconds=1):
        a_request("3.00", is_given=False, destination=target)


def test_a_new_destination_can_be_paid_after_a_day() -> None:
    give(bea(), "50.00")
    fresh = _a_fresh_destination()
    with pytest.raises(DestinationCoolingOff) as refused:
        a_request(is_given=False, destination=fresh)
    assert refused.value.until == fresh.usable_at == fresh.created_at + timedelta(hours=24)
    with later(hours=24, seconds=1):
        assert a_request(is_given=False, destination=fresh).status == S.PENDING_APPROVAL


def test_the_same_place_is_saved_once_and_again_after_it_was_removed() -> None:
    first = _a_fresh_destination()
    assert _a_fresh_destination() == first
    assert Event.objects.filter(kind=Kind.DESTINATION_ADDED).count() == 1
    remove_destination(actor=bea(), destination_id=first.pk)
    assert remove_destination(actor=bea(), destination_id=first.pk) == first
    assert _a_fresh_destination() != first
    assert Event.objects.filter(kind=Kind.DESTINATION_REMOVED).count() == 1


def test_a_removed_destination_a_strangers_and_one_that_never_was_are_all_not_found() -> None:
    gone, strangers = a_destination(bea()), a_destination(sol())
    remove_destination(actor=bea(), destination_id=gone.pk)
    for pk in (gone.pk, strangers.pk, 0):
        with pytest.raises(DestinationNotFound):
            request_withdrawal(
                actor=bea(), request_key=f"r:{pk}", destination_id=pk, amount=usd("50.00"), terms=terms()
            )
    with pytest.raises(DestinationNotFound):
        remove_destination(actor=bea(), destination_id=strangers.pk)


@pytest.mark.parametrize("build", [a_request, lambda: sent(approved(a_request()))])
def test_a_destination_that_money_is_going_to_is_not_removed(build: type) -> None:
    going = build()
    with pytest.raises(DestinationInUse):
        remove_destination(actor=bea(), destination_id=going.destination_id)


def test_a_destination_is_removed_when_all_has_arrived() -> None:
    done = a_withdrawal_in(S.COMPLETED)
    assert remove_destination(actor=bea(), destination_id=done.destination_id).removed_at is not None


def test_small_amounts_are_approved_by_the_system_when_the_setting_says_so(settings: object) -> None:
    settings.WITHDRAWAL_AUTO_APPROVE_USD = usd("50.00").decimal()  # type: ignore[attr-defined]
    request = a_request("50.00")
    assert (request.status, request.payout) == (S.PROCESSING, request.estimate)
    assert kinds_of(request) == [Kind.WITHDRAWAL_REQUESTED, Kind.WITHDRAWAL_APPROVED]
    assert request.approvals.count() == 0
    assert a_request("50.01", terms=terms("50.01")).status == S.PENDING_APPROVAL


def _a_fresh_destination() -> Destination:
    return add_destination(
        actor=bea(),
        rail="sandbox",
        payout_asset="USDT",
        network="TRC20",
        label="",
        details={"address": "TFresh"},
        fingerprint="sandbox:TFresh",
    )


def test_a_debt_blocks_asking_of_any_account() -> None:
    owes(bea(), "5.00")
    with pytest.raises(DebtOpen):
        a_request(account_kind=AFFILIATE)
    assert Withdrawal.objects.count() == 0
