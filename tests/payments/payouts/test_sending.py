"""Sending a payout: what each answer does to the withdrawal and its money; what is never done twice (W3-W6, F32)."""

from datetime import timedelta

import httpx
import pytest
from django.db import transaction

from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.models import Event
from lockbay.observability.metrics import metrics_text
from payments.actions.ask_payout import ask_payout
from payments.actions.send_payout import send_payout
from payments.actions.take_over_payout import take_over_payout
from payments.models import PayoutAttempt
from payments.payouts import adapter_of_rail
from payments.payouts.attempts import claim_attempt, retry_after
from payments.payouts.base import PayoutMeaning
from payments.payouts.guard import LeaseLost
from payments.payouts.jobs import ask_payouts, send_payouts
from tests import cast
from tests.payments.payouts.stories import (
    PlayMoney,
    a_request,
    an_approved,
    attempt_of,
    let_the_lease_end,
    make_due,
    now_of,
    set_back_call,
    status_of,
)
from wallets import ledger
from wallets.accounts import CLEARING, platform_account
from wallets.actions.fail_withdrawal import fail_withdrawal
from wallets.debts import loss_account
from wallets.errors import NotProcessing, PayoutsStopped
from wallets.ledger import NewOperation
from wallets.models import PayoutStop, Withdrawal

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("books_green")]


def send(withdrawal: Withdrawal) -> PayoutMeaning | None:
    return send_payout(actor=None, withdrawal_id=withdrawal.pk)


def ask(withdrawal: Withdrawal) -> PayoutMeaning | None:
    return ask_payout(actor=None, attempt_id=attempt_of(withdrawal).pk)


def figure(text: str, name: str) -> int:
    """A counter as Prometheus reads it; 0 when it has not begun."""
    found = [line.rpartition(" ")[2] for line in text.splitlines() if line.startswith(name)]
    return int(float(found[0])) if found else 0


def owe(person: cast.User, amount: str) -> None:
    """Money of theirs was taken back that they had spent."""
    loss, clearing = loss_account(person.pk, "USD"), platform_account(CLEARING, "USD", "bank")
    with transaction.atomic():
        legs = ((loss, -cast.usd(amount)), (clearing, cast.usd(amount)))
        ledger.post([NewOperation(kind="uncredit", key=f"owe:{person.pk}", legs=legs)])


class TestAnswers:
    def test_an_accepted_order_is_sent_and_not_completed(self, provider: PlayMoney) -> None:
        withdrawal = an_approved()
        assert send(withdrawal) is PayoutMeaning.ACCEPTED
        sent = now_of(withdrawal)
        assert (sent.status, sent.provider_reference) == ("sent", f"po_{withdrawal.public_id}")
        assert cast.wallet_of(cast.bea()).minor == 0

    def test_it_is_counted_and_timed_once_it_is_committed(self, provider: PlayMoney) -> None:
        before = metrics_text().decode()
        send(an_approved())
        after = metrics_text().decode()
        counter = 'lockbay_payout_answers_total{adapter="sandbox",meaning="accepted"}'
        timer = 'lockbay_payout_sent_seconds_count{adapter="sandbox"}'
        assert [figure(after, name) - figure(before, name) for name in (counter, timer)] == [1, 1]

    def test_a_paid_order_is_completed_when_the_provider_says_so(self, provider: PlayMoney) -> None:
        withdrawal = an_approved()
        send(withdrawal)
        provider.set(withdrawal, "paid")
        assert ask(withdrawal) is PayoutMeaning.PAID
        assert status_of(withdrawal) == "completed"
        assert provider.asked_to_pay[withdrawal.public_id] == 1

    def test_a_refusal_for_good_gives_all_of_the_money_back(self, provider: PlayMoney) -> None:
        withdrawal = an_approved()
        provider.answers = [(422, {"error": "payout_refused"})]
        assert send(withdrawal) is PayoutMeaning.REFUSED
        assert status_of(withdrawal) == "failed"
        assert cast.wallet_of(cast.bea()) == cast.usd("50.00")
        assert send(withdrawal) is None

    def test_a_success_that_is_taken_back_is_reversed_and_gives_the_money_back(self, provider: PlayMoney) -> None:
        withdrawal = an_approved()
        provider.answers = ["paid"]
        send(withdrawal)
        assert status_of(withdrawal) == "completed"
        provider.set(withdrawal, "reversed")
        ask(withdrawal)
        assert status_of(withdrawal) == "reversed"
        assert cast.wallet_of(cast.bea()) == cast.usd("50.00")
        provider.set(withdrawal, "paid")
        ask(withdrawal)
        assert status_of(withdrawal) == "reversed"
        assert Event.objects.filter(kind=Kind.PAYOUT_CONTRADICTED).count() == 1

    def test_an_answer_that_a_later_one_has_overtaken_is_not_believed(self, provider: PlayMoney) -> None:
        withdrawal = an_approved()
        provider.answers = ["paid"]
        send(withdrawal)

        def somebody_else_hears_the_news() -> None:
            provider.while_telling = lambda: None
            provider.set(withdrawal, "reversed")
            assert ask(withdrawal) is PayoutMeaning.REVERSED

        provider.while_telling = somebody_else_hears_the_news
        assert ask(withdrawal) is None
        assert status_of(withdrawal) == "reversed"
        assert not Event.objects.filter(kind=Kind.PAYOUT_CONTRADICTED).exists()

    def test_an_answer_given_before_people_decided_is_not_believed(self, provider: PlayMoney) -> None:
        from wallets.actions.settle_withdrawal import settle_withdrawal

        withdrawal = an_approved()
        send(withdrawal)
        provider.set(withdrawal, "failed")

        def people_decide() -> None:
            for person in (cast.olu(), cast._person("ola", 1010, is_staff=True, is_superuser=True)):
                settle_withdrawal(
                    actor=person, withdrawal_id=withdrawal.pk, provider_reference="P-1", reason="seen on their page"
                )

        provider.while_telling = people_decide
        assert ask(withdrawal) is None
        assert status_of(withdrawal) == "completed"
        assert attempt_of(withdrawal).ask_due_at is not None, "it is asked again"

    def test_the_providers_own_fee_is_booked_when_it_names_one(self, provider: PlayMoney) -> None:
        from wallets.models import Operation

        withdrawal = an_approved()
        send(withdrawal)
        provider.orders[withdrawal.public_id] |= {"status": "paid", "fee": "1.5"}
        ask(withdrawal)
        fee = Operation.objects.get(kind="payout_fee")
        legs = {entry.account.code: str(entry.money) for entry in fee.entries.select_related("account")}
        assert legs == {"platform:fees:USDT": "-1.500000 USDT", "platform:clearing/sandbox:USDT": "1.500000 USDT"}

    def test_an_answer_about_another_amount_settles_nothing(self, provider: PlayMoney) -> None:
        withdrawal = an_approved()
        send(withdrawal)
        provider.orders[withdrawal.public_id] |= {"status": "paid", "amount": "48.49"}
        assert ask(withdrawal) is PayoutMeaning.UNKNOWN
        assert status_of(withdrawal) == "sent"
        assert attempt_of(withdrawal).text.startswith("other_amount")


