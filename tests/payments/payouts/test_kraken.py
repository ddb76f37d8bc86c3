"""Kraken keeps the contract of rails, signs as published, and orders without an idempotency key are told apart."""

from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from lockbay import clock
from payments.payouts.attempts import claim_attempt
from payments.payouts.base import PayoutMeaning, PayoutOrder, PayoutRail
from payments.payouts.kraken import sign
from payments.payouts.nonces import next_nonce
from tests import cast
from tests.at_once import at_once
from tests.payments.payouts.contract import RailContract, Wire
from tests.payments.payouts.stories import ADDRESS, an_approved
from wallets.models import Destination, Withdrawal

NOT_SENT, REFUSED, UNKNOWN = PayoutMeaning.NOT_SENT, PayoutMeaning.REFUSED, PayoutMeaning.UNKNOWN
SECRET = "bG9ja2JheS10ZXN0LXNlY3JldC0wMTIzNDU2Nzg5YWJjZGVm"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _our_account(settings: Any) -> None:
    settings.KRAKEN_API_KEY, settings.KRAKEN_API_SECRET = "key-1", SECRET


def body_of(request: httpx.Request) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(request.content.decode()).items()}


def row_of(order: PayoutOrder, status: str = "Success", **changes: Any) -> dict[str, Any]:
    """One line of WithdrawStatus; the amount is with or without the fee, by `amount`."""
    row = {
        "method": "Tether USD (TRC20)",
        "aclass": "currency",
        "asset": "USDT",
        "refid": "FTABC12-XYZ34-LMNOP5",
        "txid": None,
        "info": ADDRESS,
        "amount": "48.5",
        "fee": "1.5",
        "time": int(order.called_at.timestamp()) if order.called_at else 1_800_000_000,
        "status": status,
    }
    return {**row, **changes}


