"""What staff do: approve, reject, say what became of a payout, register addresses, stop payouts (W2-W4, W6, W7)."""

import pytest

from lockbay.events.kinds import Kind
from lockbay.events.models import Event
from lockbay.people.models import Contact, User
from tests.cast import bea, later, max_, olu, usd, wallet_of
from tests.withdrawals.actions.triple import Triple
from tests.withdrawals.debtors import owes
from tests.withdrawals.stories import (
    REASON,
    S,
    a_destination,
    a_request,
    a_withdrawal_in,
    ada,
    approved,
    held_for,
    kinds_of,
    sent,
    settled,
    snapshot_of,
    terms,
    third,
)
from wallets.accounts import AFFILIATE, CLEARING, FEES, FX, HELD, platform_account
from wallets.actions.change_withdrawal import change_withdrawal
from wallets.actions.destinations import register_destination
from wallets.actions.fail_withdrawal import fail_withdrawal
from wallets.actions.payout_stops import resume_payouts, stop_payouts
from wallets.actions.reject_withdrawal import reject_withdrawal
from wallets.actions.reverse_withdrawal import reverse_withdrawal
from wallets.actions.settle_withdrawal import settle_withdrawal
from wallets.errors import (
    DebtOpen,
    DecisionRefused,
    DestinationNotFound,
    PayoutsStopped,
    RevisionChanged,
    VelocityReached,
    WithdrawalNotFound,
    WrongWithdrawalStatus,
)
from wallets.models import PayoutStop, Withdrawal
from wallets.money import Money, parse_money
from wallets.queries import balance_of
from wallets.quoting import PayoutQuote

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("books_green")]


class TestApprove(Triple):
    allowed = {S.PENDING_APPROVAL: S.PROCESSING}
    # Olu approved these himself: a second click shows what became of it.
    answered = frozenset({S.AWAITING_REGISTRATION, S.PROCESSING, S.SENT, S.UNKNOWN, S.COMPLETED, S.REVERSED, S.FAILED})

    def act(self, withdrawal: Withdrawal, actor: User | None = None) -> object:
        return approved(withdrawal, actor)

    def test_status_and_posting_come_together_and_the_payout_is_fixed(self) -> None:
        request = a_request()
        payout = PayoutQuote(parse_money("48.5", "USDT"), "0.998", "kraken", request.requested_at)
        done = approved(request, payout=payout)
        assert (done.payout, done.rate, done.rate_source) == (payout.payout, "0.998", "kraken")
        assert done.processing_since == done.approved_at
        assert (wallet_of(bea(), HELD), held_for(done)) == (usd("0.00"), usd("50.00"))
        assert kinds_of(done) == [Kind.WITHDRAWAL_REQUESTED, Kind.WITHDRAWAL_APPROVED]

    @pytest.mark.parametrize("wrong", [Money(1, "BTC"), Money(0, "USDT")])
    def test_a_payout_that_does_not_fit_is_a_fault(self, wrong: Money) -> None:
        request = a_request()
        with pytest.raises(ValueError, match=request.public_id):
            approved(request, payout=PayoutQuote(wrong, "1", "test", request.requested_at))

    def test_a_payout_in_the_wallets_own_asset_is_exactly_what_is_left_of_it(self) -> None:
        request = a_request(destination=a_destination(bea(), asset="USD"))
        with pytest.raises(ValueError, match=r"48\.60"):
            approved(request, payout=PayoutQuote(usd("48.61"), "1", "test", request.requested_at))
        done = settled(approved(request))
        assert balance_of(platform_account(CLEARING, "USD", done.rail)) == usd("48.60")


class TestReject(Triple):
    allowed = {S.PENDING_APPROVAL: S.REJECTED}
    answered = frozenset({S.REJECTED})

    def act(self, withdrawal: Withdrawal, actor: User | None = None) -> object:
        return reject_withdrawal(actor=actor or olu(), withdrawal_id=withdrawal.pk, revision=1, reason="looks stolen")

    def test_all_of_it_comes_back_with_the_reason(self) -> None:
        request = a_request()
        self.act(request)
        request.refresh_from_db()
        assert (wallet_of(bea()), wallet_of(bea(), HELD)) == (usd("50.00"), usd("0.00"))
        assert request.reason == "looks stolen"
        facts = Event.objects.get(kind=Kind.WITHDRAWAL_REJECTED).data
        assert "looks stolen" not in str(facts)
        assert len(facts["reason_digest"]) == 64

    def test_who_approved_first_cannot_reject_but_another_can(self) -> None:
        request = a_request("300.00")
        approved(request)
        with pytest.raises(DecisionRefused, match="already_decided"):
            self.act(request)
        self.act(request, ada())
        with pytest.raises(DecisionRefused, match="already_decided"):
            approved(request, ada())


