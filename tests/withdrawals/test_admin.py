"""The desk of money out, as staff see it: queue, hints, entries, two people, the stop switch (W2, W7, W8)."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from lockbay import clock
from lockbay.people.models import User
from lockbay.people.roles import AUDITOR
from tests import cast
from tests.cast import bea, olu, sol, usd
from tests.withdrawals.debtors import owes
from tests.withdrawals.stories import (
    S,
    a_destination,
    a_request,
    a_withdrawal_in,
    ada,
    approved,
    held_for,
    quote,
    terms,
    third,
)
from wallets import quoting
from wallets.actions.change_withdrawal import change_withdrawal
from wallets.actions.payout_stops import stop_payouts
from wallets.errors import QuoteUnavailable
from wallets.models import PayoutStop, Withdrawal
from wallets.money import Money
from wallets.quoting import PayoutQuote
from wallets.signed_quotes import MOST_SECONDS, sign_quote
from wallets.withdrawal_review import preview_lines, review_of

pytestmark = pytest.mark.django_db(transaction=True)
DECISIONS = ("approve", "reject", "settle", "fail", "reverse")


class OneToOne:
    """Prices by the estimate, or not at all."""

    has_rate = True

    def payout_quote(self, withdrawal: Withdrawal, now: datetime) -> PayoutQuote:
        if not self.has_rate:
            raise QuoteUnavailable("rate")
        return quote(withdrawal)


@pytest.fixture(autouse=True)
def quoter(monkeypatch: pytest.MonkeyPatch) -> OneToOne:
    one_to_one = OneToOne()
    monkeypatch.setattr(quoting, "_quoters", [one_to_one])
    return one_to_one


def auditor() -> User:
    person, _is_new = User.objects.get_or_create(username="kim", defaults={"is_staff": True})
    person.groups.add(Group.objects.get_or_create(name=AUDITOR)[0])
    return person


def signed_in(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def page_of(withdrawal: Withdrawal, name: str) -> str:
    return reverse(f"admin:wallets_withdrawal_{name}", args=[withdrawal.pk])


def read(person: User, address: str) -> str:
    response = signed_in(person).get(address)
    assert response.status_code == 200
    return response.content.decode()


def hidden_in(page: str) -> dict[str, str]:
    """What the form carries along."""
    return dict(re.findall(r'name="(revision|quote)" value="([^"]*)"', page))


def post(person: User, withdrawal: Withdrawal, name: str, **given: Any) -> str:
    """Looks at the page, posts its form, and returns what is said afterwards."""
    address = page_of(withdrawal, name)
    client = signed_in(person)
    form = {**hidden_in(client.get(address).content.decode()), "reason": "looked at it", **given}
    return client.post(address, form, follow=True).content.decode()


def may_look(person: User) -> User:
    from lockbay.people.roles import install_roles

    install_roles()
    return User.objects.get(pk=person.pk)


def test_what_waits_comes_first_and_oldest_first_whatever_there_is() -> None:
    listing = reverse("admin:wallets_withdrawal_changelist")
    assert not re.search(r"WD\d{6}", read(olu(), listing))
    done = a_withdrawal_in(S.COMPLETED)
    first, second = a_request(), a_request()
    flying = a_withdrawal_in(S.PROCESSING)
    page = read(olu(), listing)
    places = [page.index(row.public_id) for row in (first, second, flying, done)]
    assert places == sorted(places)
    assert "0 / 1" in page
    assert "1 withdrawal" in page


def test_the_list_costs_the_same_number_of_queries_for_one_row_and_for_many(
    django_assert_max_num_queries: Any, settings: Any
) -> None:
    settings.WITHDRAWAL_DAILY_LIMIT = 100
    client, listing = signed_in(olu()), reverse("admin:wallets_withdrawal_changelist")
    for _ in range(12):
        a_request()
    with django_assert_max_num_queries(12):
        client.get(listing)


def test_the_entries_on_the_page_are_the_ones_that_are_posted() -> None:
    request = a_request()
    page = read(olu(), page_of(request, "approve"))
    for line in preview_lines(request):
        assert line.account in page
    post(olu(), request, "approve")
    from wallets.models import Entry

    posted = Entry.objects.filter(operation__key=f"withdrawal:{request.public_id}:approve").order_by("pk")
    shown = [(line.account, line.money) for line in preview_lines(request) if line.purpose == "approve"]
    assert [(entry.account.code, entry.money) for entry in posted] == shown
    request.refresh_from_db()
    assert (request.status, held_for(request)) == (S.PROCESSING, usd("50.00"))


def test_two_people_see_plainly_whose_turn_it_is() -> None:
    request = a_request("300.00")
    may_look(ada())
    assert "Approve as the first of two" in read(ada(), page_of(request, "approve"))
    assert "waits for a second person, not you" in post(ada(), request, "approve")
    again = read(ada(), page_of(request, "approve"))
    assert "You have approved it. It waits for a second person, not you." in again
    assert "<textarea" not in again
    second = read(olu(), page_of(request, "approve"))
    assert "Approved by Ada; it waits for a second person." in second
    assert "is approved and will be sent" in post(olu(), request, "approve")


def test_nobody_is_offered_their_own_money_to_decide() -> None:
    request = a_request(owner=olu())
    page = read(olu(), page_of(request, "approve"))
    assert "It is your own money: somebody else decides." in page
    assert "<textarea" not in page
    form = {"revision": "1", "quote": sign_quote(request, quote(request)), "reason": "mine"}
    said = signed_in(olu()).post(page_of(request, "approve"), form, follow=True).content.decode()
    assert "This is your own money" in said
    request.refresh_from_db()
    assert request.status == S.PENDING_APPROVAL


def test_a_change_between_look_and_click_is_refused() -> None:
    request = a_request()
    client = signed_in(olu())
    form = hidden_in(client.get(page_of(request, "approve")).content.decode())
    other = a_destination(bea(), address="TElsewhere")
    change_withdrawal(actor=bea(), withdrawal_id=request.pk, destination_id=other.pk, terms=terms())
    said = client.post(page_of(request, "approve"), {**form, "reason": "fine"}, follow=True).content.decode()
    assert "you saw revision 1, it is 2 now" in said
    request.refresh_from_db()
    assert request.status == S.PENDING_APPROVAL


def test_a_quote_that_is_old_or_of_another_withdrawal_or_forged_is_looked_at_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    request, other = a_request(), a_request()
    for forged in ("", "x:y:z", sign_quote(other, quote(other))):
        assert "too old. Look at the new one" in post(olu(), request, "approve", quote=forged)
    old = sign_quote(request, quote(request))
    monkeypatch.setattr("django.core.signing.time.time", lambda: clock.real_now().timestamp() + MOST_SECONDS + 1)
    form = {"revision": "1", "quote": old, "reason": "fine"}
    client = signed_in(olu())
    assert "too old" in client.post(page_of(request, "approve"), form, follow=True).content.decode()
    request.refresh_from_db()
    assert request.status == S.PENDING_APPROVAL


def test_without_a_fresh_rate_there_is_nothing_to_click(quoter: OneToOne) -> None:
    request = a_request()
    quoter.has_rate = False
    page = read(olu(), page_of(request, "approve"))
    assert "No fresh rate is known" in page
    assert "<textarea" not in page


def test_a_rejection_is_said_to_be_the_owners_to_read() -> None:
    request = a_request()
    assert "The owner reads this" in read(olu(), page_of(request, "reject"))
    assert "is rejected" in post(olu(), request, "reject", reason="the account is not yours")
    request.refresh_from_db()
    assert (request.status, request.reason) == (S.REJECTED, "the account is not yours")


def test_two_people_say_what_became_of_a_payout() -> None:
    may_look(ada())
    unknown = a_withdrawal_in(S.UNKNOWN)
    said = post(ada(), unknown, "settle", provider_reference="P-9")
    assert "A second person has to say the same" in said
    assert "P-9" in read(olu(), page_of(unknown, "settle"))
    assert "is completed" in post(olu(), unknown, "settle", provider_reference="P-9")
    post(ada(), unknown, "reverse", provider_reference="R-1")
    assert "is reversed" in post(olu(), unknown, "reverse", provider_reference="R-1")
    lost = a_withdrawal_in(S.UNKNOWN)
    post(ada(), lost, "fail")
    assert "is failed" in post(olu(), lost, "fail")


def test_an_auditor_looks_and_decides_nothing() -> None:
    request = a_request()
    kim = may_look(auditor())
    page = read(kim, page_of(request, "change"))
    client = signed_in(kim)
    for name in DECISIONS:
        assert page_of(request, name) not in page
        assert client.get(page_of(request, name)).status_code == 403
        assert client.post(page_of(request, name), {"reason": "x"}).status_code == 403


def test_buttons_are_where_their_act_can_be_due() -> None:
    offered = {
        S.PENDING_APPROVAL: {"approve", "reject"},
        S.AWAITING_REGISTRATION: {"fail"},
        S.PROCESSING: set(),
        S.UNKNOWN: {"settle", "fail"},
        S.COMPLETED: {"reverse"},
        S.FAILED: set(),
    }
    for status, names in offered.items():
        withdrawal = a_withdrawal_in(status)
        page = read(olu(), page_of(withdrawal, "change"))
        buttons = {
            name for name in ("approve", "reject", "settle", "fail", "reverse") if page_of(withdrawal, name) in page
        }
        assert buttons == names, status


def test_the_page_of_a_withdrawal_tells_its_whole_story() -> None:
    withdrawal = a_withdrawal_in(S.COMPLETED)
    page = read(olu(), page_of(withdrawal, "change"))
    for words in ("withdrawal.requested", "withdrawal.completed", "The chain of events is whole", "platform:fees:USD"):
        assert words in page
    assert signed_in(olu()).get(reverse("admin:wallets_withdrawal_change", args=["x"])).status_code == 302


def test_hints_speak_of_what_is_there_and_only_of_that(settings: Any) -> None:
    owner = bea()
    User.objects.filter(pk=owner.pk).update(date_joined=clock.now() - timedelta(days=30))
    cast.a_trade_in(cast.Status.COMPLETED, price="100.00")
    old = a_destination(owner)
    type(old).objects.filter(pk=old.pk).update(created_at=clock.now() - timedelta(days=10))
    a_withdrawal_in(S.COMPLETED, destination=old)
    calm = a_request(destination=old)
    assert review_of(calm).hints == ()
    assert review_of(calm).history.background.volume == usd("100.00")
    cast.a_trade_in(cast.Status.DISPUTED)
    settings.WITHDRAWAL_HOURLY_USD = usd("60.00").decimal()
    stop_payouts(actor=olu(), asset="USDT", reason="test")
    owes(owner, "1.00")
    assert set(review_of(Withdrawal.objects.get(pk=calm.pk)).hints) == {
        "open_dispute", "debt", "too_much_this_hour", "stopped",
    }  # fmt: skip
    fresh = a_request("300.00", owner=sol(), destination=a_destination(sol(), address=old.details["address"]))
    assert {"new_destination", "shared_destination", "first_withdrawal", "more_than_volume", "young_account"} <= set(
        review_of(fresh).hints
    )
    page = read(olu(), page_of(fresh, "approve"))
    assert "Somebody else withdraws to the same destination." in page


def test_registering_an_address_sends_what_waits() -> None:
    waiting = a_withdrawal_in(S.AWAITING_REGISTRATION)
    address = reverse("admin:wallets_destination_register", args=[waiting.destination_id])
    change = reverse("admin:wallets_destination_change", args=[waiting.destination_id])
    assert address in read(olu(), change)
    assert waiting.public_id in read(olu(), address)
    client = signed_in(olu())
    refused = client.post(address, {"registered_as": "", "reason": "saved"}, follow=True)
    assert "Please enter the reference or the name" in refused.content.decode()
    done = client.post(address, {"registered_as": "bea-1", "reason": "saved"}, follow=True)
    assert "Registered as bea-1" in done.content.decode()
    assert address not in read(olu(), change)
    waiting.refresh_from_db()
    assert waiting.status == S.PROCESSING
    kim = may_look(auditor())
    assert signed_in(kim).get(address).status_code == 403
    assert address not in read(kim, change)


def test_the_stop_switch_stops_by_an_operator_and_resumes_by_an_owner() -> None:
    switch = reverse("admin:wallets_payoutstop_switch")
    may_look(ada())
    operator, owner = signed_in(ada()), signed_in(olu())
    assert "every asset is paid out" in read(olu(), switch)
    stopped = operator.post(switch, {"act": "stop", "asset": "USDT", "reason": "odd answers"}, follow=True)
    assert "Payouts of USDT are stopped" in stopped.content.decode()
    assert "An owner resumes it." in read(ada(), switch)
    refused = operator.post(switch, {"act": "resume", "asset": "USDT", "reason": "fine"}, follow=True)
    assert "Your role may look at this" in refused.content.decode()
    resumed = owner.post(switch, {"act": "resume", "asset": "USDT", "reason": "fine"}, follow=True)
    assert "Payouts of USDT go on" in resumed.content.decode()
    assert not PayoutStop.objects.exists()
    for wrong in ({"act": "stop", "asset": "XXX", "reason": "x"}, {"act": "stop", "asset": "USDT", "reason": ""}):
        assert "Nothing was changed" in owner.post(switch, wrong, follow=True).content.decode()
    assert signed_in(may_look(auditor())).get(switch).status_code == 403
    assert reverse("admin:wallets_payoutstop_switch") in read(olu(), reverse("admin:wallets_payoutstop_changelist"))


def test_a_small_amount_that_nobody_approved_says_so(settings: Any) -> None:
    settings.WITHDRAWAL_AUTO_APPROVE_USD = usd("100.00").decimal()
    done = a_request()
    assert "Approved by the system" in read(olu(), page_of(done, "change"))
    assert approved(a_request("150.00"), third()).payout != Money(0, "USDT")
