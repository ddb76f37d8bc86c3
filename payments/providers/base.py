"""The contract of a payment provider. An adapter is one file: a mapping table as class data and four small readings.

The sequence is always the same. Webhook: `verify` (raw bytes) → `identify` (who is this event) → stored → later
`read_event`
(what does it say). Outbound: `open_payment` → an address; `ask` → a raw answer that is stored like an event →
`read_answer`.
Reading is pure and in memory; only `open_payment` and `ask` use the network, outside any transaction.
"""

import enum
import hmac
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar

import stamina

from lockbay import http
from payments import wire
from payments.calling import behind_breaker, counted
from payments.errors import BadSignature, Rejected, Unavailable, Unintelligible, UnknownMethod, Unreadable
from payments.methods import PayMethod
from payments.metrics import PROVIDER_CALLS
from wallets.money import Money

SIGNATURE_WINDOW_SECONDS = 300  # F9
_FIRST_PAUSE, _LONGEST_PAUSE, _JITTER = (timedelta(milliseconds=ms) for ms in (200, 2_000, 300))


class Meaning(enum.StrEnum):
    """What an event says about money. Unknown kinds have no meaning: they are parked with an alert."""

    PENDING = "pending"  # a payment is on its way
    CONFIRMED = "confirmed"  # a payment is final: the only meaning that credits
    VANISHED = "vanished"  # a payment that was believed is gone: what was credited for it is taken back (P7)
    HINT = "hint"  # something happened that only an answer of the provider can prove (P6)
    PAYOUT = "payout"  # about money that we send: the provider is asked what became of it
    INFORMATION = "information"  # nothing to do


@dataclass(frozen=True, slots=True)
class SignedEvent:
    """Who an event is, taken from its signed body alone. `payment_id` may be ""."""

    provider: str
    event_id: str
    kind: str
    payment_id: str


@dataclass(frozen=True, slots=True)
class PaymentReport:
    """What one event or answer says of one payment. `received` is in coin, exactly as sent; `txid` and `address` may
    be "".

    `asset` and `network` are ours ("" when the provider did not name them); `reference` is our intent's public id,
    echoed. `part` is the provider's own id of each transfer when it numbers them (several may belong to one payment):
    a transfer is then one deposit, and never taken for another of the same amount. `heard_at` is when the payer told us
    of the payment, where that was before the event came. `look` numbers our own looks at a payment: of two reports that
    of the newer look is right, in whatever order they come; 0 where nobody counts. A payment that vanished must have
    one, and `cause` says how: gone, moved. `paid_at` is when it was paid, as a person found out who vouches for it
    (A3); None for whatever a provider or a chain says.
    """

    provider: str
    event_id: str
    kind: str
    payment_id: str
    meaning: Meaning
    reference: str = ""
    address: str = ""
    txid: str = ""
    asset: str = ""
    network: str = ""
    received: Decimal = Decimal(0)
    heard_at: datetime | None = None
    part: str = ""
    look: int = 0
    cause: str = ""
    paid_at: datetime | None = None

    @property
    def finality(self) -> str:
        """ "confirmed" or "pending"."""
        return "confirmed" if self.meaning is Meaning.CONFIRMED else "pending"

    @property
    def is_informational(self) -> bool:
        """True when it moves no deposit."""
        return self.meaning in {Meaning.INFORMATION, Meaning.HINT, Meaning.PAYOUT}


@dataclass(frozen=True, slots=True)
class NewPaymentRequest:
    """What we ask a provider for. `idempotency_key` makes asking twice harmless."""

    idempotency_key: str
    reference: str
    method: PayMethod
    amount: Money  # coin
    price: Money  # what it is worth
    webhook_url: str


@dataclass(frozen=True, slots=True)
class NewPayment:
    """A provider's answer: where to pay. `raw` is kept on the intent.

    `pay_url` is a page of the provider on which the customer pays; `address` is then the reference of the payment.
    `raw["ask_with"]`, when it is there, is what `ask` is given instead of the payment id.
    """

    payment_id: str
    address: str
    destination_tag: str = ""
    pay_url: str = ""
    raw: dict[str, Any] = field(default_factory=dict)


