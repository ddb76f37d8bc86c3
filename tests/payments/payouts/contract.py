"""What every rail must do, whoever it is. A rail's test inherits this and describes its provider's side of the wire."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pytest
from django.conf import settings
from django.db import transaction

from lockbay import clock, http
from payments.models import Breaker, PayoutAttempt
from payments.payouts import ADAPTERS, payout_adapter
from payments.payouts.attempts import claim_attempt
from payments.payouts.base import PayoutMeaning, PayoutOrder, PayoutRail
from tests.payments.payouts.stories import an_approved, streamed
from wallets.models import Withdrawal

FIXTURES = Path(__file__).parent / "fixtures"
# After an order has left, none of these says whether it was taken.
NO_CLEAR_ANSWER = [
    httpx.ReadTimeout("slow"),
    httpx.WriteTimeout("slow"),
    httpx.ReadError("cut off"),
    httpx.RemoteProtocolError("cut off"),
    (408, {}),
    (500, {"message": "oops"}),
    (502, b"<html>bad gateway</html>"),
    (503, {}),
    (200, b""),
    (200, b"<html>maintenance</html>"),
    (200, []),
    (200, {}),
    (200, {"status": "success", "success": True, "error": [], "data": {"id": [], "status": 7}, "result": 7}),
    (403, b"<html>firewall</html>"),
    (409, {}),
]


class RailContract:
    """Subclasses set `name`, `rail`, `refusals` and the helpers. Answers are (status, body) or exceptions."""

    name: ClassVar[str]
    rail: ClassVar[str]
    refusals: ClassVar[list[tuple[tuple[int, Any], PayoutMeaning, str]]]
    states: ClassVar[dict[str, PayoutMeaning]]  # the provider's words for a state → what they mean
    knows_amount: ClassVar[bool] = True  # answers to questions name amount and reference

    def preparations(self) -> list[Any]:
        """Answers to the calls that come before an order or a question."""
        return []

    def taken(self, order: PayoutOrder) -> Any:
        """The answer to an order that was accepted."""
        raise NotImplementedError

    def told(self, order: PayoutOrder, state: str) -> Any:
        """The answer to a question; "not_found" when there is no such order."""
        raise NotImplementedError

    def told_balances(self) -> tuple[Any, list[str]]:
        """An answer about balances, and what it says."""
        raise NotImplementedError

    def ordered(self, request: httpx.Request) -> tuple[str, str, str] | None:
        """(our reference or name, amount as sent, recipient) of a request that is an order; None for any other."""
        raise NotImplementedError

    def expected(self, order: PayoutOrder) -> tuple[str, str, str]:
        """What `ordered` must say of our order."""
        return order.reference, "15000.00", "0690000040"

    @pytest.fixture
    def fixture(self) -> Any:
        return lambda name: json.loads((FIXTURES / f"{name}.json").read_text())

    @pytest.fixture
    def withdrawal(self) -> Withdrawal:
        return an_approved(self.rail)

    @pytest.fixture
    def adapter(self) -> PayoutRail:
        return payout_adapter(self.name)

    @pytest.fixture
    def order(self, withdrawal: Withdrawal) -> PayoutOrder:
        claim = claim_attempt(withdrawal.pk)
        assert claim.adapter.name == self.name
        return claim.order

    @pytest.fixture
    def wire(self) -> Iterator["Wire"]:
        wire = Wire()
        http.use_transport(httpx.MockTransport(wire.answer))
        yield wire
        http.use_transport(None)

    def orders_on(self, wire: "Wire") -> list[tuple[str, str, str]]:
        return [found for request in wire.requests if (found := self.ordered(request))]

    def test_is_in_the_table_and_names_its_secrets(self, adapter: PayoutRail) -> None:
        assert self.name in ADAPTERS
        assert adapter.required_settings()

    def test_an_order_that_was_taken_is_accepted_and_no_more(
        self, adapter: PayoutRail, order: PayoutOrder, wire: "Wire"
    ) -> None:
        wire.answers = [*self.preparations(), self.taken(order)]
        answer = adapter.send(order)
        assert answer.meaning is PayoutMeaning.ACCEPTED
        assert answer.provider_reference
        assert answer.raw
        assert self.orders_on(wire) == [self.expected(order)]

    def test_every_documented_refusal_has_its_meaning(
        self, adapter: PayoutRail, withdrawal: Withdrawal, wire: "Wire"
    ) -> None:
        for said, meaning, code in self.refusals:
            withdrawal.payout_attempts.all().delete()
            wire.answers = [*self.preparations(), said]
            answer = adapter.send(claim_attempt(withdrawal.pk).order)
            assert (answer.meaning, answer.code) == (meaning, code), said
            assert answer.text or meaning is PayoutMeaning.NOT_SENT

    def test_without_a_clear_answer_it_is_unknown_and_asked_once(
        self, adapter: PayoutRail, order: PayoutOrder, wire: "Wire"
    ) -> None:
        for said in NO_CLEAR_ANSWER:
            wire.begin([*self.preparations(), said])
            assert _sent_again(adapter, order) is PayoutMeaning.UNKNOWN, said
            assert len(self.orders_on(wire)) == 1, said

    def test_what_provably_did_not_happen_is_not_sent(
        self, adapter: PayoutRail, order: PayoutOrder, wire: "Wire"
    ) -> None:
        for said in (httpx.ConnectError("refused"), httpx.ConnectTimeout("nobody"), (429, {}), (401, {})):
            wire.begin([*self.preparations(), said])
            assert _sent_again(adapter, order) is PayoutMeaning.NOT_SENT, said

    def test_trouble_before_the_order_is_not_sent(self, adapter: PayoutRail, order: PayoutOrder, wire: "Wire") -> None:
        if not self.preparations():
            return
        for trouble in (
            httpx.ReadTimeout("slow"),
            (500, {}),
            (200, b"garbage"),
            (400, {"error": ["EGeneral:Unknown"]}),
        ):
            wire.begin([trouble])
            assert _sent_again(adapter, order) is PayoutMeaning.NOT_SENT, trouble
            assert self.orders_on(wire) == []

    def test_every_state_is_told_by_asking(self, adapter: PayoutRail, order: PayoutOrder, wire: "Wire") -> None:
        for state, meaning in {**self.states, "not_found": PayoutMeaning.NOT_FOUND}.items():
            wire.answers = [*self.preparations(), self.told(order, state)]
            assert adapter.ask(order).meaning is meaning, state
        assert self.orders_on(wire) == []

    def test_a_state_that_nobody_documented_is_unknown(
        self, adapter: PayoutRail, order: PayoutOrder, wire: "Wire"
    ) -> None:
        wire.answers = [*self.preparations(), self.told(order, "exploded")]
        assert adapter.ask(order).meaning is PayoutMeaning.UNKNOWN

    def test_trouble_when_asking_leaves_everything_unknown(
        self, adapter: PayoutRail, order: PayoutOrder, wire: "Wire"
    ) -> None:
        for said in [*NO_CLEAR_ANSWER, (401, {}), (429, {}), httpx.ConnectError("refused")]:
            wire.begin([*self.preparations(), said])
            assert adapter.ask(order).meaning is PayoutMeaning.UNKNOWN, said

    def test_an_answer_about_another_order_or_amount_counts_for_nothing(
        self, adapter: PayoutRail, order: PayoutOrder, wire: "Wire"
    ) -> None:
        status, body = self.told(
            order, next(state for state, said in self.states.items() if said is PayoutMeaning.PAID)
        )
        text = json.dumps(body)
        amount = order.amount.decimal().normalize()
        for theirs, other in ((order.reference, "WDOTHER"), (format(amount, "f"), format(amount + 1, "f"))):
            if self.knows_amount:
                assert theirs in text
                wire.answers = [*self.preparations(), (status, json.loads(text.replace(theirs, other)))]
                assert adapter.ask(order).meaning in {PayoutMeaning.UNKNOWN, PayoutMeaning.NOT_FOUND}, other

    def test_says_what_it_holds_for_us(self, adapter: PayoutRail, wire: "Wire", db: None) -> None:
        told, expected = self.told_balances()
        wire.answers = [*self.preparations(), told]
        assert [str(money) for money in adapter.balances()] == expected

    def test_never_calls_inside_a_transaction(self, adapter: PayoutRail, order: PayoutOrder, wire: "Wire") -> None:
        with transaction.atomic(), pytest.raises(http.NetworkInsideTransaction):
            adapter.send(order)
        assert wire.requests == []


def _sent_again(adapter: PayoutRail, order: PayoutOrder) -> PayoutMeaning:
    """Sends the same order again, as a new attempt would."""
    lease = clock.real_now() + settings.PAYOUT_LEASE
    PayoutAttempt.objects.filter(pk=order.attempt_id).update(outcome="claimed", lease_until=lease)
    return adapter.send(order).meaning


class Wire:
    """Answers in turn, the last for ever; an exception is raised as the network would."""

    def __init__(self) -> None:
        self.answers: list[Any] = []
        self.requests: list[httpx.Request] = []

    def begin(self, answers: list[Any]) -> None:
        """A new story: nothing was asked yet, and the breaker has forgotten what came before."""
        Breaker.objects.all().delete()
        self.answers, self.requests = answers, []

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return streamed(*answer)