class TestSettleByTwo(Triple):
    allowed = {S.SENT: S.COMPLETED, S.UNKNOWN: S.COMPLETED}
    answered = frozenset({S.COMPLETED})

    def act(self, withdrawal: Withdrawal, actor: User | None = None) -> object:
        return settle_withdrawal(
            actor=actor or olu(), withdrawal_id=withdrawal.pk, provider_reference="P-9", reason="seen in the account"
        )

    def make_ready(self, withdrawal: Withdrawal) -> None:
        self.act(withdrawal, ada())

    def test_the_money_leaves_through_fees_and_the_rails_clearing(self) -> None:
        withdrawal = a_withdrawal_in(S.UNKNOWN)
        self.make_ready(withdrawal)
        self.act(withdrawal)
        withdrawal.refresh_from_db()
        assert (held_for(withdrawal), withdrawal.provider_reference) == (usd("0.00"), "P-9")
        assert balance_of(platform_account(FEES, "USD")) == usd("1.40")
        assert balance_of(platform_account(FX, "USD")) == usd("48.60")
        assert balance_of(platform_account(FX, "USDT")) == -parse_money("48.6", "USDT")
        assert balance_of(platform_account(CLEARING, "USDT", "sandbox")) == parse_money("48.6", "USDT")

    def test_one_person_alone_changes_nothing_however_often(self) -> None:
        withdrawal = a_withdrawal_in(S.UNKNOWN)
        for _ in range(2):
            self.act(withdrawal)
        withdrawal.refresh_from_db()
        assert (withdrawal.status, withdrawal.outcome_votes.count()) == (S.UNKNOWN, 1)

    def test_two_who_saw_different_things_decide_nothing_and_a_third_does(self) -> None:
        withdrawal = a_withdrawal_in(S.UNKNOWN)
        fail_withdrawal(actor=ada(), withdrawal_id=withdrawal.pk, reason="not there")
        self.act(withdrawal)
        with pytest.raises(DecisionRefused, match="already_decided"):
            self.act(withdrawal, ada())
        withdrawal.refresh_from_db()
        assert withdrawal.status == S.UNKNOWN
        self.act(withdrawal, third())
        withdrawal.refresh_from_db()
        assert withdrawal.status == S.COMPLETED

    def test_what_was_said_before_a_later_step_is_void(self) -> None:
        withdrawal = a_withdrawal_in(S.UNKNOWN)
        self.act(withdrawal, ada())
        sent(withdrawal)
        self.act(withdrawal)
        withdrawal.refresh_from_db()
        assert withdrawal.status == S.SENT

    @pytest.mark.parametrize("reference", ["", "  ", "x" * 129])
    def test_a_reference_that_can_be_checked_is_needed(self, reference: str) -> None:
        withdrawal = a_withdrawal_in(S.UNKNOWN)
        with pytest.raises(DecisionRefused, match="needs_reference"):
            settle_withdrawal(
                actor=olu(), withdrawal_id=withdrawal.pk, provider_reference=reference, reason="seen in the account"
            )


class TestFailByTwo(Triple):
    allowed = {S.SENT: S.FAILED, S.UNKNOWN: S.FAILED, S.AWAITING_REGISTRATION: S.FAILED}
    answered = frozenset({S.FAILED})

    def act(self, withdrawal: Withdrawal, actor: User | None = None) -> object:
        return fail_withdrawal(actor=actor or olu(), withdrawal_id=withdrawal.pk, reason="never arrived there")

    def make_ready(self, withdrawal: Withdrawal) -> None:
        if withdrawal.status != S.AWAITING_REGISTRATION:
            self.act(withdrawal, ada())

    @pytest.mark.parametrize("kind", ["available", AFFILIATE])
    def test_all_of_it_returns_by_operations_that_reverse(self, kind: str) -> None:
        withdrawal = a_withdrawal_in(S.UNKNOWN, account_kind=kind)
        self.make_ready(withdrawal)
        self.act(withdrawal)
        withdrawal.refresh_from_db()
        assert (held_for(withdrawal), wallet_of(bea(), kind)) == (usd("0.00"), usd("50.00"))
        assert withdrawal.reason == "never arrived there"