class PaymentProvider(ABC):
    """One provider. Subclasses fill the class data and the abstract readings."""

    name: ClassVar[str]
    meanings: ClassVar[Mapping[str, Meaning]]  # event kind → what it says
    tickers: ClassVar[Mapping[tuple[str, str], str]]  # (asset, network) → the provider's name for it
    expected_signature: ClassVar[str]  # told to whoever sends an unsigned event
    kept_headers: ClassVar[Sequence[str]] = ()
    answer_body: ClassVar[bytes] = b'{"received":true}'
    answer_type: ClassVar[str] = "application/json"
    takes_claims: ClassVar[bool] = False  # the payer names the transaction (P8)
    proves_ours: ClassVar[bool] = True  # False: one key signs for everybody, so money without a request is not ours
    takes_get: ClassVar[bool] = False  # events also come as GET: then the raw event is the whole public URL

    @abstractmethod
    def verify(self, raw: bytes, headers: Mapping[str, str], *, now: datetime) -> None:
        """Returns when the event is proven genuine; `now` is real time. Raises: BadSignature."""

    @abstractmethod
    def identify(self, raw: bytes) -> SignedEvent:
        """Who a verified event is. Raises: Unreadable."""

    @abstractmethod
    def read_event(self, raw: bytes) -> tuple[PaymentReport, ...]:
        """What a verified event says. Raises: Unreadable."""

    @abstractmethod
    def open_payment(self, request: NewPaymentRequest) -> NewPayment:
        """Asks for an address; safe to repeat. Raises: Unavailable, Rejected, Unintelligible."""

    @abstractmethod
    def ask(self, payment_id: str) -> bytes:
        """The provider's raw answer about a payment. Raises: Unavailable, Rejected."""

    @abstractmethod
    def read_answer(self, raw: bytes, payment_id: str) -> tuple[PaymentReport, ...]:
        """What an answer says; empty when nothing has come. Raises: Unreadable."""

    def required_settings(self) -> Mapping[str, object]:
        """Settings by name: production does not start when one of a provider in use is empty."""
        return {}

    def methods(self) -> list[PayMethod]:
        """Every way to pay that this provider offers."""
        return [PayMethod(self.name, asset, network) for asset, network in self.tickers]

    def amount_to_ask(self, method: PayMethod, cost: Money) -> Money:
        """The amount that the payer is asked for, at least `cost`; called inside the transaction that requests it."""
        return cost

    def ticker_of(self, method: PayMethod) -> str:
        """The provider's name of a coin. Raises: UnknownMethod."""
        try:
            return self.tickers[method.asset, method.network]
        except KeyError:
            raise UnknownMethod(method.code) from None

    def coin_of(self, ticker: str) -> tuple[str, str]:
        """(asset, network) of the provider's name for a coin. Raises: Unreadable with reason unknown_coin."""
        for coin, known in self.tickers.items():
            if known == ticker:
                return coin
        raise Unreadable("unknown_coin", ticker[:40])

    def refuse_signature(self, reason: str) -> BadSignature:
        """The error to raise when an event does not prove itself."""
        return BadSignature(reason, self.expected_signature)

    def call(self, method: str, url: str, **options: Any) -> http.Response:
        """One outbound call with a time-out, repeated twice with jitter when no usable answer came.

        Only calls that are safe to repeat come here. Raises: Unavailable (no answer, 429, 5xx, or it is left alone for
        a while), Rejected (other 4xx).
        """
        with behind_breaker(self.name):
            return self._call_again(method, url, options)

    def _call_again(self, method: str, url: str, options: dict[str, Any]) -> http.Response:
        retries = stamina.retry_context(
            on=Unavailable,
            attempts=3,
            timeout=12,
            wait_initial=_FIRST_PAUSE,
            wait_max=_LONGEST_PAUSE,
            wait_jitter=_JITTER,
        )
        for attempt in retries:
            with attempt, counted(self.name):
                return self._call_once(method, url, options)
        raise AssertionError("unreachable")  # the last attempt returns or raises

    def _call_once(self, method: str, url: str, options: dict[str, Any]) -> http.Response:
        try:
            answer = http.request(method, url, **options)
        except http.HTTPError as error:
            raise Unavailable(self.name, type(error).__name__) from error
        if answer.status_code == 429 or answer.status_code >= 500:
            raise Unavailable(self.name, f"HTTP {answer.status_code}")
        if answer.status_code >= 400:
            raise Rejected(self.name, f"HTTP {answer.status_code}: {answer.text[:150]}")
        return answer

    def read_reply(self, answer: http.Response) -> dict[str, Any]:
        """The JSON object of an answer. Raises: Unintelligible."""
        try:
            return wire.read_object(answer.content)
        except Unreadable as error:
            PROVIDER_CALLS.labels(self.name, "unintelligible").inc()
            raise Unintelligible(self.name, error.detail) from error


def signed_at(header: str) -> tuple[int, list[str]] | None:
    """Reads `t=<unix>,v1=<hex>[,v1=<hex>]`; None when it is not that."""
    moment, signatures = None, []
    for part in header.split(","):
        name, _, value = part.strip().partition("=")
        if name == "t" and value.isascii() and value.isdigit() and len(value) <= 12:
            moment = int(value)
        elif name == "v1":
            signatures.append(value)
    return (moment, signatures) if moment is not None and signatures else None


def is_fresh(moment: int, now: datetime) -> bool:
    """True within five minutes of `now`, both ways (F9)."""
    return abs(int(now.timestamp()) - moment) <= SIGNATURE_WINDOW_SECONDS


def is_signed(message: bytes, signatures: Sequence[str], secrets: Sequence[str], *, digest: str = "sha256") -> bool:
    """True when any signature is the hex HMAC of `message` under any secret; constant time each."""
    given = [signature.strip().lower().encode("utf-8", "surrogatepass") for signature in signatures]
    proofs = [hmac.new(secret.encode(), message, digest).hexdigest().encode() for secret in secrets]
    matches = [hmac.compare_digest(one, proof) for one in given for proof in proofs]
    return True in matches  # all are compared first: the time taken does not tell which one fitted