class TestNotSent:
    @pytest.mark.parametrize(
        ("answer", "code"),
        [
            ((402, {"error": "insufficient_funds"}), "insufficient_funds"),
            ((429, {"error": "slow down"}), "rate_limit"),
            ((401, {"error": "bad_api_key"}), "not_allowed"),
        ],
    )
    def test_waits_with_an_alert_and_the_same_order_is_given_again(
        self, provider: PlayMoney, answer: object, code: str
    ) -> None:
        withdrawal = an_approved()
        provider.answers = [answer, "accepted"]
        assert send(withdrawal) is PayoutMeaning.NOT_SENT
        attempt = attempt_of(withdrawal)
        assert (status_of(withdrawal), attempt.code) == ("processing", code)
        assert Event.objects.get(kind=Kind.PAYOUT_WAITS).data["said"] == code
        assert send(withdrawal) is None, "not before its time"
        make_due(withdrawal)
        assert send(withdrawal) is PayoutMeaning.ACCEPTED
        assert [row.reference for row in PayoutAttempt.objects.all()] == [withdrawal.public_id] * 2

    def test_a_provider_that_cannot_be_reached_at_all_was_not_asked(self, provider: PlayMoney) -> None:
        withdrawal = an_approved()
        provider.does_take, provider.answers = False, [httpx.ConnectError("refused"), "accepted"]
        assert send(withdrawal) is PayoutMeaning.NOT_SENT
        make_due(withdrawal)
        provider.does_take = True
        assert send(withdrawal) is PayoutMeaning.ACCEPTED

    def test_staff_hear_of_the_first_second_and_fourth_try_not_of_each(self, provider: PlayMoney) -> None:
        withdrawal = an_approved()
        provider.answers = [(402, {"error": "insufficient_funds"})]
        for _ in range(7):
            make_due(withdrawal)
            send(withdrawal)
        assert [event.data["tries"] for event in Event.objects.filter(kind=Kind.PAYOUT_WAITS)] == [1, 2, 4]

    def test_pauses_grow_and_stay_below_half_an_hour(self) -> None:
        for number in range(1, 40):
            full = min(timedelta(seconds=30) * 2 ** min(number - 1, 16), timedelta(minutes=30))
            assert full / 2 <= retry_after(number) <= full


