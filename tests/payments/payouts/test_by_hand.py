"""What people do: pay by hand and enter the reference, take over what no rail takes, ask a provider again; at the desk
and by the acts themselves."""

import httpx
import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from lockbay.people.models import User
from lockbay.people.roles import OPERATOR
from payments.actions.ask_payout import ask_payout
from payments.actions.record_manual_payout import record_manual_payout
from payments.actions.send_payout import send_payout
from payments.actions.take_over_payout import take_over_payout
from payments.payouts.jobs import send_payouts
from tests import cast
from tests.payments.payouts.stories import PlayMoney, an_approved, attempt_of, make_due, status_of
from wallets.actions.fail_withdrawal import fail_withdrawal
from wallets.errors import DecisionRefused, WithdrawalNotFound, WrongWithdrawalStatus
from wallets.models import Withdrawal

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("books_green")]


def operator(name: str = "ola", number: int = 1010) -> User:
    person = cast._person(name, number, is_staff=True)
    person.groups.add(Group.objects.get_or_create(name=OPERATOR)[0])
    return person


def by_hand() -> Withdrawal:
    withdrawal = an_approved("manual")
    send_payouts()
    return withdrawal


def record(withdrawal: Withdrawal, reference: str = "BANK-1", *, actor: User | None = None) -> Withdrawal:
    return record_manual_payout(
        actor=actor or operator(), withdrawal_id=withdrawal.pk, provider_reference=reference, reason="paid at the bank"
    )


class TestPaidByHand:
    def test_the_reference_completes_it_and_saying_it_twice_is_once(self) -> None:
        withdrawal = by_hand()
        assert record(withdrawal).status == "completed"
        assert record(withdrawal).provider_reference == "BANK-1"
        assert attempt_of(withdrawal).outcome == "paid"
        with pytest.raises(WrongWithdrawalStatus):
            record(withdrawal, "BANK-2")

    def test_is_refused_without_a_reference_a_right_or_a_payout_that_waits_for_people(self) -> None:
        withdrawal = by_hand()
        with pytest.raises(DecisionRefused):
            record(withdrawal, "  ")
        with pytest.raises(DecisionRefused):
            record(withdrawal, actor=cast.max_())
        with pytest.raises(WithdrawalNotFound):
            record_manual_payout(actor=operator(), withdrawal_id=0, provider_reference="B", reason="why")
        with pytest.raises(WrongWithdrawalStatus):
            record(an_approved("sandbox"))
        assert ask_payout(actor=None, attempt_id=attempt_of(withdrawal).pk) is None
        assert status_of(withdrawal) == "processing"

    def test_nobody_says_so_of_their_own_money(self) -> None:
        rich = operator()
        withdrawal = an_approved("manual", owner=rich)
        send_payouts()
        with pytest.raises(DecisionRefused):
            record(withdrawal, actor=rich)


class TestTakenOver:
    def test_what_waits_goes_into_peoples_hands_and_is_never_sent_again(self, provider: PlayMoney) -> None:
        withdrawal = an_approved()
        provider.answers = [(402, {"error": "insufficient_funds"}), "accepted"]
        send_payout(actor=None, withdrawal_id=withdrawal.pk)
        for _ in range(2):
            take_over_payout(actor=operator(), withdrawal_id=withdrawal.pk, reason="the rail is closed")
        assert status_of(withdrawal) == "unknown"
        make_due(withdrawal)
        assert send_payouts() == 0
        for person in (operator(), operator("ada", 1011)):
            fail_withdrawal(actor=person, withdrawal_id=withdrawal.pk, reason="never sent")
        assert cast.wallet_of(cast.bea()) == cast.usd("50.00")
        assert provider.asked_to_pay[withdrawal.public_id] == 1

    def test_what_is_sent_or_not_begun_is_not_taken_over(self, provider: PlayMoney) -> None:
        sent, fresh = an_approved(), an_approved()
        send_payout(actor=None, withdrawal_id=sent.pk)
        for withdrawal in (sent, fresh):
            with pytest.raises(WrongWithdrawalStatus):
                take_over_payout(actor=operator(), withdrawal_id=withdrawal.pk, reason="impatient")


class TestDesk:
    @pytest.fixture
    def desk(self) -> Client:
        client = Client()
        client.force_login(cast.olu())
        return client

    def test_shows_attempts_with_the_providers_words(self, desk: Client, provider: PlayMoney) -> None:
        withdrawal = an_approved()
        provider.answers = [(422, {"error": "payout_refused", "detail": "<b>no</b>"})]
        send_payout(actor=None, withdrawal_id=withdrawal.pk)
        page = desk.get(reverse("admin:payments_payoutattempt_changelist")).content.decode()
        assert withdrawal.public_id in page
        assert "payout_refused" in page
        page = desk.get(
            reverse("admin:payments_payoutattempt_change", args=[attempt_of(withdrawal).pk])
        ).content.decode()
        assert "&lt;b&gt;no" in page
        assert desk.get(reverse("admin:payments_railbalance_changelist")).status_code == 200

    def test_a_payment_by_hand_is_entered_on_its_page(self, desk: Client) -> None:
        withdrawal = by_hand()
        url = reverse("admin:payments_payoutattempt_enter_reference", args=[attempt_of(withdrawal).pk])
        page = desk.get(url).content.decode()
        assert "0690000040" in page
        assert "15000.00 NGN" in page
        answer = desk.post(url, {"provider_reference": "BANK-1", "reason": "paid"}, follow=True)
        assert "BANK-1" in answer.content.decode()
        assert status_of(withdrawal) == "completed"
        desk.post(url, {"provider_reference": "BANK-2", "reason": "again"})
        assert Withdrawal.objects.get(pk=withdrawal.pk).provider_reference == "BANK-1"

    def test_a_provider_is_asked_and_a_payout_handed_over(self, desk: Client, provider: PlayMoney) -> None:
        unknown, waiting = an_approved(), an_approved()
        provider.answers = [httpx.ReadTimeout("slow"), (402, {"error": "insufficient_funds"})]
        send_payout(actor=None, withdrawal_id=unknown.pk)
        send_payout(actor=None, withdrawal_id=waiting.pk)
        desk.post(reverse("admin:payments_payoutattempt_ask", args=[attempt_of(unknown).pk]))
        assert status_of(unknown) == "sent"
        url = reverse("admin:payments_payoutattempt_take_over", args=[attempt_of(waiting).pk])
        assert desk.get(url).status_code == 200
        desk.post(url, {"reason": "the rail is closed"})
        assert status_of(waiting) == "unknown"

    def test_who_may_not_decide_sees_no_page(self) -> None:
        withdrawal, client = by_hand(), Client()
        client.force_login(cast.max_())
        for name in ("enter_reference", "take_over", "ask"):
            url = reverse(f"admin:payments_payoutattempt_{name}", args=[attempt_of(withdrawal).pk])
            assert client.post(url, {"provider_reference": "B", "reason": "r"}).status_code in {302, 403}
        assert status_of(withdrawal) == "processing"