class TestKrakenPayouts(RailContract):
    name, rail = "kraken", "kraken"
    knows_amount = False
    states = {
        "Initial": PayoutMeaning.ACCEPTED,
        "Pending": PayoutMeaning.ACCEPTED,
        "Settled": PayoutMeaning.ACCEPTED,
        "Success": PayoutMeaning.PAID,
        "Failure": PayoutMeaning.REFUSED,
    }
    refusals = [
        ((200, {"error": ["EFunding:Insufficient funds"]}), NOT_SENT, "insufficient_funds"),
        ((200, {"error": ["EAPI:Rate limit exceeded"]}), NOT_SENT, "rate_limit"),
        ((200, {"error": ["EGeneral:Temporary lockout"]}), NOT_SENT, "rate_limit"),
        ((200, {"error": ["EAPI:Invalid nonce"]}), NOT_SENT, "nonce"),
        ((200, {"error": ["EAPI:Invalid signature"]}), NOT_SENT, "not_allowed"),
        ((200, {"error": ["EGeneral:Permission denied"]}), NOT_SENT, "not_allowed"),
        ((200, {"error": ["EFunding:Unknown withdraw key"]}), NOT_SENT, "address_not_registered"),
        ((200, {"error": ["EFunding:Max fee exceeded"]}), NOT_SENT, "fee_changed"),
        ((200, {"error": ["EFunding:Invalid amount"]}), REFUSED, "invalid_amount"),
        ((200, {"error": ["EService:Unavailable"]}), UNKNOWN, "error_answered"),
        ((200, {"error": ["EService:Busy"]}), UNKNOWN, "error_answered"),
        ((200, {"error": ["ESomething:New"]}), UNKNOWN, "error_answered"),
    ]

    def preparations(self) -> list[Any]:
        return [self._fee_told()] if self._is_sending else []

    _is_sending = True

    @pytest.fixture(autouse=True)
    def _which(self, request: pytest.FixtureRequest) -> None:
        self._is_sending = not any(word in request.node.name for word in ("asking", "another_order", "holds", "nobody"))

    def _fee_told(self) -> Any:
        return 200, {"error": [], "result": {"method": "Tether", "limit": "5000.0", "amount": "47.0", "fee": "1.5"}}

    def taken(self, order: PayoutOrder) -> Any:
        return 200, {"error": [], "result": {"refid": "FTABC12-XYZ34-LMNOP5"}}

    def told(self, order: PayoutOrder, state: str) -> Any:
        return 200, {"error": [], "result": [] if state == "not_found" else [row_of(order, state)]}

    def told_balances(self) -> tuple[Any, list[str]]:
        held = {"USDT": "1000.5", "XXBT": "0.25", "ZUSD": "3.0000"}
        return (200, {"error": [], "result": held}), ["1000.500000 USDT", "0.25000000 BTC"]

    def ordered(self, request: httpx.Request) -> tuple[str, str, str] | None:
        if not request.url.path.endswith("/Withdraw"):
            return None
        body = body_of(request)
        assert body["max_fee"] == "1.5"
        assert request.headers["API-Sign"] == sign(
            "/0/private/Withdraw", int(body["nonce"]), request.content.decode(), SECRET
        )
        return body["key"], body["amount"], body["address"]

    def expected(self, order: PayoutOrder) -> tuple[str, str, str]:
        return "bea-usdt", "50.000000", ADDRESS  # what arrives, and their fee on top

    def test_an_address_without_a_name_is_not_sent(self, adapter: PayoutRail, order: PayoutOrder, wire: Wire) -> None:
        Destination.objects.update(registered_as="")
        from payments.payouts.attempts import order_of

        wire.answers = [self._fee_told()]
        bare = order_of(attempt_of_order(order), adapter)
        assert adapter.send(bare).code == "address_not_registered"
        assert wire.requests == []

    @pytest.mark.parametrize("amount", ["48.5", "48.50000000", "50.0"])
    def test_it_is_found_with_or_without_the_fee_in_its_amount(
        self, adapter: PayoutRail, order: PayoutOrder, wire: Wire, amount: str
    ) -> None:
        wire.answers = [(200, {"error": [], "result": [row_of(order, amount=amount)]})]
        assert adapter.ask(order).meaning is PayoutMeaning.PAID

    @pytest.mark.parametrize(
        "changes",
        [
            {"amount": "48.4"},
            {"info": "TEkxiTehnzSmSe2XqrBj4w32RUN966rdz8"},
            {"refid": "TAKEN-1"},
            {"time": 1_600_000_000},
        ],
    )
    def test_what_does_not_look_like_ours_is_not_ours(
        self, adapter: PayoutRail, order: PayoutOrder, wire: Wire, changes: dict[str, Any]
    ) -> None:
        from dataclasses import replace
        from datetime import UTC, datetime

        seen = replace(order, taken=frozenset({"TAKEN-1"}), called_at=datetime(2026, 1, 15, tzinfo=UTC))
        wire.answers = [(200, {"error": [], "result": [row_of(seen, **changes)]})]
        assert adapter.ask(seen).meaning is PayoutMeaning.NOT_FOUND

    def test_two_that_look_like_ours_are_nobodys(self, adapter: PayoutRail, order: PayoutOrder, wire: Wire) -> None:
        rows = [row_of(order), row_of(order, refid="ANOTHER")]
        wire.answers = [(200, {"error": [], "result": rows})]
        assert (adapter.ask(order).meaning, adapter.ask(order).code) == (UNKNOWN, "several_alike")

    def test_once_its_id_is_known_only_that_row_counts(
        self, adapter: PayoutRail, order: PayoutOrder, wire: Wire
    ) -> None:
        from dataclasses import replace

        known = replace(order, provider_reference="MINE")
        wire.answers = [
            (200, {"error": [], "result": [row_of(order, "Failure"), row_of(order, refid="MINE", amount="50")]})
        ]
        assert adapter.ask(known).meaning is PayoutMeaning.PAID

    def test_a_return_is_a_reversal(self, adapter: PayoutRail, order: PayoutOrder, wire: Wire) -> None:
        wire.answers = [(200, {"error": [], "result": [row_of(order, **{"status-prop": "return"})]})]
        assert adapter.ask(order).meaning is PayoutMeaning.REVERSED

    def test_an_amount_below_their_least_is_refused_before_anything_is_ordered(
        self, adapter: PayoutRail, order: PayoutOrder, wire: Wire
    ) -> None:
        wire.answers = [(200, {"error": ["EFunding:Invalid amount"]})]
        assert adapter.send(order).meaning is REFUSED
        assert self.orders_on(wire) == []


