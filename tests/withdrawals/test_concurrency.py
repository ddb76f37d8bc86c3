"""Everything at once, and one result: approvals, cancellations, changes and requests that race (W1, W2, F31)."""

import json
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from functools import partial
from threading import Event as Signal
from typing import Any

import pytest
from django.db import transaction

from lockbay.events.kinds import Kind
from lockbay.events.models import Event
from lockbay.people.models import User
from tests.at_once import at_once, same_database
from tests.cast import bea, give, olu, usd, wallet_of
from tests.withdrawals.stories import (
    S,
    a_destination,
    a_request,
    a_withdrawal_in,
    ada,
    approved,
    held_for,
    kinds_of,
    quote,
    terms,
    third,
)
from wallets.accounts import HELD
from wallets.actions.cancel_withdrawal import cancel_withdrawal
from wallets.actions.change_withdrawal import change_withdrawal
from wallets.actions.destinations import add_destination, register_destination, remove_destination
from wallets.actions.reject_withdrawal import reject_withdrawal
from wallets.actions.settle_withdrawal import settle_withdrawal
from wallets.errors import Refusal
from wallets.models import Destination, Operation, Withdrawal
from wallets.withdrawal_moving import amend_withdrawal, lock_withdrawal
from wallets.withdrawal_states import PENDING

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("books_green")]
ASKERS = (10, 10, 12, 10, 16, 10, 10, 24, 10, 50)  # of the rounds in turn


def answer_of(act: Callable[[], Any]) -> str:
    """ "done", or the name of the refusal; any other error is the test's."""
    try:
        act()
    except Refusal as refusal:
        return type(refusal).__name__
    return "done"


def test_two_who_approve_at_once_make_one_approval() -> None:
    request = a_request()
    given = quote(request)
    answers = at_once(
        lambda who: answer_of(lambda: approved(request, who, payout=given)), [olu(), ada(), olu(), ada(), third()]
    )
    assert answers.count("done") in {1, 2}  # a second click of the one who was first is answered
    assert set(answers) <= {"done", "WrongWithdrawalStatus"}
    request.refresh_from_db()
    assert (request.status, request.approvals.count(), held_for(request)) == (S.PROCESSING, 1, usd("50.00"))
    assert kinds_of(request).count(Kind.WITHDRAWAL_APPROVED) == 1


def test_three_who_approve_at_once_above_the_limit_make_exactly_two_approvals() -> None:
    request = a_request("300.00")
    given = quote(request)
    at_once(lambda who: answer_of(lambda: approved(request, who, payout=given)), [olu(), ada(), third()])
    request.refresh_from_db()
    assert (request.status, request.approvals.count()) == (S.PROCESSING, 2)
    assert Operation.objects.filter(key__endswith=":approve").count() == 1


def test_approval_cancellation_change_and_rejection_at_once_leave_one_story() -> None:
    other = a_destination(bea(), address="TElsewhere")
    new_terms = terms("10.00", fee="0.50")
    for _ in range(3):
        request = a_request("10.00", terms=new_terms)
        given = quote(request)
        acts: dict[str, Callable[[], Any]] = {
            "approve": partial(approved, request, olu(), payout=given),
            "cancel": partial(cancel_withdrawal, actor=bea(), withdrawal_id=request.pk),
            "change": partial(
                change_withdrawal,
                actor=bea(),
                withdrawal_id=request.pk,
                destination_id=other.pk,
                terms=new_terms,
            ),
            "reject": partial(reject_withdrawal, actor=ada(), withdrawal_id=request.pk, revision=1, reason="no"),
        }
        answers = dict(zip(acts, at_once(answer_of, acts.values()), strict=True))
        request.refresh_from_db()
        ends = {"approve": S.PROCESSING, "cancel": S.CANCELLED, "reject": S.REJECTED}
        won = [name for name in ends if answers[name] == "done"]
        assert len(won) == 1, answers
        assert request.status == ends[won[0]]
        if won[0] == "approve":
            assert (request.revision, answers["change"]) == (1, "WrongWithdrawalStatus")
        if answers["change"] == "done":
            assert (request.revision, won) == (
                2,
                ["cancel"],
            )  # a revision nobody looked at was neither paid nor refused
        Withdrawal.objects.filter(pk=request.pk, status=S.PROCESSING).exists()


def test_the_same_request_at_once_is_one_request() -> None:
    give(bea(), "500.00")
    target = a_destination(bea())
    found = at_once(lambda _: a_request(is_given=False, destination=target, request_key="update:9").pk, range(8))
    assert len(set(found)) == 1
    assert wallet_of(bea()) == usd("450.00")
    assert Event.objects.filter(kind=Kind.WITHDRAWAL_REQUESTED).count() == 1


