"""The contract of a rail: how money leaves the house. An adapter is one file: class data and a few small readings.

`send` asks a provider to pay, once, and is never repeated here: whatever is not a clear answer is UNKNOWN, and only a
look-up (`ask`) by our own reference says more. The reference of a payout is that of its withdrawal, the same for ever.
Webhooks come through the inbox like all others (payments/providers); they only make us ask.
"""

import enum
import json
import secrets
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar

from lockbay import http
from payments import breaker, wire
from payments.errors import PaymentsError, ProviderError, Unreadable
from payments.metrics import PROVIDER_CALLS, PROVIDER_SECONDS
from payments.payouts.guard import pass_guard
from wallets.errors import MalformedAmount
from wallets.money import Money, floored_money

# One call, from connecting to the last byte: the lease of an attempt is longer than an order and what comes before it.
_ORDER_SECONDS, _LOOK_SECONDS = 20, 10
_MOST_BYTES = 1_000_000
_LONGEST_TEXT = 300


class PayoutMeaning(enum.StrEnum):
    """What an answer says of our order. What a provider calls "success" or "NEW" is at most ACCEPTED (W5)."""

    ACCEPTED = "accepted"  # the provider has the order
    PAID = "paid"
    REFUSED = "refused"  # for good: nothing was or will be paid
    NOT_SENT = "not_sent"  # provably nothing happened; the same order may be given again
    REVERSED = "reversed"  # paid, and taken back
    NOT_FOUND = "not_found"  # the provider knows no such order; no proof that it never will, see not_found_proves_after
    UNKNOWN = "unknown"  # nothing is known


@dataclass(frozen=True, slots=True)
class PayoutOrder:
    """What is to be paid, and what we know of it. `amount` is what the recipient gets; `details` name the recipient
    (bank_code, account_number, account_name, or address, tag). `taken` are the provider's ids of other payouts; `fence`
    is the lease under which the attempt may be sent."""

    withdrawal_id: int
    attempt_id: int
    fence: int
    reference: str
    amount: Money
    network: str
    details: Mapping[str, str]
    registered_as: str = ""
    provider_reference: str = ""
    called_at: datetime | None = None
    taken: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class PayoutAnswer:
    """What a provider said. `code` and `text` are its own words, kept for staff; `raw` is the answer as it came."""

    meaning: PayoutMeaning
    code: str = ""
    text: str = ""
    provider_reference: str = ""
    fee: Money | None = None
    raw: bytes = field(default=b"", repr=False)


class NothingLeft(ProviderError):
    """Provably no order reached the provider: `code` says why (no_connection, rate_limit, not_allowed …)."""

    def __init__(self, provider: str, code: str, detail: str = "") -> None:
        super().__init__(provider, detail)
        self.code = code


class NoUsableAnswer(ProviderError):
    """The call left the house and nothing that can be read came back."""

    def __init__(self, provider: str, code: str, detail: str = "") -> None:
        super().__init__(provider, detail)
        self.code = code


class UnknownRail(PaymentsError):
    """No adapter has this name."""


