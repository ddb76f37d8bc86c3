"""A payment that is too short is kept while the buyer decides: pay the rest, less, or back (E8, F43)."""

from datetime import timedelta

import pytest

from escrows.actions.accept import accept_escrow
from escrows.actions.agree_to_less import agree_to_less
from escrows.actions.ask_for_less import ask_for_less
from escrows.actions.expire import expire_escrow
from escrows.actions.pay_from_wallet import pay_from_wallet
from escrows.actions.refuse_less import refuse_less
from escrows.actions.take_back_short import take_back_short
from escrows.errors import AmountOutOfRange, EscrowRefusal, NotAllowed, NotFound, PreviewChanged, WrongStatus
from escrows.fees import FeePolicy, Pricing
from escrows.jobs import run_deadlines
from escrows.models import Escrow, ShortPayment
from escrows.preview import payment_preview, take_back_preview
from escrows.proof import check_holds
from escrows.queries import what_next
from escrows.shortfall import due_of, less_offer, open_short_of, price_paid_by
from escrows.states import ShortState, Status
from lockbay.events.models import Event
from tests.cast import (
    a_waiting_trade,
    an_offer,
    bea,
    cancelled,
    give,
    held_by,
    released,
    set_back,
    snapshot_of,
    sol,
    stranger,
    usd,
    wallet_of,
)
from tests.escrows.deposits import a_deposit, credit
from wallets.accounts import CREDIT, FEES, TOLERANCE, platform_account
from wallets.models import Operation
from wallets.queries import balance_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("books_green")]


def a_short_trade(value: str = "10.00", **terms: object) -> Escrow:
    trade = a_waiting_trade(**terms)
    credit(a_deposit(trade, value))
    trade.refresh_from_db()
    return trade


def short_of(trade: Escrow) -> ShortPayment:
    return ShortPayment.objects.filter(escrow=trade).latest("pk")


def offer_of(trade: Escrow):
    trade.refresh_from_db()
    short = open_short_of(trade)
    assert short is not None
    return less_offer(trade, short)


def asked(trade: Escrow) -> Escrow:
    return ask_for_less(actor=bea(), escrow_id=trade.pk, digest=offer_of(trade).digest)


def agreed(trade: Escrow) -> Escrow:
    return agree_to_less(actor=sol(), escrow_id=trade.pk, digest=offer_of(trade).digest)


def taken_back(trade: Escrow) -> Escrow:
    trade.refresh_from_db()
    return take_back_short(actor=bea(), escrow_id=trade.pk, digest=take_back_preview(trade).digest)


def kinds_of(trade: Escrow) -> list[str]:
    facts = Event.objects.filter(subject_type="escrow", subject_id=trade.pk).order_by("seq")
    return [kind.removeprefix("escrow.") for kind in facts.values_list("kind", flat=True)]


def time_is_over(trade: Escrow) -> None:
    set_back(trade, "expires_at")
    ShortPayment.objects.filter(escrow=trade).update(choose_by=trade.expires_at)