class TestReverseByTwo(Triple):
    allowed = {S.COMPLETED: S.REVERSED}
    answered = frozenset({S.REVERSED})

    def act(self, withdrawal: Withdrawal, actor: User | None = None) -> object:
        return reverse_withdrawal(
            actor=actor or olu(), withdrawal_id=withdrawal.pk, provider_reference="R-1", reason="came back"
        )

    def make_ready(self, withdrawal: Withdrawal) -> None:
        self.act(withdrawal, ada())

    def test_all_of_it_returns_fees_included(self) -> None:
        withdrawal = a_withdrawal_in(S.COMPLETED)
        self.make_ready(withdrawal)
        self.act(withdrawal)
        assert wallet_of(bea()) == usd("50.00")
        for code in (platform_account(FEES, "USD"), platform_account(FX, "USD")):
            assert not balance_of(code)


def test_above_the_limit_two_different_people_approve() -> None:
    request = a_request("250.01")
    for _ in range(2):
        assert approved(request).status == S.PENDING_APPROVAL
    assert held_for(request) == usd("0.00")
    done = approved(request, ada())
    assert (done.status, held_for(done)) == (S.PROCESSING, usd("250.01"))
    finals = Event.objects.filter(kind=Kind.WITHDRAWAL_APPROVED).order_by("pk")
    assert [event.data["final"] for event in finals] == [False, True]
    assert approved(a_request("250.00")).status == S.PROCESSING


def test_an_edit_between_look_and_approval_is_refused_and_voids_what_was_approved() -> None:
    request = a_request("300.00")
    approved(request)
    other = a_destination(bea(), address="TElsewhere")
    change_withdrawal(actor=bea(), withdrawal_id=request.pk, destination_id=other.pk, terms=terms("300.00"))
    with pytest.raises(RevisionChanged) as refused:
        approved(request, ada(), revision=1)
    assert (refused.value.looked_at, refused.value.current) == (1, 2)
    with pytest.raises(RevisionChanged):
        reject_withdrawal(actor=ada(), withdrawal_id=request.pk, revision=1, reason="no")
    assert approved(request, ada(), revision=2).status == S.PENDING_APPROVAL
    assert approved(request, olu(), revision=2).status == S.PROCESSING


def test_nobody_decides_about_their_own_money() -> None:
    request = a_request(owner=olu())
    unknown = a_withdrawal_in(S.UNKNOWN, owner=ada(), is_given=True)
    for refused in (
        lambda: approved(request, olu()),
        lambda: reject_withdrawal(actor=olu(), withdrawal_id=request.pk, revision=1, reason=REASON),
        lambda: fail_withdrawal(actor=ada(), withdrawal_id=unknown.pk, reason=REASON),
    ):
        with pytest.raises(DecisionRefused, match="own_money"):
            refused()
    assert approved(request, ada()).status == S.PROCESSING


def test_nor_about_the_money_of_an_account_that_proved_their_address() -> None:
    Contact.objects.create(
        user=bea(), channel="email", address="ADA@lockbay.example", verified_at="2026-01-01T00:00:00Z"
    )
    request = a_request()
    with pytest.raises(DecisionRefused, match="own_money"):
        approved(request, ada())


@pytest.mark.parametrize("who", [bea, max_])
def test_who_is_no_operator_decides_nothing(who: type) -> None:
    request = a_request()
    before = snapshot_of(request)
    for refused in (
        lambda: approved(request, who()),
        lambda: reject_withdrawal(actor=who(), withdrawal_id=request.pk, revision=1, reason=REASON),
        lambda: stop_payouts(actor=who(), asset="USD", reason=REASON),
        lambda: register_destination(
            actor=who(), destination_id=request.destination_id, registered_as="x", reason=REASON
        ),
    ):
        with pytest.raises(DecisionRefused, match="staff_only"):
            refused()
    assert snapshot_of(request) == before


def test_a_decision_needs_a_written_reason_and_a_withdrawal() -> None:
    request = a_request()
    with pytest.raises(DecisionRefused, match="needs_reason"):
        approved(request, reason=" \x00 ")
    for act in (
        lambda: reject_withdrawal(actor=olu(), withdrawal_id=0, revision=1, reason=REASON),
        lambda: fail_withdrawal(actor=olu(), withdrawal_id=0, reason=REASON),
        lambda: approved(Withdrawal(pk=0, payout_asset="USD", estimate_minor=1)),
    ):
        with pytest.raises(WithdrawalNotFound):
            act()


def test_what_is_processing_is_the_senders_and_no_person_ends_it() -> None:
    processing = a_withdrawal_in(S.PROCESSING)
    for who in (olu(), ada()):
        with pytest.raises(WrongWithdrawalStatus):
            fail_withdrawal(actor=who, withdrawal_id=processing.pk, reason=REASON)