class TestUnknown:
    """F32: nobody knows what became of it; it is asked about, and never sent again."""

    @pytest.mark.parametrize(
        "answer",
        [
            httpx.ReadTimeout("slow"),
            httpx.ReadError("cut off"),
            httpx.RemoteProtocolError("cut off"),
            (500, {}),
            (503, b"<html>"),
            (201, b"<html>maintenance</html>"),
            (201, {}),
            (201, {"reference": "WDOTHER", "status": "paid"}),
            (418, {"error": "something new"}),
            (403, b"<html>firewall</html>"),
        ],
        ids=str,
    )
    def test_whatever_is_no_clear_answer_is_unknown(self, provider: PlayMoney, answer: object) -> None:
        withdrawal = an_approved()
        provider.answers = [answer]
        assert send(withdrawal) is PayoutMeaning.UNKNOWN
        assert status_of(withdrawal) == "unknown"
        for _ in range(3):
            make_due(withdrawal)
            assert send(withdrawal) is None
            assert send_payouts() == 0
        assert provider.asked_to_pay[withdrawal.public_id] == 1

    def test_it_is_found_by_our_own_reference(self, provider: PlayMoney) -> None:
        withdrawal = an_approved()
        provider.answers = [httpx.ReadTimeout("slow")]
        send(withdrawal)
        make_due(withdrawal)
        assert ask_payouts() == 1
        assert status_of(withdrawal) == "sent"
        provider.set(withdrawal, "paid")
        make_due(withdrawal)
        ask_payouts()
        assert status_of(withdrawal) == "completed"
        assert provider.asked_to_pay == {withdrawal.public_id: 1}

    def test_not_found_changes_nothing_before_it_proves_something(self, provider: PlayMoney) -> None:
        withdrawal = an_approved()
        provider.does_take, provider.answers = False, [httpx.ReadTimeout("slow")]
        send(withdrawal)
        assert ask(withdrawal) is PayoutMeaning.NOT_FOUND
        assert status_of(withdrawal) == "unknown"
        set_back_call(withdrawal, minutes=9)
        ask(withdrawal)
        assert status_of(withdrawal) == "unknown"
        set_back_call(withdrawal, minutes=10)
        ask(withdrawal)
        assert status_of(withdrawal) == "failed"
        assert cast.wallet_of(cast.bea()) == cast.usd("50.00")

    def test_where_it_proves_nothing_it_stays_unknown_for_people(
        self, provider: PlayMoney, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from payments.payouts.sandbox import SandboxPayouts

        monkeypatch.setattr(SandboxPayouts, "not_found_proves_after", None)
        withdrawal = an_approved()
        provider.does_take, provider.answers = False, [httpx.ReadTimeout("slow")]
        send(withdrawal)
        set_back_call(withdrawal, days=30)
        ask(withdrawal)
        assert status_of(withdrawal) == "unknown"

    def test_failed_by_people_and_paid_after_all_is_told_and_books_nothing(self, provider: PlayMoney) -> None:
        withdrawal = an_approved()
        provider.answers = [httpx.ReadTimeout("slow")]
        send(withdrawal)
        for person in (cast.olu(), cast._person("ola", 1010, is_staff=True, is_superuser=True)):
            fail_withdrawal(actor=person, withdrawal_id=withdrawal.pk, reason="their pages show nothing")
        provider.set(withdrawal, "paid")
        ask(withdrawal)
        assert status_of(withdrawal) == "failed"
        assert Event.objects.filter(kind=Kind.PAYOUT_CONTRADICTED).exists()

    def test_an_accepted_order_that_is_not_known_for_an_hour_is_unknown_again(self, provider: PlayMoney) -> None:
        withdrawal = an_approved()
        send(withdrawal)
        provider.orders.clear()
        ask(withdrawal)
        assert status_of(withdrawal) == "sent"
        set_back_call(withdrawal, hours=1)
        ask(withdrawal)
        assert status_of(withdrawal) == "unknown"


class TestGuard:
    @pytest.mark.parametrize("state", ["pending_approval", "sent", "unknown", "completed", "failed"])
    def test_a_call_for_what_is_not_processing_raises_whoever_calls(self, provider: PlayMoney, state: str) -> None:
        withdrawal = an_approved()
        claim = claim_attempt(withdrawal.pk)
        Withdrawal.objects.filter(pk=withdrawal.pk).update(
            status=state, closed_at=clock.now() if state in {"completed", "failed"} else None
        )
        with pytest.raises(NotProcessing):
            adapter_of_rail("sandbox").send(claim.order)
        assert not provider.asked_to_pay
        Withdrawal.objects.filter(pk=withdrawal.pk).update(status="processing", closed_at=None)

    def test_a_call_without_a_committed_attempt_raises(self, provider: PlayMoney) -> None:
        withdrawal = an_approved()
        order = claim_attempt(withdrawal.pk).order
        PayoutAttempt.objects.all().delete()
        with pytest.raises(LeaseLost):
            adapter_of_rail("sandbox").send(order)
        assert not provider.asked_to_pay

    def test_the_same_order_cannot_be_sent_twice(self, provider: PlayMoney) -> None:
        order = claim_attempt(an_approved().pk).order
        adapter_of_rail("sandbox").send(order)
        with pytest.raises(LeaseLost):
            adapter_of_rail("sandbox").send(order)
        assert set(provider.asked_to_pay.values()) == {1}

    def test_nothing_is_sent_before_approval_or_while_payouts_are_stopped(self, provider: PlayMoney) -> None:
        assert send(a_request()) is None
        withdrawal = an_approved()
        PayoutStop.objects.create(asset="USDT", reason="test", stopped_at=clock.now())
        for _ in range(3):
            assert send(withdrawal) is None
            make_due(withdrawal)
            assert send_payouts() == 0
        held = PayoutAttempt.objects.get()
        assert (held.outcome, held.code, held.called_at) == ("not_sent", "payouts_stopped", None)
        assert Event.objects.get(kind=Kind.PAYOUT_WAITS).data["said"] == "payouts_stopped"
        PayoutStop.objects.all().delete()
        make_due(withdrawal)
        assert send_payouts() == 1
        assert provider.asked_to_pay == {withdrawal.public_id: 1}

    def test_a_debt_that_came_after_the_approval_holds_it_back_until_people_decide(self, provider: PlayMoney) -> None:
        withdrawal = an_approved()
        owe(cast.bea(), "5.00")
        assert send_payouts() == 0
        assert attempt_of(withdrawal).code == "debt_open"
        take_over_payout(actor=cast.olu(), withdrawal_id=withdrawal.pk, reason="it is never going to be sent")
        for person in (cast.olu(), cast._person("ola", 1010, is_staff=True, is_superuser=True)):
            fail_withdrawal(actor=person, withdrawal_id=withdrawal.pk, reason="held back by a debt")
        assert cast.wallet_of(cast.bea()) == cast.usd("45.00"), "the debt is collected from what comes back"
        assert not provider.asked_to_pay

    def test_a_stop_between_claim_and_call_holds_it_back(
        self, provider: PlayMoney, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from payments.actions import send_payout as action

        withdrawal = an_approved()

        def claim_then_stop(pk: int) -> object:
            claim = claim_attempt(pk)
            PayoutStop.objects.create(asset="USD", reason="test", stopped_at=clock.now())
            return claim

        monkeypatch.setattr(action, "claim_attempt", claim_then_stop)
        with pytest.raises(PayoutsStopped):
            send(withdrawal)
        attempt = attempt_of(withdrawal)
        assert (attempt.outcome, attempt.code) == ("not_sent", "payouts_stopped")
        assert not provider.asked_to_pay


class TestLease:
    """F36: a sender that was frozen for longer than its lease has no effect any more."""

    def test_frozen_before_the_call_it_does_not_call(self, provider: PlayMoney) -> None:
        withdrawal = an_approved()
        frozen = claim_attempt(withdrawal.pk)
        assert send(withdrawal) is None, "its lease is its own"
        let_the_lease_end(withdrawal)
        other = claim_attempt(withdrawal.pk)
        with pytest.raises(LeaseLost):
            frozen.adapter.send(frozen.order)
        other.adapter.send(other.order)
        with pytest.raises(LeaseLost):
            frozen.adapter.send(frozen.order)
        assert provider.asked_to_pay == {withdrawal.public_id: 1}

    def test_frozen_in_the_call_its_answer_is_not_written_and_is_found_by_look_up(self, provider: PlayMoney) -> None:
        withdrawal = an_approved()

        def another_takes_over() -> None:
            let_the_lease_end(withdrawal)
            assert send(withdrawal) is PayoutMeaning.UNKNOWN

        provider.while_paying = another_takes_over
        provider.answers = ["paid"]
        assert send(withdrawal) is None
        assert status_of(withdrawal) == "unknown"
        assert provider.asked_to_pay == {withdrawal.public_id: 1}
        ask(withdrawal)
        assert status_of(withdrawal) == "completed"

    def test_a_payout_that_is_being_sent_is_left_to_its_sender(self, provider: PlayMoney) -> None:
        withdrawal = an_approved()
        claim_attempt(withdrawal.pk)
        assert ask(withdrawal) is None
        assert not provider.looked_up


class TestByHand:
    def test_waits_for_people_and_calls_nobody(self, provider: PlayMoney) -> None:
        withdrawal = an_approved("manual")
        assert send_payouts() == 0
        assert send_payouts() == 0
        assert attempt_of(withdrawal).outcome == "by_hand"
        assert status_of(withdrawal) == "processing"
        assert Event.objects.get(kind=Kind.PAYOUT_WAITS).data["said"] == "by_hand"