class PayoutRail(ABC):
    """One way out. Subclasses fill the class data and the abstract readings."""

    name: ClassVar[str]
    meanings: ClassVar[Mapping[str, PayoutMeaning]]  # the provider's word for a state, lower case → what it says
    is_by_hand: ClassVar[bool] = False  # a person pays and enters the reference
    knows_our_reference: ClassVar[bool] = True  # False: orders are told apart by amount and recipient only
    # How long after the call "no such order" proves that it never arrived; None: it never does.
    not_found_proves_after: ClassVar[timedelta | None] = None

    def send(self, order: PayoutOrder) -> PayoutAnswer:
        """Asks the provider to pay, outside any transaction, and returns what it said.

        Raises: NotProcessing, PayoutsStopped, DebtOpen, LeaseLost: the guard at the call itself (W3), whoever calls.
        """
        http.refuse_inside_transaction()
        pass_guard(order)
        try:
            return self._send(order)
        except NothingLeft as error:
            return PayoutAnswer(PayoutMeaning.NOT_SENT, error.code, error.detail[:_LONGEST_TEXT])
        except NoUsableAnswer as error:
            return PayoutAnswer(PayoutMeaning.UNKNOWN, error.code, error.detail[:_LONGEST_TEXT])
        except Unreadable as error:
            return PayoutAnswer(PayoutMeaning.UNKNOWN, "unreadable", error.detail[:_LONGEST_TEXT])

    def ask(self, order: PayoutOrder) -> PayoutAnswer:
        """What became of an order, by our own reference; free to repeat. Trouble is UNKNOWN."""
        try:
            return self._ask(order)
        except NothingLeft as error:
            return PayoutAnswer(PayoutMeaning.UNKNOWN, error.code, error.detail[:_LONGEST_TEXT])
        except NoUsableAnswer as error:
            return PayoutAnswer(PayoutMeaning.UNKNOWN, error.code, error.detail[:_LONGEST_TEXT])
        except Unreadable as error:
            return PayoutAnswer(PayoutMeaning.UNKNOWN, "unreadable", error.detail[:_LONGEST_TEXT])

    @abstractmethod
    def _send(self, order: PayoutOrder) -> PayoutAnswer:
        """The order, given once by `place`. Raises: NothingLeft, NoUsableAnswer, Unreadable."""

    @abstractmethod
    def _ask(self, order: PayoutOrder) -> PayoutAnswer:
        """The look-up, by `look`. Raises: NothingLeft, NoUsableAnswer, Unreadable."""

    @abstractmethod
    def balances(self) -> list[Money]:
        """What the provider holds for us. Raises: NothingLeft, NoUsableAnswer, Unreadable."""

    def required_settings(self) -> Mapping[str, object]:
        """Settings by name: production does not start when one of a rail in use is empty."""
        return {}

    def place(self, method: str, url: str, **options: Any) -> http.Response:
        """The one call that may move money: never repeated. Answers of 4xx come back to be read.

        Raises: NothingLeft (no connection, 401, 429), NoUsableAnswer (time-out, cut off, 5xx).
        """
        answer = self._call(method, url, options)
        if answer.status_code == 429:
            raise NothingLeft(self.name, "rate_limit", _text_of(answer))
        if answer.status_code == 401:
            raise NothingLeft(self.name, "not_allowed", _text_of(answer))
        if answer.status_code >= 500 or answer.status_code == 408:
            raise NoUsableAnswer(self.name, f"http_{answer.status_code}", _text_of(answer))
        return answer

    def prepare(self, method: str, url: str, **options: Any) -> http.Response:
        """A call before the order that moves nothing (a token, a fee). Raises: NothingLeft, whatever goes wrong."""
        try:
            answer = self._call(method, url, options)
        except NoUsableAnswer as error:
            raise NothingLeft(self.name, "not_prepared", error.detail) from error
        if answer.status_code >= 400:
            raise NothingLeft(self.name, "not_prepared", _text_of(answer))
        return answer

    def look(self, method: str, url: str, **options: Any) -> http.Response:
        """A call that only asks. Raises: NothingLeft, NoUsableAnswer (also for 401, 403, 408, 429 and 5xx)."""
        answer = self._call(method, url, options, seconds=_LOOK_SECONDS)
        if answer.status_code in {401, 403, 408, 429} or answer.status_code >= 500:
            raise NoUsableAnswer(self.name, f"http_{answer.status_code}", _text_of(answer))
        return answer

    def meaning_of(self, status: object) -> PayoutMeaning:
        """What the provider's word for a state says. Raises: Unreadable for a word that nobody documented."""
        word = wire.read_text(status, name="status").lower()
        if word not in self.meanings:
            raise Unreadable("unknown_status", word)
        return self.meanings[word]

    def _call(self, method: str, url: str, options: dict[str, Any], *, seconds: int = _ORDER_SECONDS) -> http.Response:
        """One try, behind the provider's breaker, counted and timed (P5)."""
        source = breaker.breaker_of_provider(self.name)
        if not breaker.may_ask(source):
            PROVIDER_CALLS.labels(self.name, "breaker_open").inc()
            raise NothingLeft(self.name, "breaker_open")
        outcome = "unavailable"
        try:
            with PROVIDER_SECONDS.labels(self.name).time():
                answer = http.request_bounded(method, url, seconds=seconds, most_bytes=_MOST_BYTES, **options)
            if answer.status_code < 500 and answer.status_code != 429:
                outcome = "ok" if answer.status_code < 400 else "rejected"
            return answer
        except http.NEVER_CONNECTED as error:
            raise NothingLeft(self.name, "no_connection", type(error).__name__) from error
        except http.HTTPError as error:
            raise NoUsableAnswer(self.name, "no_answer", type(error).__name__) from error
        finally:
            PROVIDER_CALLS.labels(self.name, outcome).inc()
            (breaker.record_failure if outcome == "unavailable" else breaker.record_success)(source)


def read_fee(value: object, asset: str) -> Money | None:
    """A fee as the provider reports it; None when there is none, or nothing that we could book."""
    try:
        fee = floored_money(wire.read_amount(value), asset)
    except (Unreadable, MalformedAmount):
        return None
    return fee or None


def require_same_amount(order: PayoutOrder, amount: object, currency: object) -> None:
    """An answer about our reference must be about our amount. Raises: Unreadable with reason other_amount."""
    if currency != order.amount.asset or wire.read_amount(amount) != order.amount.decimal():
        raise Unreadable("other_amount", f"{currency} {amount}"[:60])


def body_with(body: dict[str, Any], place: str, amount: Money) -> bytes:
    """JSON whose value `place` is the exact decimal text of `amount` as a number: no float in between."""
    mark = f"{place}:{secrets.token_hex(8)}"
    return json.dumps(_replaced(body, place, mark)).replace(f'"{mark}"', amount.plain()).encode()


def list_in(body: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """A list of objects in an object. Raises: Unreadable."""
    found = body.get(name)
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise Unreadable("bad_field", name)
    return found


def money_in(value: object, asset: str) -> Money:
    """A balance as the provider reports it. Raises: Unreadable."""
    try:
        return floored_money(wire.read_amount(value if value is not None else Decimal(0)), asset)
    except MalformedAmount as error:
        raise Unreadable("bad_amount", asset) from error


def _replaced(body: dict[str, Any], place: str, mark: str) -> dict[str, Any]:
    def put(name: str, value: Any) -> Any:
        if isinstance(value, dict):
            return _replaced(value, place, mark)
        return mark if name == place and value is None else value

    return {name: put(name, value) for name, value in body.items()}


def _text_of(answer: http.Response) -> str:
    return f"HTTP {answer.status_code}: {answer.text[:200]}"
