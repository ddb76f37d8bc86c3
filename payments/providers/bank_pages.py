"""What bank providers have in common: naira, a page of theirs on which the customer pays, and events that are hints.

A payment begun on such a page is not money under way: only their word that it succeeded, asked for by us, is (P6).
"""

import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from payments import wire
from payments.errors import Unreadable
from payments.providers.base import Meaning, NewPaymentRequest, PaymentProvider, PaymentReport


class BankPageProvider(PaymentProvider):
    """`statuses`: what the provider's word for a payment's state means; `references`: where it repeats ours, and
    `payout_reference` where it does so for money that we send."""

    tickers = {("NGN", "BANK"): "NGN"}
    statuses: ClassVar[Mapping[str, Meaning]]
    references: ClassVar[Sequence[str]]
    payout_reference: ClassVar[str] = "reference"

    def read_event(self, raw: bytes) -> tuple[PaymentReport, ...]:
        event = self.identify(raw)
        meaning = self.meanings.get(event.kind)
        if meaning is None:
            raise Unreadable("unknown_kind", event.kind)
        data = inner(wire.read_object(raw), "data")
        if meaning is Meaning.PAYOUT:
            ours = wire.read_text(data.get(self.payout_reference), name=self.payout_reference, longest=64)
            return (PaymentReport(self.name, event.event_id, event.kind, id_in(data), meaning, ours),)
        reference = self.reference_in(data)
        return (PaymentReport(self.name, event.event_id, event.kind, event.payment_id, meaning, reference),)

    def reference_in(self, data: dict[str, Any]) -> str:
        """Our reference as the provider repeats it; "" when it does not. Raises: Unreadable."""
        found = (wire.read_text(data.get(name), name=name, longest=64) for name in self.references)
        return next((text for text in found if text), "")

    def report_of(
        self, data: dict[str, Any], *, payment_id: str, txid: str, amount: object
    ) -> tuple[PaymentReport, ...]:
        """What `data` says of a payment; nothing unless it succeeded. Raises: Unreadable."""
        status = wire.require_text(data, "status").lower()
        meaning = self.statuses.get(status)
        if meaning is None:
            raise Unreadable("unknown_status", status)
        if meaning is Meaning.INFORMATION:
            return ()
        asset, network = self.coin_of(wire.require_text(data, "currency"))
        report = PaymentReport(
            provider=self.name,
            event_id=f"asked:{payment_id}",
            kind=f"asked.{status}",
            payment_id=payment_id,
            meaning=meaning,
            reference=self.reference_in(data),
            txid=txid,
            asset=asset,
            network=network,
            received=wire.read_amount(amount),
        )
        return (report,)


def is_one_of(given: str, right: Sequence[str]) -> bool:
    """True when `given` is one of `right`; constant time each, and all are looked at."""
    seen = given.encode("utf-8", "surrogatepass")
    return True in [hmac.compare_digest(seen, one.encode()) for one in right]


def with_amount(body: dict[str, Any], request: NewPaymentRequest) -> bytes:
    """The body with its amount as a number: the exact decimal text, no float in between."""
    return (json.dumps(body)[:-1] + f', "amount": {request.amount.plain()}}}').encode()


def page_url(body: dict[str, Any], name: str) -> str:
    """The page to pay on. Raises: Unreadable for anything but an https address."""
    url = wire.read_text(body.get(name), name=name, longest=500)
    if not url.startswith("https://"):
        raise Unreadable("bad_field", name)
    return url


def id_in(data: dict[str, Any], name: str = "id") -> str:
    """An id that comes as number or text. Raises: Unreadable."""
    value = data.get(name)
    return str(value) if type(value) is int else wire.require_text(data, name)


def inner(body: dict[str, Any], name: str) -> dict[str, Any]:
    """An object in an object. Raises: Unreadable."""
    value = body.get(name)
    if not isinstance(value, dict):
        raise Unreadable("bad_field", name)
    return value