class TestKept:
    def test_it_lies_in_the_hold_and_the_trade_waits_a_day(self) -> None:
        trade = a_short_trade()
        short = short_of(trade)
        assert (trade.status, held_by(trade), wallet_of(bea())) == ("payment_pending", usd("10.00"), usd("0.00"))
        assert due_of(trade) == usd("11.00")
        assert trade.expires_at == short.choose_by == short.opened_at + timedelta(hours=24)
        assert list(check_holds(True)) == []

    def test_the_proof_names_a_hold_that_does_not_match(self) -> None:
        trade = a_short_trade()
        ShortPayment.objects.filter(escrow=trade).update(held_minor=999)
        assert [breach.subject for breach in check_holds(True)] == [trade.public_id]
        ShortPayment.objects.filter(escrow=trade).update(held_minor=1000, state=ShortState.TAKEN_BACK)
        assert [breach.subject for breach in check_holds(True)] == [trade.public_id]
        ShortPayment.objects.filter(escrow=trade).update(state=ShortState.WAITING)

    def test_the_warning_names_what_is_missing_not_the_whole(self) -> None:
        from escrows.actions.warn import warn_of_deadline

        trade = a_short_trade()
        set_back(trade, "expires_at", timedelta(minutes=-20))
        assert warn_of_deadline(actor=None, escrow_id=trade.pk)
        fact = Event.objects.filter(subject_type="escrow", subject_id=trade.pk).latest("seq")
        assert (fact.data["kept"], fact.data["missing"]) == ("10.00 USD", "11.00 USD")

    def test_the_payment_window_does_not_end_it(self) -> None:
        trade = a_short_trade()
        with pytest.raises(NotAllowed):
            expire_escrow(actor=None, escrow_id=trade.pk)

    def test_in_one_batch_with_a_trade_not_started_yet(self) -> None:
        offer, waiting = an_offer(), a_waiting_trade()
        credit(a_deposit(waiting, "21.00"), a_deposit(offer, "5.00"), a_deposit(offer, "6.00"))
        offer.refresh_from_db()
        assert (offer.status, held_by(offer)) == ("payment_pending", usd("11.00"))
        assert what_next(offer, "buyer") == "decide_short"

    def test_a_list_costs_as_many_statements_as_one(self) -> None:
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        def statements(size: int) -> int:
            deposits = [a_deposit(a_waiting_trade(), "5.00") for _ in range(size)]
            with CaptureQueriesContext(connection) as seen:
                credit(*deposits)
            return len(seen)

        credit(a_deposit(a_waiting_trade(), "5.00"))
        assert statements(1) == statements(6)


class TestToppedUp:
    @pytest.mark.parametrize(
        ("rest", "status", "to_wallet", "from_tolerance"),
        [
            ("11.00", "payment_confirmed", "0.00", "0.00"),
            ("9.95", "payment_confirmed", "0.00", "1.05"),
            ("9.94", "payment_pending", "0.00", "0.00"),
            ("15.00", "payment_confirmed", "4.00", "0.00"),
        ],
    )
    def test_tolerance_applies_to_the_total(self, rest: str, status: str, to_wallet: str, from_tolerance: str) -> None:
        trade = a_short_trade()
        credit(a_deposit(trade, rest))
        trade.refresh_from_db()
        assert (trade.status, wallet_of(bea())) == (status, usd(to_wallet))
        assert balance_of(platform_account(TOLERANCE, "USD")) == -usd(from_tolerance)
        assert held_by(trade) == (usd("21.00") if status == "payment_confirmed" else usd("19.94"))
        if status == "payment_confirmed":
            assert short_of(trade).state == ShortState.COMPLETED
            cancelled(trade)
            assert wallet_of(bea()) == usd("10.00") + usd(rest)
            assert balance_of(platform_account(TOLERANCE, "USD")) == usd("0.00")

    def test_from_the_wallet_with_trading_credit_and_refunded_to_the_cent(self) -> None:
        trade = a_short_trade()
        give(bea(), "4.00", kind=CREDIT)
        give(bea(), "9.00")
        paid = pay_from_wallet(actor=bea(), escrow_id=trade.pk, digest=payment_preview(trade).digest)
        assert (paid.status, held_by(trade), wallet_of(bea())) == ("payment_confirmed", usd("21.00"), usd("2.00"))
        cancelled(paid)
        assert (wallet_of(bea()), wallet_of(bea(), CREDIT)) == (usd("19.00"), usd("4.00"))

    def test_more_money_takes_the_question_from_the_seller(self) -> None:
        trade = asked(a_short_trade())
        digest = offer_of(trade).digest
        credit(a_deposit(trade, "1.00"))
        with pytest.raises(NotAllowed):
            agree_to_less(actor=sol(), escrow_id=trade.pk, digest=digest)
        assert short_of(trade).state == ShortState.WAITING
        credit(a_deposit(trade, "10.00"))
        assert Escrow.objects.get(pk=trade.pk).status == Status.PAYMENT_CONFIRMED