def attempt_of_order(order: PayoutOrder) -> Any:
    from payments.models import PayoutAttempt

    return PayoutAttempt.objects.select_related("withdrawal__destination").get(pk=order.attempt_id)


def test_signs_as_published() -> None:
    published = "kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5nE9qa99HAZtuZuj6F1huXg=="
    body = "nonce=1616492376594&ordertype=limit&pair=XBTUSD&price=37500&type=buy&volume=1.25"
    assert sign("/0/private/AddOrder", 1616492376594, body, published) == (
        "4/dpxb3iT4tp/ZCVEwSnEsLxx0bqyhLpdfOpc6fn7OR8+UClSV5n9E6aSS8MPtnRfp32bAb0nmbRn6H8ndwLUQ=="
    )
    body = "nonce=1768473000000&asset=USDT&key=co-test&amount=25.5"
    assert sign("/0/private/Withdraw", 1768473000000, body, SECRET) == (
        "Vt3HadrqHWQE/7U4LhLepoeWecXHayIpeMhCdLbZ46EZnzdYlo7PQ95cwvsOvP0KH4DZNfxVWYtkDKFt9pnBoQ=="
    )


@pytest.mark.django_db(transaction=True)
def test_nonces_only_grow_whoever_asks() -> None:
    given = [
        nonce
        for nonces in at_once(lambda _: [next_nonce("kraken", "k") for _ in range(5)], range(6))
        for nonce in nonces
    ]
    assert len(set(given)) == 30
    assert next_nonce("kraken", "k") > max(given)


class TestTwins:
    """Two orders of one amount to one address could not be told apart: the second waits."""

    def test_the_second_waits_until_the_first_is_known(self, db: None) -> None:
        first, second = an_approved("kraken"), an_approved("kraken")
        other = an_approved("kraken", payout="48.600000")
        assert claim_attempt(first.pk) is not None
        assert claim_attempt(second.pk) is None
        assert claim_attempt(other.pk) is not None
        first.payout_attempts.update(outcome="unknown")
        assert claim_attempt(second.pk) is None
        first.payout_attempts.update(outcome="accepted", provider_reference="FTABC12-XYZ34-LMNOP5")
        claim = claim_attempt(second.pk)
        assert claim is not None
        assert claim.order.taken == {"FTABC12-XYZ34-LMNOP5"}

    def test_what_people_decided_holds_nobody_up_and_keeps_its_id(self, db: None) -> None:
        first, second = an_approved("kraken"), an_approved("kraken")
        claim_attempt(first.pk)
        first.payout_attempts.update(outcome="unknown")
        Withdrawal.objects.filter(pk=first.pk).update(
            status="completed", closed_at=clock.now(), provider_reference="SEEN-BY-TWO"
        )
        claim = claim_attempt(second.pk)
        assert claim is not None
        assert claim.order.taken == {"SEEN-BY-TWO"}

    @pytest.mark.django_db(transaction=True)
    def test_claimed_at_once_only_one_of_them_goes(self) -> None:
        twins = [an_approved("kraken", owner=person) for person in (cast.bea(), cast.sol(), cast.stranger())]
        claims = at_once(lambda withdrawal: claim_attempt(withdrawal.pk), twins)
        assert sum(claim is not None for claim in claims) == 1
