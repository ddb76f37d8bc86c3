"""Money that nobody can match is booked as nobody's and given to its request by a person (P12)."""

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from lockbay.events.kinds import Kind
from lockbay.events.models import Event
from lockbay.people.models import User
from payments.actions.apply_event import drain
from payments.actions.assign_deposit import assign_deposit
from payments.errors import AssignRefused
from payments.models import Deposit, InboxEvent, Intent
from payments.suspense import suggestions_for, unassigned
from tests.cast import usd
from tests.payments.money_in import a_txid, an_intent, body_of, payer, stored
from wallets.accounts import SUSPENSE, platform_account
from wallets.models import Operation
from wallets.money import Money
from wallets.queries import balance_of, balances_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("books_green")]


def stray(intent: Intent, **changes: Any) -> InboxEvent:
    """A well-signed payment like the intent's, under a payment id that is not ours."""
    body = body_of(intent, **{"payment_id": "pay_of_nobody", "txid": a_txid("stray"), **changes})
    row = stored(json.dumps(body).encode())
    drain()
    row.refresh_from_db()
    return row


def in_suspense(asset: str = "USDT") -> Money:
    return balance_of(platform_account(SUSPENSE, asset))


def assigned(deposit: Deposit, intent: Intent) -> Any:
    shown = assign_deposit(actor=payer(), deposit_id=deposit.pk, intent_key=intent.public_id, dry_run=True)
    return assign_deposit(
        actor=payer(),
        deposit_id=deposit.pk,
        intent_key=intent.public_id,
        dry_run=False,
        reason="the payer sent the receipt",
        digest=shown.digest,
    )


class TestSuspended:
    def test_it_is_booked_as_nobodys_and_staff_are_told(self) -> None:
        intent = an_intent()
        row = stray(intent, reference="?", address="SANDBOXTelsewhere")
        (deposit,) = unassigned()
        assert (row.status, row.operations) == ("applied", [f"deposit:{deposit.pk}:credit:1"])
        assert in_suspense() == deposit.money == intent.pay_amount
        assert balances_of(intent.payer_id) == {}
        assert Event.objects.get(kind=Kind.DEPOSIT_SUSPENDED).subject_id == deposit.pk

    @pytest.mark.parametrize("txid", [a_txid("stray"), ""])
    def test_copies_are_booked_once(self, txid: str) -> None:
        intent = an_intent()
        for _ in range(3):
            stray(intent, txid=txid)
        assert Operation.objects.count() == 1
        assert InboxEvent.objects.filter(status="duplicate").count() == 2

    def test_copies_in_one_batch_too(self) -> None:
        intent = an_intent()
        for _ in range(3):
            stored(json.dumps(body_of(intent, payment_id="pay_of_nobody")).encode())
        drain()
        assert (Operation.objects.count(), in_suspense()) == (1, intent.pay_amount)

    def test_another_amount_for_it_waits_for_a_person(self) -> None:
        intent = an_intent()
        stray(intent, txid="")
        row = stray(intent, txid="", amount_received="1")
        assert (row.status, row.error) == ("parked", "amount_differs")

    def test_a_transaction_that_paid_a_request_is_not_booked_again(self) -> None:
        intent = an_intent()
        stored(json.dumps(body_of(intent)).encode())
        drain()
        row = stray(intent, txid=a_txid(intent.pk))
        assert (row.status, in_suspense()) == ("duplicate", Money(0, "USDT"))

    def test_its_own_event_later_does_not_credit_it_again(self) -> None:
        intent = an_intent()
        for txid in (a_txid("x"), ""):
            stray(intent, txid=txid, payment_id=f"pay_late{len(txid)}")
            Intent.objects.filter(pk=intent.pk).update(provider_payment_id=f"pay_late{len(txid)}")
            row = stray(intent, txid=txid, payment_id=f"pay_late{len(txid)}")
            assert row.status == "duplicate"

    @pytest.mark.parametrize("amount", ["9" * 24, "0"])
    def test_what_cannot_be_read_stays_parked(self, amount: str) -> None:
        assert stray(an_intent(), amount_received=amount).status == "parked"
        assert not Deposit.objects.exists()