class TestLess:
    @pytest.mark.parametrize(
        ("value", "fee_payer", "price", "fee", "net", "leftover"),
        [
            ("10.00", "buyer", "9.52", "0.48", "9.52", "0.00"),
            ("9.97", "buyer", "9.49", "0.47", "9.49", "0.01"),
            ("10.00", "seller", "10.00", "0.50", "9.50", "0.00"),
            ("10.00", "split", "9.76", "0.49", "9.51", "0.00"),
        ],
    )
    def test_the_seller_sees_the_amounts_and_agreeing_pays_the_trade(
        self, value: str, fee_payer: str, price: str, fee: str, net: str, leftover: str
    ) -> None:
        trade = asked(a_short_trade(value, fee_payer=fee_payer))
        offer = offer_of(trade)
        now = offer.pricing
        assert (now.price, now.fee, now.seller_net, offer.leftover) == (usd(price), usd(fee), usd(net), usd(leftover))
        assert what_next(trade, "seller") == "answer_less"
        assert what_next(trade, "buyer") == "wait_for_less"
        paid = agreed(trade)
        paid.refresh_from_db()
        assert (paid.status, paid.expires_at, Pricing.of(paid).price) == ("payment_confirmed", None, usd(price))
        assert (wallet_of(bea()), held_by(paid)) == (usd(leftover), usd(value) - usd(leftover))
        assert kinds_of(paid)[-3:] == ["less_asked", "less_agreed", "payment_confirmed"]
        released(accept_escrow(actor=sol(), escrow_id=paid.pk))
        assert (wallet_of(sol()), balance_of(platform_account(FEES, "USD"))) == (usd(net), usd(fee))

    def test_a_second_click_changes_nothing(self) -> None:
        trade = a_short_trade()
        ask = offer_of(trade).digest
        for _ in range(2):
            ask_for_less(actor=bea(), escrow_id=trade.pk, digest=ask)
        yes = offer_of(trade).digest
        for _ in range(2):
            agree_to_less(actor=sol(), escrow_id=trade.pk, digest=yes)
        assert kinds_of(trade).count("less_asked") == kinds_of(trade).count("payment_confirmed") == 1

    def test_a_cancelled_agreement_gives_back_what_was_paid(self) -> None:
        trade = agreed(asked(a_short_trade("9.97")))
        cancelled(trade)
        assert (wallet_of(bea()), held_by(trade)) == (usd("9.97"), usd("0.00"))

    def test_the_seller_says_no_once_and_the_buyer_decides_again(self) -> None:
        trade = asked(a_short_trade())
        no = offer_of(trade).digest
        for _ in range(2):
            refuse_less(actor=sol(), escrow_id=trade.pk, digest=no)
        assert kinds_of(trade).count("less_refused") == 1
        with pytest.raises(NotAllowed) as refused:
            asked(trade)
        assert refused.value.reason == "already_refused"
        credit(a_deposit(trade, "11.00"))
        assert Escrow.objects.get(pk=trade.pk).status == Status.PAYMENT_CONFIRMED

    def test_nobody_agrees_to_amounts_that_were_not_shown(self) -> None:
        trade = asked(a_short_trade())
        for act in (agree_to_less, refuse_less):
            with pytest.raises(PreviewChanged):
                act(actor=sol(), escrow_id=trade.pk, digest="0123456789ab")

    def test_a_changed_fee_does_not_change_what_the_buyer_proposed(self, settings: object) -> None:
        from decimal import Decimal

        trade = asked(a_short_trade())
        settings.ESCROW_FEE_PERCENT = Decimal(10)  # type: ignore[attr-defined]
        assert Pricing.of(agreed(trade)).fee == usd("0.48")

    def test_without_a_seller_or_below_the_least_price_it_is_refused(self) -> None:
        offer = an_offer()
        credit(a_deposit(offer, "5.00"))
        with pytest.raises(NotAllowed):
            asked(offer)
        with pytest.raises(AmountOutOfRange):
            asked(a_short_trade("1.00"))

    def test_only_the_right_people_in_time(self) -> None:
        trade = a_short_trade()
        digest = offer_of(trade).digest
        with pytest.raises(NotAllowed):
            ask_for_less(actor=sol(), escrow_id=trade.pk, digest=digest)
        with pytest.raises(NotFound):
            ask_for_less(actor=stranger(), escrow_id=trade.pk, digest=digest)
        with pytest.raises(NotAllowed):
            agree_to_less(actor=sol(), escrow_id=trade.pk, digest=digest)
        asked(trade)
        with pytest.raises(NotAllowed):
            agree_to_less(actor=bea(), escrow_id=trade.pk, digest=offer_of(trade).digest)
        time_is_over(trade)
        before = snapshot_of(trade)
        for act, actor in (
            (agree_to_less, sol()),
            (refuse_less, sol()),
            (ask_for_less, bea()),
            (take_back_short, bea()),
        ):
            with pytest.raises(EscrowRefusal):
                act(actor=actor, escrow_id=trade.pk, digest=offer_of(trade).digest)
        assert snapshot_of(trade) == before

    def test_a_minimum_fee_is_found_too(self) -> None:
        from decimal import Decimal

        policy = FeePolicy(percent=Decimal(5), minimum=usd("1.00"), minimum_up_to=usd("10.00"))
        assert price_paid_by(usd("10.60"), "buyer", policy).price == usd("10.09")
        assert price_paid_by(usd("10.50"), "buyer", policy).price == usd("9.50")


