"""Approved withdrawals for tests of payouts, and a provider of play money whose side of the wire is a function."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import Any

import httpx

from lockbay import clock
from lockbay.people.models import User
from payments.models import PayoutAttempt
from tests import cast
from wallets.actions.approve_withdrawal import approve_withdrawal
from wallets.actions.request_withdrawal import request_withdrawal
from wallets.models import Destination, Withdrawal
from wallets.money import Money, parse_money
from wallets.quoting import PayoutQuote, WithdrawalTerms

_numbers = count(1)
ADDRESS = "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"
BANK = {"bank_code": "044", "bank_name": "Access Bank", "account_number": "0690000040", "account_name": "ADA OBI"}
TARGETS: dict[str, tuple[str, str, dict[str, str]]] = {
    "sandbox": ("USDT", "TRC20", {"address": ADDRESS, "tag": ""}),
    "kraken": ("USDT", "TRC20", {"address": ADDRESS, "tag": ""}),
    "manual": ("NGN", "BANK", BANK),
    "flutterwave": ("NGN", "BANK", BANK),
    "fincra": ("NGN", "BANK", BANK),
}
PAYOUT = {"USDT": "48.500000", "NGN": "15000.00"}


def a_destination(owner: User, rail: str = "sandbox", *, registered_as: str = "") -> Destination:
    """Old enough to be paid; the same place is one destination."""
    asset, network, details = TARGETS[rail]
    now = clock.now()
    return Destination.objects.get_or_create(
        owner=owner,
        fingerprint=f"{rail}:{network}:{asset}",
        defaults={
            "rail": rail,
            "payout_asset": asset,
            "network": network,
            "details": details,
            "registered_as": registered_as or ("bea-usdt" if rail == "kraken" else ""),
            "created_at": now - timedelta(days=2),
            "usable_at": now - timedelta(days=1),
        },
    )[0]


def a_request(rail: str = "sandbox", *, owner: User | None = None, payout: str = "") -> Withdrawal:
    """50.00 USD of Bea's, which she is given first; pending approval."""
    owner = owner or cast.bea()
    cast.give(owner, "50.00")
    destination = a_destination(owner, rail)
    estimate = parse_money(payout or PAYOUT[destination.payout_asset], destination.payout_asset)
    terms = WithdrawalTerms(cast.usd("1.00"), cast.usd("0.50"), estimate, "1", "test", clock.now())
    return request_withdrawal(
        actor=owner,
        request_key=f"payout-test:{next(_numbers)}",
        destination_id=destination.pk,
        amount=cast.usd("50.00"),
        terms=terms,
    )


def an_approved(rail: str = "sandbox", *, owner: User | None = None, payout: str = "") -> Withdrawal:
    """Approved by Olu: processing, to be sent."""
    asked = a_request(rail, owner=owner, payout=payout)
    quote = PayoutQuote(asked.estimate, "1", "test", clock.now())
    return approve_withdrawal(
        actor=cast.olu(), withdrawal_id=asked.pk, revision=asked.revision, reason="looks right", payout=quote
    )


def now_of(withdrawal: Withdrawal) -> Withdrawal:
    """As it is in the database."""
    return Withdrawal.objects.select_related("owner", "destination").get(pk=withdrawal.pk)


def status_of(withdrawal: Withdrawal) -> str:
    """Its status now."""
    return str(now_of(withdrawal).status)


def attempt_of(withdrawal: Withdrawal) -> PayoutAttempt:
    """The last attempt."""
    found = withdrawal.payout_attempts.order_by("-number").first()
    assert found is not None
    return found


def make_due(withdrawal: Withdrawal) -> None:
    """Its retry and its next question are due now."""
    past = clock.real_now() - timedelta(seconds=1)
    withdrawal.payout_attempts.filter(retry_at__isnull=False).update(retry_at=past)
    withdrawal.payout_attempts.filter(ask_due_at__isnull=False).update(ask_due_at=past)


def let_the_lease_end(withdrawal: Withdrawal) -> None:
    """As if its sender had been frozen for longer than its lease."""
    past = clock.real_now() - timedelta(seconds=1)
    withdrawal.payout_attempts.filter(lease_until__isnull=False).update(lease_until=past)


def set_back_call(withdrawal: Withdrawal, **ago: float) -> None:
    """The call was made that long ago."""
    withdrawal.payout_attempts.update(called_at=clock.real_now() - timedelta(**ago))


@dataclass
class PlayMoney:
    """The sandbox provider's side of the wire. `answers` to POST in turn, the last for ever: a status word, a
    (code, body), or an exception that is raised after the order was taken."""

    answers: list[Any] = field(default_factory=lambda: ["accepted"])
    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked_to_pay: Counter[str] = field(default_factory=Counter)
    looked_up: Counter[str] = field(default_factory=Counter)
    while_paying: Callable[[], None] = lambda: None
    while_telling: Callable[[], None] = lambda: None  # an answer to a question is on its way
    does_take: bool = True
    balances: Sequence[Money] = ()

    def answer(self, request: httpx.Request) -> httpx.Response:
        """For httpx.MockTransport."""
        if request.url.path.endswith("/balances"):
            told = [{"currency": money.asset, "amount": money.plain()} for money in self.balances]
            return streamed(200, {"balances": told})
        if request.method == "GET":
            reference = request.url.path.rsplit("/", 1)[1]
            self.looked_up[reference] += 1
            order = self.orders.get(reference)
            told = streamed(200, order) if order else streamed(404, {"error": "unknown_payout"})
            self.while_telling()
            return told
        return self._take(json.loads(request.content))

    def set(self, withdrawal: Withdrawal, status: str) -> None:
        """What it says of an order from now on."""
        self.orders[withdrawal.public_id]["status"] = status

    def _take(self, body: dict[str, Any]) -> httpx.Response:
        reference = body["reference"]
        self.asked_to_pay[reference] += 1
        said = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        self.while_paying()
        is_word = isinstance(said, str)
        if self.does_take and (is_word or isinstance(said, Exception)):
            wanted = {name: body[name] for name in ("reference", "amount", "currency")}
            self.orders[reference] = {"id": f"po_{reference}", **wanted, "status": said if is_word else "accepted"}
        if isinstance(said, Exception):
            raise said
        if is_word:
            return streamed(201, self.orders[reference])
        return streamed(*said)


def streamed(status: int, body: Any) -> httpx.Response:
    """An answer that comes as a stream, as from a socket."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return httpx.Response(status, stream=httpx.ByteStream(raw))