class TestAssigned:
    def test_it_reaches_its_purpose_at_the_frozen_rate(self) -> None:
        intent = an_intent(price="20.00", rate="0.5")
        stray(intent)
        (deposit,) = unassigned()
        report = assigned(deposit, intent)
        assert (report.value, report.is_late) == (usd("20.00"), False)
        assert (in_suspense(), balances_of(intent.payer_id)) == (Money(0, "USDT"), {("available", "USD"): usd("20.00")})
        fact = Event.objects.get(kind=Kind.DEPOSIT_ASSIGNED)
        assert (fact.actor_id, fact.data["reason"]) == (payer().pk, "the payer sent the receipt")
        assert unassigned() == []
        with pytest.raises(AssignRefused, match="assigned_already"):
            assigned(deposit, intent)

    def test_it_pays_a_trade(self) -> None:
        from escrows.queries import PURPOSE
        from tests.cast import a_waiting_trade, held_by

        trade = a_waiting_trade()
        intent = an_intent(price="21.00", purpose=PURPOSE, reference=trade.public_id)
        stray(intent)
        assigned(unassigned()[0], intent)
        trade.refresh_from_db()
        assert (trade.status, held_by(trade)) == ("payment_confirmed", usd("21.00"))

    def test_late_or_in_another_coin_it_needs_a_fresh_rate(self) -> None:
        stray(an_intent())
        (deposit,) = unassigned()
        for other in (an_intent(minutes=-5), an_intent(asset="BTC", network="BTC")):
            with pytest.raises(AssignRefused, match="rate_unavailable"):
                assigned(deposit, other)

    def test_a_dry_run_changes_nothing_and_a_changed_preview_is_refused(self) -> None:
        intent = an_intent()
        stray(intent)
        (deposit,) = unassigned()
        key = intent.public_id
        shown = assign_deposit(actor=None, deposit_id=deposit.pk, intent_key=key, dry_run=True)
        assert [str(entry.money) for entry in shown.entries][:1] == [str(-deposit.money)]
        for reason, digest, refusal in (("why", "0" * 12, "preview_changed"), (" ", shown.digest, "reason_missing")):
            with pytest.raises(AssignRefused, match=refusal):
                assign_deposit(
                    actor=None, deposit_id=deposit.pk, intent_key=key, dry_run=False, reason=reason, digest=digest
                )
        assert unassigned() == [deposit]
        with pytest.raises(AssignRefused, match="unknown_request"):
            assign_deposit(actor=None, deposit_id=deposit.pk, intent_key="PI?", dry_run=True)
        with pytest.raises(AssignRefused, match="not_found"):
            assign_deposit(actor=None, deposit_id=0, intent_key=key, dry_run=True)


class TestTheDesk:
    @pytest.fixture
    def staff(self, client: Client) -> Client:
        client.force_login(User.objects.create(username="olu", is_staff=True, is_superuser=True))
        return client

    def test_suggestions_come_with_their_reasons_the_best_first(self) -> None:
        other, intent = an_intent(price="20.40"), an_intent()
        stray(intent, reference="PI?")
        found = suggestions_for(unassigned()[0])
        assert [suggestion.intent for suggestion in found] == [intent, other]
        assert found[0].reasons == ("address", "amount", "time")
        assert found[1].reasons == ("about_amount", "time")

    def test_it_lists_previews_and_assigns(self, staff: Client) -> None:
        intent = an_intent()
        stray(intent)
        (deposit,) = unassigned()
        desk = staff.get(reverse("admin:payments_deposit_unmatched")).content.decode()
        assert "same address" in desk
        assert "same reference" in desk
        page = reverse("admin:payments_deposit_assign", args=[deposit.pk])
        assert page in desk
        shown = staff.get(page, {"intent": intent.public_id})
        assert "platform:suspense:USDT" in shown.content.decode()
        given = {"intent": intent.public_id, "digest": shown.context["report"].digest, "reason": ""}
        assert "needs a written reason" in staff.post(page, given).content.decode()
        assert staff.post(page, {**given, "reason": "a receipt"}).status_code == 302
        assert balances_of(intent.payer_id) == {("available", "USD"): usd("20.00")}
        assert "already" in staff.get(page, {"intent": intent.public_id}).content.decode()
        assert "Nothing waits" in staff.get(reverse("admin:payments_deposit_unmatched")).content.decode()

    def test_an_auditor_looks_and_does_nothing(self, client: Client) -> None:
        from django.contrib.auth.models import Group

        intent = an_intent()
        stray(intent)
        auditor = User.objects.create(username="aud", is_staff=True)
        auditor.groups.add(Group.objects.get(name="auditor"))
        client.force_login(auditor)
        assert client.get(reverse("admin:payments_deposit_unmatched")).status_code == 200
        assert client.get(reverse("admin:payments_deposit_assign", args=[unassigned()[0].pk])).status_code == 403
