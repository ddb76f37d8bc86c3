"""F23: a payment that a trade relied on vanishes after it was credited (P7, E15): nothing lost, doubled or believed."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from escrows.actions.accept import accept_escrow
from escrows.actions.ask_for_less import ask_for_less
from escrows.actions.cancel import cancel_escrow
from escrows.actions.complete_release import complete_release
from escrows.actions.decline import decline_escrow
from escrows.actions.end_frozen import end_frozen_escrow
from escrows.actions.expire import expire_escrow
from escrows.actions.mark_delivered import mark_delivered
from escrows.actions.pay_from_wallet import pay_from_wallet
from escrows.actions.refund_unaccepted import refund_unaccepted
from escrows.actions.release import release_escrow
from escrows.actions.take_back_short import take_back_short
from escrows.actions.undo_release import undo_release
from escrows.deadlines import warning_due
from escrows.errors import EscrowRefusal, NotAllowed, PreviewChanged, Reason, WrongStatus
from escrows.jobs import run_deadlines
from escrows.models import Escrow, ShortPayment, VanishedFunding
from escrows.preview import end_frozen_preview, payment_preview, refund_preview, release_preview, take_back_preview
from escrows.proof import check_frozen, check_holds
from escrows.shortfall import due_of, less_offer, open_short_of
from escrows.states import MissingState, ShortState, Status
from lockbay import clock
from lockbay.events.models import Event
from payments.purposes import CreditedDeposit
from tests.at_once import at_once
from tests.cast import a_waiting_trade, bea, give, held_by, max_, olu, set_back, snapshot_of, sol, told, usd, wallet_of
from tests.escrows.deposits import a_deposit, again, credit, take_back
from tests.payments.on_chain import NEEDED, PaidOnChain, on_chain  # noqa: F401  a fixture
from wallets.accounts import CREDIT, TOLERANCE, platform_account, user_account
from wallets.actions.transfer import transfer
from wallets.debts import debt_of
from wallets.errors import IdempotencyConflict
from wallets.models import Operation
from wallets.proof import check_ledger
from wallets.queries import balance_of

TOTAL = "21.00"  # what Bea pays for a trade of 20.00


@pytest.fixture(autouse=True)
def _books_stay_green(transactional_db: None) -> Iterator[None]:
    yield
    assert check_ledger(full=True).breaches == []


def confirmed(value: str = TOTAL) -> tuple[Escrow, CreditedDeposit]:
    """A trade that a deposit has paid."""
    trade = a_waiting_trade()
    deposit = a_deposit(trade, value)
    credit(deposit)
    return told(trade), deposit


def active(value: str = TOTAL) -> tuple[Escrow, CreditedDeposit]:
    trade, deposit = confirmed(value)
    return accept_escrow(actor=sol(), escrow_id=trade.pk), deposit


def delivered(value: str = TOTAL) -> tuple[Escrow, CreditedDeposit]:
    trade, deposit = active(value)
    return told(mark_delivered(actor=sol(), escrow_id=trade.pk)), deposit


LIVE = pytest.mark.parametrize("paid", [confirmed, active, delivered], ids=["confirmed", "active", "delivered"])
Paid = Callable[[], tuple[Escrow, CreditedDeposit]]


def frozen(paid: Paid = delivered) -> tuple[Escrow, CreditedDeposit]:
    trade, deposit = paid()
    take_back(deposit)
    trade.refresh_from_db()
    return trade, deposit


def last_fact(trade: Escrow) -> Event:
    fact = Event.objects.filter(subject_type="escrow", subject_id=trade.pk).order_by("seq").last()
    assert fact is not None
    return fact


def released_with(trade: Escrow) -> Escrow:
    return release_escrow(actor=bea(), escrow_id=trade.pk, digest=release_preview(trade).digest)


def paid_again(trade: Escrow) -> Escrow:
    return pay_from_wallet(actor=bea(), escrow_id=trade.pk, digest=payment_preview(trade).digest)


def ended(trade: Escrow) -> Escrow:
    digest = end_frozen_preview(trade).digest
    return end_frozen_escrow(actor=olu(), escrow_id=trade.pk, reason="it is gone", digest=digest)


def spend(person: object, amount: str) -> None:
    """Money leaves a wallet for good."""
    source = user_account(person.pk, "USD")  # type: ignore[attr-defined]
    target = platform_account("clearing", "USD", "bank")
    transfer(actor=None, key=f"spent:{amount}", source=source, target=target, money=usd(amount))


class TestFrozen:
    @LIVE
    def test_the_hold_gives_it_back_and_all_clocks_stand(self, paid: Paid) -> None:
        trade, deposit = paid()
        before, version = trade.status, trade.version
        take_back(deposit)
        trade.refresh_from_db()
        assert (trade.status, trade.version > version) == (before, True)
        assert trade.frozen_at is not None
        assert (held_by(trade), due_of(trade), wallet_of(bea())) == (usd("0.00"), usd(TOTAL), usd("0.00"))
        assert debt_of(bea().pk) == usd("0.00")
        fact = last_fact(trade)
        assert (fact.kind, fact.data["taken"], fact.data["missing"]) == ("escrow.frozen", "21.00 USD", "21.00 USD")
        operation = Operation.objects.get(key=deposit.credit_key.replace("credit", "uncredit"))
        assert operation.reverses is not None
        assert operation.reverses.key == deposit.credit_key

    def test_a_release_that_runs_is_stopped_and_the_seller_is_not_paid(self, settings: object) -> None:
        settings.RELEASE_UNDO_WINDOW = timedelta(seconds=60)  # type: ignore[attr-defined]
        trade, deposit = delivered()
        trade = released_with(trade)
        take_back(deposit)
        set_back(trade, "inspection_ends_at")
        assert trade.release_due_at is None
        assert last_fact(trade).data["is_release_stopped"] is True
        assert run_deadlines().done == 0
        assert wallet_of(sol()) == usd("0.00")

    @LIVE
    def test_nobody_moves_it_meanwhile(self, paid: Paid) -> None:
        trade, _ = frozen(paid)
        for name in ("accept_by", "delivery_deadline", "inspection_ends_at"):
            if getattr(trade, name) is not None:
                set_back(trade, name)
        before = snapshot_of(trade)
        acts: list[Callable[[], object]] = [
            lambda: decline_escrow(actor=sol(), escrow_id=trade.pk),
            lambda: accept_escrow(actor=sol(), escrow_id=trade.pk),
            lambda: mark_delivered(actor=sol(), escrow_id=trade.pk),
            lambda: released_with(trade),
            lambda: undo_release(actor=bea(), escrow_id=trade.pk),
            lambda: cancel_escrow(actor=bea(), escrow_id=trade.pk, digest=refund_preview(trade).digest),
            lambda: complete_release(actor=olu(), escrow_id=trade.pk, note="by hand"),
            lambda: refund_unaccepted(actor=None, escrow_id=trade.pk),
            lambda: expire_escrow(actor=None, escrow_id=trade.pk),
        ]
        refusals = [refusal_of(act) for act in acts]
        asked_now = {NotAllowed(Reason.PAYMENT_IN_DOUBT).args, *(r.args for r in refusals if type(r) is WrongStatus)}
        assert {refusal.args for refusal in refusals if refusal is not None} == asked_now
        assert sum(type(refusal) is NotAllowed for refusal in refusals) >= 2
        assert run_deadlines().done == 0
        assert warning_due(trade, clock.now()) is None
        assert snapshot_of(trade) == before

    def test_tolerance_gets_its_part_back(self) -> None:
        _, deposit = confirmed("20.50")
        assert balance_of(platform_account(TOLERANCE, "USD")) == -usd("0.50")
        take_back(deposit)
        assert balance_of(platform_account(TOLERANCE, "USD")) == usd("0.00")
        credit(again(deposit))
        assert balance_of(platform_account(TOLERANCE, "USD")) == -usd("0.50")

    def test_an_excess_is_taken_from_the_wallet_and_what_is_spent_is_owed(self) -> None:
        trade, deposit = confirmed("30.00")
        spend(bea(), "5.00")
        take_back(deposit)
        trade.refresh_from_db()
        assert (held_by(trade), wallet_of(bea()), debt_of(bea().pk)) == (usd("0.00"), usd("0.00"), usd("5.00"))
        credit(again(deposit))
        assert (held_by(trade), wallet_of(bea()), debt_of(bea().pk)) == (usd(TOTAL), usd("4.00"), usd("0.00"))

    def test_of_a_payment_in_two_parts_one_goes_and_then_the_other(self) -> None:
        trade = a_waiting_trade()
        first, second = a_deposit(trade, "10.00"), a_deposit(trade, "11.00")
        credit(first)
        credit(second)
        take_back(first)
        trade.refresh_from_db()
        assert (held_by(trade), due_of(trade)) == (usd("11.00"), usd("10.00"))
        since = trade.frozen_at
        take_back(second)
        trade.refresh_from_db()
        assert (held_by(trade), due_of(trade), trade.frozen_at) == (usd("0.00"), usd(TOTAL), since)
        credit(again(second), again(first))
        trade.refresh_from_db()
        assert (held_by(trade), trade.frozen_at) == (usd(TOTAL), None)

    def test_money_that_came_when_it_was_paid_goes_from_the_wallet_and_the_trade_runs_on(self) -> None:
        trade, _ = delivered()
        late = a_deposit(trade, "8.00")
        credit(late)
        take_back(late)
        trade.refresh_from_db()
        assert (trade.frozen_at, held_by(trade), wallet_of(bea())) == (None, usd(TOTAL), usd("0.00"))
        assert last_fact(trade).kind == "escrow.payment_vanished"

    def test_the_proof_names_a_trade_that_is_frozen_for_nothing_or_runs_though_money_is_missing(self) -> None:
        trade, _ = frozen()
        since = trade.frozen_at
        Escrow.objects.filter(pk=trade.pk).update(frozen_at=None)
        assert [breach.subject for breach in check_frozen(True)] == [trade.public_id]
        Escrow.objects.filter(pk=trade.pk).update(frozen_at=since)
        VanishedFunding.objects.filter(escrow=trade).update(missing_minor=2000)
        assert [breach.subject for breach in check_holds(True)] == [trade.public_id]
        VanishedFunding.objects.filter(escrow=trade).update(state=MissingState.ENDED)
        assert [breach.subject for breach in check_frozen(True)] == [trade.public_id]
        VanishedFunding.objects.filter(escrow=trade).update(state=MissingState.OPEN, missing_minor=2100)
        assert list(check_frozen(True)) == list(check_holds(True)) == []


def is_taken_back(deposit: CreditedDeposit) -> bool:
    """The room above tells a loss once; whoever tells it twice is refused by the books and changes nothing."""
    try:
        take_back(deposit)
    except IdempotencyConflict:
        return False
    return True


def refusal_of(act: Callable[[], object]) -> EscrowRefusal | None:
    try:
        act()
    except EscrowRefusal as refusal:
        return refusal
    return None


class TestWholeAgain:
    @LIVE
    def test_confirmed_again_it_is_as_before_with_every_deadline_later(self, paid: Paid) -> None:
        trade, deposit = paid()
        names = ["accept_by", "delivery_deadline", "inspection_ends_at"]
        before = {name: getattr(trade, name) for name in names}
        take_back(deposit)
        set_back(trade, "frozen_at", timedelta(hours=5))
        credit(again(deposit))
        trade.refresh_from_db()
        assert (held_by(trade), wallet_of(bea()), trade.frozen_at) == (usd(TOTAL), usd("0.00"), None)
        running = {"payment_confirmed": names[:2], "active": names[1:2], "delivered": names[2:]}[trade.status]
        for name, at in before.items():
            moved = getattr(trade, name)
            if name in running:
                assert timedelta(hours=5) <= moved - at < timedelta(hours=5, minutes=5)
            else:
                assert moved == at
        fact = last_fact(trade)
        assert fact.kind == "escrow.unfrozen"
        assert 5 * 3600 <= fact.data["extended_by"] < 5 * 3600 + 300
        assert fact.data["is_again"] is True
        assert trade.deposit_reference == deposit.reference

    def test_it_may_go_and_come_more_than_once(self) -> None:
        trade, deposit = delivered()
        for _ in range(3):
            take_back(deposit)
            deposit = again(deposit)
            credit(deposit)
        trade.refresh_from_db()
        assert (held_by(trade), trade.frozen_at) == (usd(TOTAL), None)
        assert set(VanishedFunding.objects.values_list("state", flat=True)) == {"restored"}
        set_back(trade, "inspection_ends_at")
        assert complete_release(actor=None, escrow_id=trade.pk).status == Status.COMPLETED

    def test_the_buyer_pays_again_from_the_wallet_and_the_old_payment_is_late_money(self) -> None:
        trade, deposit = frozen()
        give(bea(), "30.00")
        digest = payment_preview(trade).digest
        assert pay_from_wallet(actor=bea(), escrow_id=trade.pk, digest=digest).frozen_at is None
        assert pay_from_wallet(actor=bea(), escrow_id=trade.pk, digest=digest).frozen_at is None  # a second click
        assert (held_by(trade), wallet_of(bea())) == (usd(TOTAL), usd("9.00"))
        assert last_fact(trade).data["is_again"] is False
        credit(again(deposit))
        assert (held_by(trade), wallet_of(bea())) == (usd(TOTAL), usd("30.00"))
        assert last_fact(trade).data["is_again"] is True

    def test_trading_credit_pays_again_and_goes_back_as_credit(self) -> None:
        trade, _ = frozen()
        give(bea(), "15.00", kind=CREDIT)
        give(bea(), "6.00")
        paid_again(trade)
        assert (wallet_of(bea()), wallet_of(bea(), CREDIT)) == (usd("0.00"), usd("0.00"))

    def test_other_money_fills_it_in_parts_and_the_excess_is_the_payers(self) -> None:
        trade, deposit = frozen()
        credit(a_deposit(trade, "9.00"))
        trade.refresh_from_db()
        assert (held_by(trade), due_of(trade)) == (usd("9.00"), usd("12.00"))
        assert (last_fact(trade).kind, last_fact(trade).data["missing"]) == ("escrow.refilled", "12.00 USD")
        credit(a_deposit(trade, "12.50"), a_deposit(trade, "3.00"))
        trade.refresh_from_db()
        assert (held_by(trade), wallet_of(bea()), trade.frozen_at) == (usd(TOTAL), usd("3.50"), None)
        credit(again(deposit))
        assert wallet_of(bea()) == usd("24.50")

    def test_a_shortfall_within_tolerance_makes_it_whole(self) -> None:
        trade, _ = frozen()
        credit(a_deposit(trade, "20.50"))
        trade.refresh_from_db()
        assert (held_by(trade), trade.frozen_at) == (usd(TOTAL), None)
        assert balance_of(platform_account(TOLERANCE, "USD")) == -usd("0.50")

    def test_money_that_replaced_it_may_vanish_too(self) -> None:
        trade, first = frozen()
        second = a_deposit(trade, TOTAL)
        credit(second)
        take_back(second)
        trade.refresh_from_db()
        assert (held_by(trade), due_of(trade)) == (usd("0.00"), usd(TOTAL))
        credit(again(first))
        trade.refresh_from_db()
        assert (held_by(trade), trade.frozen_at) == (usd(TOTAL), None)


class TestEnded:
    def test_staff_give_back_what_is_left_and_later_money_is_late(self) -> None:
        trade = a_waiting_trade()
        first, second = a_deposit(trade, "10.00"), a_deposit(trade, "11.00")
        credit(first)
        credit(second)
        take_back(first)
        trade.refresh_from_db()
        assert [(line.who, str(line.money)) for line in end_frozen_preview(trade).lines] == [("buyer", "11.00 USD")]
        trade = ended(trade)
        assert (trade.status, trade.close_reason, trade.frozen_at) == ("refunded", "payment_gone", None)
        assert (held_by(trade), wallet_of(bea())) == (usd("0.00"), usd("11.00"))
        assert VanishedFunding.objects.get().state == MissingState.ENDED
        credit(again(first))
        assert wallet_of(bea()) == usd("21.00")

    def test_an_empty_hold_is_ended_without_a_posting(self) -> None:
        trade, _ = frozen()
        operations = Operation.objects.count()
        assert ended(trade).status == Status.REFUNDED
        assert Operation.objects.count() == operations

    def test_only_staff_who_may_act_with_a_reason_what_was_shown_and_a_frozen_trade(self) -> None:
        trade, _ = frozen()
        digest = end_frozen_preview(trade).digest
        running, _ = delivered()
        before = snapshot_of(trade)
        for actor, pk, reason, shown, expected in (
            (olu(), trade.pk, " ", digest, NotAllowed),
            (bea(), trade.pk, "x", digest, NotAllowed),
            (max_(), trade.pk, "x", digest, NotAllowed),  # staff without a role that acts
            (olu(), trade.pk, "x", "0" * 12, PreviewChanged),
            (olu(), running.pk, "x", end_frozen_preview(running).digest, NotAllowed),
        ):
            with pytest.raises(expected):
                end_frozen_escrow(actor=actor, escrow_id=pk, reason=reason, digest=shown)
        assert snapshot_of(trade) == before


class TestShort:
    def test_it_is_gone_and_the_trade_waits_for_a_payment_as_before(self) -> None:
        trade = a_waiting_trade()
        deposit = a_deposit(trade, "10.00")
        credit(deposit)
        take_back(deposit)
        trade.refresh_from_db()
        assert (trade.status, trade.frozen_at, due_of(trade)) == ("payment_pending", None, usd(TOTAL))
        assert trade.expires_at is not None
        assert trade.expires_at > clock.now()
        assert ShortPayment.objects.get().state == ShortState.VANISHED
        credit(again(deposit))
        trade.refresh_from_db()
        assert due_of(trade) == usd("11.00")
        credit(a_deposit(trade, "11.00"))
        trade.refresh_from_db()
        assert trade.status == Status.PAYMENT_CONFIRMED

    def test_a_question_to_the_seller_is_void_when_a_part_goes(self) -> None:
        trade = a_waiting_trade()
        first, second = a_deposit(trade, "10.00"), a_deposit(trade, "5.00")
        credit(first, second)
        trade.refresh_from_db()
        short = open_short_of(trade)
        assert short is not None
        ask_for_less(actor=bea(), escrow_id=trade.pk, digest=less_offer(trade, short).digest)
        take_back(second)
        short.refresh_from_db()
        assert (short.state, short.held_minor, short.proposal) == (ShortState.WAITING, 1000, {})
        assert (last_fact(trade).data["was_asked"], last_fact(trade).data["held"]) == (True, "10.00 USD")

    def test_taken_back_before_it_comes_out_of_the_wallet_not_of_newer_money(self) -> None:
        trade = a_waiting_trade()
        first, second = a_deposit(trade, "10.00"), a_deposit(trade, "12.00")
        credit(first)
        trade.refresh_from_db()
        take_back_short(actor=bea(), escrow_id=trade.pk, digest=take_back_preview(trade).digest)
        credit(second)
        take_back(first)
        assert (held_by(trade), wallet_of(bea()), debt_of(bea().pk)) == (usd("12.00"), usd("0.00"), usd("0.00"))


class TestSpent:
    def completed(self) -> tuple[Escrow, CreditedDeposit]:
        trade, deposit = delivered()
        return released_with(trade), deposit

    def test_then_the_payers_wallet_pays_and_the_rest_is_a_debt(self) -> None:
        trade, deposit = self.completed()
        give(bea(), "6.00")
        before = trade.version
        take_back(deposit)
        trade.refresh_from_db()
        assert (trade.status, trade.version, trade.frozen_at) == ("completed", before, None)
        assert (wallet_of(bea()), debt_of(bea().pk), wallet_of(sol())) == (usd("0.00"), usd("15.00"), usd("20.00"))
        assert last_fact(trade).kind == "escrow.payment_vanished"
        assert (last_fact(trade).data["from_available"], last_fact(trade).data["debt"]) == ("6.00 USD", "15.00 USD")

    def test_confirmed_again_it_settles_the_debt(self) -> None:
        _, deposit = self.completed()
        give(bea(), "6.00")
        take_back(deposit)
        credit(again(deposit))
        assert (wallet_of(bea()), debt_of(bea().pk)) == (usd("6.00"), usd("0.00"))

    @pytest.mark.parametrize("end", [decline_escrow], ids=["refunded"])
    def test_what_was_refunded_is_taken_from_the_wallet(self, end: Callable[..., Escrow]) -> None:
        trade, deposit = confirmed("20.50")
        end(actor=sol(), escrow_id=trade.pk)
        spend(bea(), "0.50")
        take_back(deposit)
        assert (wallet_of(bea()), debt_of(bea().pk)) == (usd("0.00"), usd("0.50"))
        assert balance_of(platform_account(TOLERANCE, "USD")) == usd("0.00")


class TestMany:
    def test_a_list_costs_as_many_statements_as_one(self) -> None:
        costs = []
        for number in (1, 4):
            deposits = [delivered("25.00")[1] for _ in range(number)]
            with CaptureQueriesContext(connection) as seen:
                take_back(*deposits)
            costs.append(len(seen))
        assert costs[0] == costs[1]

    def test_several_losses_of_one_trade_in_one_list(self) -> None:
        trade = a_waiting_trade()
        first, second = a_deposit(trade, "10.00"), a_deposit(trade, "14.00")
        credit(first, second)
        take_back(first, second)
        trade.refresh_from_db()
        assert (held_by(trade), wallet_of(bea()), due_of(trade)) == (usd("0.00"), usd("0.00"), usd(TOTAL))
        assert VanishedFunding.objects.count() == 2


def test_on_a_real_chain_it_freezes_with_the_reorganisation_and_goes_on_once_the_block_is_deep_again(
    on_chain: PaidOnChain,  # noqa: F811
) -> None:
    trade = a_waiting_trade()
    txid = on_chain.confirmed(on_chain.asked(price=TOTAL, purpose="escrow", reference=trade.public_id))
    trade = accept_escrow(actor=sol(), escrow_id=trade.pk)
    before, wallet = trade.delivery_deadline, wallet_of(bea())

    on_chain.drop(txid)
    assert on_chain.recheck() == 1
    trade.refresh_from_db()
    assert trade.frozen_at is not None
    assert (trade.status, held_by(trade), due_of(trade)) == ("active", usd("0.00"), usd(TOTAL))
    set_back(trade, "frozen_at", timedelta(hours=2))

    on_chain.mine_again(txid)
    on_chain.chain.mine(NEEDED)
    on_chain.look()
    trade.refresh_from_db()
    assert (trade.status, trade.frozen_at, held_by(trade)) == ("active", None, usd(TOTAL))
    assert wallet_of(bea()) == wallet
    assert before is not None
    assert trade.delivery_deadline is not None
    assert timedelta(hours=2) <= trade.delivery_deadline - before < timedelta(hours=2, minutes=5)
    kinds = Event.objects.filter(subject_type="escrow", subject_id=trade.pk).order_by("-seq").values_list("kind")
    assert [kind for (kind,) in kinds[:2]] == ["escrow.unfrozen", "escrow.frozen"]


class TestAtOnce:
    """F30: one trade, many hands, one moment; on both databases."""

    @pytest.mark.parametrize("turn", range(3))
    def test_a_loss_and_a_release_have_one_order(self, turn: int) -> None:
        trade, deposit = delivered()
        digest = release_preview(trade).digest
        at_once(
            lambda act: act(),
            [
                lambda: take_back(deposit),
                lambda: refusal_of(lambda: release_escrow(actor=bea(), escrow_id=trade.pk, digest=digest)),
                run_deadlines,
            ],
        )
        trade.refresh_from_db()
        if trade.status == Status.COMPLETED:
            assert (wallet_of(sol()), debt_of(bea().pk), trade.frozen_at) == (usd("20.00"), usd(TOTAL), None)
        else:
            assert (wallet_of(sol()), debt_of(bea().pk)) == (usd("0.00"), usd("0.00"))
            assert trade.frozen_at is not None

    @pytest.mark.parametrize("turn", range(3))
    def test_it_comes_back_while_staff_end_the_trade(self, turn: int) -> None:
        trade, deposit = frozen()
        digest = end_frozen_preview(trade).digest
        at_once(
            lambda act: act(),
            [
                lambda: credit(again(deposit)),
                lambda: refusal_of(
                    lambda: end_frozen_escrow(actor=olu(), escrow_id=trade.pk, reason="gone", digest=digest)
                ),
            ],
        )
        trade.refresh_from_db()
        assert trade.frozen_at is None
        if trade.status == Status.REFUNDED:
            assert (held_by(trade), wallet_of(bea())) == (usd("0.00"), usd(TOTAL))
        else:
            assert (trade.status, held_by(trade), wallet_of(bea())) == ("delivered", usd(TOTAL), usd("0.00"))

    @pytest.mark.parametrize("turn", range(3))
    def test_it_comes_back_while_the_buyer_pays_again(self, turn: int) -> None:
        trade, deposit = frozen()
        give(bea(), TOTAL)
        digest = payment_preview(trade).digest
        at_once(
            lambda act: act(),
            [
                lambda: credit(again(deposit)),
                lambda: refusal_of(lambda: pay_from_wallet(actor=bea(), escrow_id=trade.pk, digest=digest)),
            ],
        )
        trade.refresh_from_db()
        assert (trade.frozen_at, held_by(trade), wallet_of(bea())) == (None, usd(TOTAL), usd(TOTAL))

    def test_the_same_loss_told_many_times_at_once_is_one(self) -> None:
        trade, deposit = delivered()
        assert sorted(at_once(lambda _: is_taken_back(deposit), range(4))) == [False, False, False, True]
        trade.refresh_from_db()
        assert (held_by(trade), due_of(trade)) == (usd("0.00"), usd(TOTAL))
        assert Operation.objects.filter(kind="escrow_vanished").count() == 1
