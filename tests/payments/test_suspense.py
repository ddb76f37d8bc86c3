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
from payments.models import Deposit, InboxEvent, Intent
from payments.suspense import suggestions_for, unassigned
from tests.cast import olu, usd
from tests.payments.assigning import assign, look_at
from tests.payments.money_in import a_txid, an_intent, body_of, stored
from wallets.accounts import SUSPENSE, platform_account
from wallets.errors import RepairRefused
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
        assign(deposit, intent)
        deposit.refresh_from_db()
        assert (deposit.value_minor, deposit.is_late) == (2000, False)
        assert (in_suspense(), balances_of(intent.payer_id)) == (Money(0, "USDT"), {("available", "USD"): usd("20.00")})
        fact = Event.objects.get(kind=Kind.DEPOSIT_ASSIGNED)
        assert (fact.actor_id, fact.data["reason"]) == (olu().pk, "the payer sent the receipt")
        assert unassigned() == []
        with pytest.raises(RepairRefused, match="assigned_already"):
            assign(deposit, intent)

    def test_it_pays_a_trade(self) -> None:
        from escrows.queries import PURPOSE
        from tests.cast import a_waiting_trade, held_by

        trade = a_waiting_trade()
        intent = an_intent(price="21.00", purpose=PURPOSE, reference=trade.public_id)
        stray(intent)
        assign(unassigned()[0], intent)
        trade.refresh_from_db()
        assert (trade.status, held_by(trade)) == ("payment_confirmed", usd("21.00"))

    def test_late_or_in_another_coin_it_needs_a_fresh_rate(self) -> None:
        stray(an_intent())
        (deposit,) = unassigned()
        for other in (an_intent(minutes=-5), an_intent(asset="BTC", network="BTC")):
            with pytest.raises(RepairRefused, match="rate_unavailable"):
                assign(deposit, other)

    def test_a_dry_run_changes_nothing_and_a_changed_preview_is_refused(self) -> None:
        intent = an_intent()
        stray(intent)
        (deposit,) = unassigned()
        key = intent.public_id
        shown = look_at(deposit.pk, key)
        assert [str(entry.money) for entry in shown.entries][:1] == [str(-deposit.money)]
        for reason, digest, refusal in (("why", "0" * 12, "changed"), (" ", shown.digest, "needs_reason")):
            with pytest.raises(RepairRefused, match=refusal):
                assign(deposit, intent, reason=reason, digest=digest)
        assert unassigned() == [deposit]
        with pytest.raises(RepairRefused, match="unknown_request"):
            look_at(deposit.pk, "PI?")
        with pytest.raises(RepairRefused, match="not_found"):
            look_at(0, key)


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
        shown = staff.get(page, {"intent": intent.public_id}, follow=True)
        assert "platform:suspense:USDT" in shown.content.decode()
        start, key = shown.redirect_chain[-1][0].partition("?")[0], shown.context["request_key"]
        given = {"kind": "assign_deposit", "intent": intent.public_id, "digest": shown.context["preview"].digest}
        assert "write down why" in staff.post(start, {**given, "request_key": key, "reason": ""}).content.decode()
        assert staff.post(start, {**given, "request_key": key, "reason": "a receipt"}).status_code == 302
        assert balances_of(intent.payer_id) == {("available", "USD"): usd("20.00")}
        assert "already" in staff.get(page, {"intent": intent.public_id}, follow=True).content.decode()
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