def test_a_debt_that_came_after_the_request_blocks_the_approval() -> None:
    request = a_request()
    owes(bea(), "5.00")
    with pytest.raises(DebtOpen):
        approved(request)
    assert request.approvals.count() == 0


def test_over_the_hours_sum_an_owner_must_be_among_those_who_approve(settings: object) -> None:
    settings.WITHDRAWAL_HOURLY_USD = usd("100.00").decimal()  # type: ignore[attr-defined]
    settings.WITHDRAWAL_AUTO_APPROVE_USD = usd("10.00").decimal()  # type: ignore[attr-defined]
    approved(a_request("60.00"), ada())
    approved(a_request("40.00"), ada())
    one_more = a_request("2.00", terms=terms("2.00", fee="0.50"))
    assert one_more.status == S.PENDING_APPROVAL  # accepted, but not by itself
    with pytest.raises(VelocityReached) as refused:
        approved(one_more, ada())
    assert (refused.value.wanted, refused.value.most) == (usd("102.00"), usd("100.00"))
    assert approved(a_request("60.00", destination=a_destination(bea(), asset="USDC")), ada()).status == S.PROCESSING
    assert approved(one_more, olu()).status == S.PROCESSING
    with later(minutes=61):
        assert approved(a_request("60.00"), ada()).status == S.PROCESSING


def test_an_owner_who_approved_first_counts_for_the_hours_sum(settings: object) -> None:
    settings.WITHDRAWAL_HOURLY_USD = usd("100.00").decimal()  # type: ignore[attr-defined]
    request = a_request("300.00")
    approved(request, olu())
    assert approved(request, ada()).status == S.PROCESSING


@pytest.mark.parametrize("asset", ["USD", "USDT"])
def test_a_stop_of_either_asset_stops_approvals_until_an_owner_lifts_it(asset: str) -> None:
    request = a_request()
    for _ in range(2):
        stop_payouts(actor=ada(), asset=asset, reason="the rail behaves oddly")
    with pytest.raises(PayoutsStopped, match=asset):
        approved(request)
    with pytest.raises(DecisionRefused, match="staff_only"):
        resume_payouts(actor=ada(), asset=asset, reason="it is fine again")
    for _ in range(2):
        resume_payouts(actor=olu(), asset=asset, reason="it is fine again")
    assert approved(request).status == S.PROCESSING
    kinds = [Kind.PAYOUTS_STOPPED, Kind.PAYOUTS_RESUMED]
    told = Event.objects.filter(subject_type="payouts").order_by("pk")
    assert list(told.values_list("kind", flat=True)) == kinds
    assert not PayoutStop.objects.exists()


def test_a_stop_also_keeps_the_system_from_approving(settings: object) -> None:
    settings.WITHDRAWAL_AUTO_APPROVE_USD = usd("100.00").decimal()  # type: ignore[attr-defined]
    stop_payouts(actor=olu(), asset="USDT", reason="the rail behaves oddly")
    assert a_request().status == S.PENDING_APPROVAL


def test_an_address_that_must_be_known_beforehand_waits_until_it_is() -> None:
    waiting = a_withdrawal_in(S.AWAITING_REGISTRATION)
    assert (waiting.processing_since, held_for(waiting)) == (None, usd("50.00"))
    for _ in range(2):
        register_destination(
            actor=ada(), destination_id=waiting.destination_id, registered_as="bea-1", reason="saved it there"
        )
    waiting.refresh_from_db()
    assert (waiting.status, waiting.destination.registered_as) == (S.PROCESSING, "bea-1")
    assert kinds_of(waiting)[-1] == Kind.WITHDRAWAL_REGISTERED
    assert Event.objects.filter(kind=Kind.DESTINATION_REGISTERED).count() == 1
    assert approved(a_request(destination=waiting.destination)).status == S.PROCESSING


def test_a_registered_name_is_not_changed_and_needs_a_destination() -> None:
    waiting = a_withdrawal_in(S.AWAITING_REGISTRATION)
    pk = waiting.destination_id
    with pytest.raises(DecisionRefused, match="needs_reference"):
        register_destination(actor=ada(), destination_id=pk, registered_as=" ", reason=REASON)
    register_destination(actor=ada(), destination_id=pk, registered_as="bea-1", reason=REASON)
    with pytest.raises(DecisionRefused, match="already_decided"):
        register_destination(actor=ada(), destination_id=pk, registered_as="bea-2", reason=REASON)
    with pytest.raises(DestinationNotFound):
        register_destination(actor=ada(), destination_id=0, registered_as="bea-1", reason=REASON)