def test_ten_a_day_holds_for_requests_at_once() -> None:
    give(bea(), "100.00")
    target, cheap = a_destination(bea()), terms("3.00", fee="0.50")
    answers = at_once(
        lambda _: answer_of(lambda: a_request("3.00", is_given=False, destination=target, terms=cheap)), range(14)
    )
    assert Counter(answers) == {"done": 10, "TooManyWithdrawals": 4}


def test_two_who_say_the_same_at_once_complete_it_once() -> None:
    unknown = a_withdrawal_in(S.UNKNOWN)
    people = [olu(), ada(), third()]
    at_once(
        lambda who: settle_withdrawal(
            actor=who, withdrawal_id=unknown.pk, provider_reference="P-9", reason="seen in the account"
        ),
        people,
    )
    unknown.refresh_from_db()
    assert (unknown.status, held_for(unknown)) == (S.COMPLETED, usd("0.00"))
    assert kinds_of(unknown).count(Kind.WITHDRAWAL_COMPLETED) == 1


def test_an_approval_beside_the_registration_of_its_address_never_waits_for_ever() -> None:
    for _ in range(4):
        request = a_request("10.00", destination=a_destination(bea(), rail="kraken"), terms=terms("10.00", fee="0.50"))
        given = quote(request)
        at_once(
            lambda act: act(),
            [
                partial(approved, request, olu(), payout=given),
                partial(
                    register_destination,
                    actor=ada(),
                    destination_id=request.destination_id,
                    registered_as="bea-1",
                    reason="saved it there",
                ),
            ],
        )
        request.refresh_from_db()
        assert request.status == S.PROCESSING


def test_a_destination_is_removed_or_withdrawn_to_but_not_both() -> None:
    give(bea(), "50.00")
    for _ in range(4):
        target = a_destination(bea())
        before = Withdrawal.objects.count()
        acts = [
            partial(a_request, "10.00", is_given=False, destination=target, terms=terms("10.00", fee="0.50")),
            partial(remove_destination, actor=bea(), destination_id=target.pk),
        ]
        answers = at_once(answer_of, acts)
        assert answers.count("done") == 1
        assert (Withdrawal.objects.count() > before) is (answers[0] == "done")


def test_the_same_place_saved_at_once_is_saved_once() -> None:
    owner = bea()
    at_once(
        lambda _: add_destination(
            actor=owner,
            rail="sandbox",
            payout_asset="USDT",
            network="TRC20",
            label="",
            details={"address": "TSame"},
            fingerprint="sandbox:TSame",
        ),
        range(6),
    )
    assert Destination.objects.count() == 1


def test_whoever_waited_while_the_destination_was_changed_still_finds_the_withdrawal() -> None:
    request, other = a_request(), a_destination(bea(), address="TElsewhere")
    is_changed = Signal()

    def change_slowly() -> None:
        with transaction.atomic():
            amend_withdrawal(lock_withdrawal(request.pk), allowed=PENDING, revision=2, destination_id=other.pk)
            is_changed.set()
            time.sleep(0.3)  # the other one reaches the lock

    def cancel() -> None:
        assert is_changed.wait(10)
        cancel_withdrawal(actor=bea(), withdrawal_id=request.pk)

    at_once(lambda act: act(), [change_slowly, cancel])
    request.refresh_from_db()
    assert (request.status, request.revision) == (S.CANCELLED, 2)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_ten_to_fifty_at_once_take_exactly_what_is_there_a_hundred_times() -> None:
    """B7 through the front door: 150.00 of 1,000.00, by threads of several processes that start each round together."""
    rounds = [(_with_a_thousand(number), ASKERS[number % len(ASKERS)]) for number in range(100)]
    told = [{"owner": owner.pk, "destination": target.pk, "askers": askers} for (owner, target), askers in rounds]
    ended = subprocess.run(
        [sys.executable, "-m", "tests.withdrawals.asking_processes"],
        input=json.dumps({"rounds": told}),
        env=same_database(),
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-4000:]
    answers: dict[str, Counter[str]] = defaultdict(Counter)
    for line in ended.stdout.splitlines():
        for number, counts in json.loads(line).items():
            answers[number].update(counts)
    for number, ((owner, _target), askers) in enumerate(rounds):
        assert answers[str(number)] == {"done": 6, "refused": askers - 6}
        assert (wallet_of(owner), wallet_of(owner, HELD)) == (usd("100.00"), usd("900.00"))


def _with_a_thousand(number: int) -> tuple[User, Destination]:
    owner = User.objects.create(username=f"bea{number}")
    give(owner, "1000.00")
    return owner, a_destination(owner)