class TestTakenBack:
    def test_the_trade_goes_on_waiting_and_can_be_paid_anew(self) -> None:
        trade = a_short_trade()
        digest = take_back_preview(trade).digest
        for _ in range(2):
            take_back_short(actor=bea(), escrow_id=trade.pk, digest=digest)
        trade.refresh_from_db()
        assert (trade.status, held_by(trade), wallet_of(bea())) == ("payment_pending", usd("0.00"), usd("10.00"))
        assert Operation.objects.filter(kind="escrow_short_back").count() == 1
        credit(a_deposit(trade, "12.00"))
        trade.refresh_from_db()
        assert held_by(trade) == usd("12.00")
        credit(a_deposit(trade, "9.00"))
        assert Escrow.objects.get(pk=trade.pk).status == Status.PAYMENT_CONFIRMED

    def test_by_cancelling(self) -> None:
        trade = cancelled(a_short_trade())
        assert (trade.status, wallet_of(bea()), held_by(trade)) == ("cancelled", usd("10.00"), usd("0.00"))
        assert kinds_of(trade)[-2:] == ["short_taken_back", "cancelled"]
        with pytest.raises(WrongStatus):
            take_back_short(actor=bea(), escrow_id=trade.pk, digest="0" * 12)

    def test_by_time_with_the_trade(self) -> None:
        trade = asked(a_short_trade())
        time_is_over(trade)
        assert run_deadlines().failed == 0
        trade.refresh_from_db()
        assert (trade.status, wallet_of(bea()), held_by(trade)) == ("expired", usd("10.00"), usd("0.00"))
        assert short_of(trade).state == ShortState.TAKEN_BACK

    def test_a_changed_preview_is_refused(self) -> None:
        trade = a_short_trade()
        digest = take_back_preview(trade).digest
        credit(a_deposit(trade, "1.00"))
        with pytest.raises(PreviewChanged):
            take_back_short(actor=bea(), escrow_id=trade.pk, digest=digest)
        assert taken_back(trade).status == Status.PAYMENT_PENDING
        assert wallet_of(bea()) == usd("11.00")

    @pytest.mark.parametrize("act", [ask_for_less, agree_to_less, refuse_less, take_back_short])
    @pytest.mark.parametrize("status", sorted(Status))
    def test_no_act_does_anything_without_such_a_payment(self, act, status: Status) -> None:
        from tests.cast import a_trade_in

        trade = a_trade_in(status)
        before = snapshot_of(trade)
        with pytest.raises(EscrowRefusal):
            act(actor=sol() if act in {agree_to_less, refuse_less} else bea(), escrow_id=trade.pk, digest="0" * 12)
        assert snapshot_of(trade) == before
