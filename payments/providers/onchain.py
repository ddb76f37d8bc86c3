"""Our own addresses (P8): the payer sends there and names the transaction; our nodes say what it did.

There is one address a network, so the amount tells payments apart: each open request of a coin asks for an amount of
its own, a few of the smallest units above the price. What we answer ourselves is our evidence; it is stored and applied
like the answer of any provider.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection

from lockbay import clock
from payments import evidence, rechecking, unclaimed
from payments.chains import checks
from payments.chains.addresses import checksummed_evm, require_address
from payments.chains.base import MalformedAddress, Wait
from payments.errors import Rejected, Unavailable, UnknownMethod, Unreadable
from payments.methods import PayMethod
from payments.models import ChainClaim, Intent
from payments.networks import NETWORKS
from payments.providers.base import (
    Meaning,
    NewPayment,
    NewPaymentRequest,
    PaymentProvider,
    PaymentReport,
    SignedEvent,
)
from payments.states import ClaimState
from wallets.money import Money

_TAGS = 500
_TAG_LOCK = 0x4C4F434B544147
_EVM = {"ethereum", "bsc"}


class OnChain(PaymentProvider):
    """Payments to ONCHAIN_ADDRESSES."""

    name = "onchain"
    meanings: ClassVar[Mapping[str, Meaning]] = {}
    tickers = {
        coin: f"{coin[0]}-{coin[1]}"
        for coin in (
            ("USDT", "ERC20"),
            ("USDC", "ERC20"),
            ("ETH", "ERC20"),
            ("USDT", "BEP20"),
            ("USDC", "BEP20"),
            ("USDT", "TRC20"),
            ("TRX", "TRC20"),
            ("BTC", "BTC"),
            ("LTC", "LTC"),
            ("DOGE", "DOGE"),
            ("BCH", "BCH"),
            ("SOL", "SOL"),
            ("USDT", "SOL"),
            ("USDC", "SOL"),
            ("APT", "APT"),
            ("USDT", "APT"),
            ("USDC", "APT"),
            ("CELL", "CF20"),
        )
    }
    expected_signature = "none: nobody but our own nodes is believed"
    takes_claims = True

    def required_settings(self) -> Mapping[str, object]:
        return {"ONCHAIN_ADDRESSES": settings.ONCHAIN_ADDRESSES}

    def methods(self) -> list[PayMethod]:
        """The coins of the networks on which we have an address."""
        return [method for method in super().methods() if method.network in settings.ONCHAIN_ADDRESSES]

    def verify(self, raw: bytes, headers: Mapping[str, str], *, now: datetime) -> None:
        raise self.refuse_signature("no_webhooks")

    def identify(self, raw: bytes) -> SignedEvent:
        raise Unreadable("no_webhooks")

    def read_event(self, raw: bytes) -> tuple[PaymentReport, ...]:
        raise Unreadable("no_webhooks")

    def amount_to_ask(self, method: PayMethod, cost: Money) -> Money:
        """The first amount from `cost` upwards that does not end in 0 and that nobody was asked for lately: one request
        at a time chooses.

        Raises: UnknownMethod when none is left.
        """
        if connection.vendor == "postgresql":  # on SQLite BEGIN IMMEDIATE is the lock
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_TAG_LOCK])
        alike = Intent.objects.filter(provider=self.name, pay_asset=method.asset, network=method.network)
        taken = set(
            alike.filter(
                created_at__gte=clock.now() - evidence.RIVALS_FOR,
                pay_minor__range=(cost.minor, cost.minor + _TAGS),
            ).values_list("pay_minor", flat=True)
        )
        # Never a round one: whoever rounds the amount that he was asked for must not hit somebody else's (F7).
        free = (minor for minor in range(cost.minor, cost.minor + _TAGS) if minor % 10 and minor not in taken)
        chosen = next(free, None)
        if chosen is None:
            raise UnknownMethod(method.code)
        return Money(chosen, cost.asset)

    def open_payment(self, request: NewPaymentRequest) -> NewPayment:
        """No call: the address is ours. Raises: Rejected when there is none."""
        self.ticker_of(request.method)
        try:
            address = address_on(request.method.network)
        except (KeyError, MalformedAddress) as error:
            raise Rejected(self.name, f"no address on {request.method.network}") from error
        return NewPayment(request.reference, address)

    def ask(self, payment_id: str) -> bytes:
        """What our nodes say of the newest transaction that waits. Raises: Unavailable."""
        waiting = ChainClaim.objects.filter(
            intent__provider=self.name, intent__provider_payment_id=payment_id, state=ClaimState.WAITING
        )
        claim = waiting.select_related("intent").order_by("-pk").first()
        if claim is None:
            return evidence.write(payment_id, None, [])
        try:
            return self.ask_about(claim)
        except Wait as why:
            raise Unavailable(self.name, evidence.reason_of(why)) from why

    def ask_about(self, claim: ChainClaim) -> bytes:
        """The document of evidence about one claim. Raises: Wait."""
        found = evidence.gather(claim)
        return evidence.write(claim.intent.public_id, found, nodes_of(claim.chain))

    def read_answer(self, raw: bytes, payment_id: str) -> tuple[PaymentReport, ...]:
        """Nothing for what is refused. What a person must decide names no request of ours: it goes to a desk."""
        if unclaimed.is_unclaimed(payment_id):
            return unclaimed.reports_of(self.name, payment_id, unclaimed.read(raw, payment_id))
        found = evidence.read(raw, payment_id)
        if found is None:
            loss = rechecking.read(raw)
            return () if loss is None else (loss.report(self.name, payment_id),)
        standing, reason = found.standing()
        is_held = standing is evidence.Standing.HELD
        transfer = found.listed_transfer if is_held else found.judgement.transfer
        if transfer is None or standing is evidence.Standing.REFUSED or (reason and not is_held):
            return ()
        meaning = Meaning.PENDING if standing is evidence.Standing.WAITING else Meaning.CONFIRMED
        report = PaymentReport(
            provider=self.name,
            event_id=f"asked:{payment_id}",
            kind=f"{standing.value} {reason}".strip(),
            payment_id=f"held:{found.txid}"[:100] if is_held else payment_id,
            meaning=meaning,
            address=transfer.recipient,
            txid=found.txid,
            asset=transfer.asset,
            network=found.network,
            received=checks.coins_of(transfer),
            heard_at=found.expected.pasted_at,
            look=found.look,
        )
        return (report,)


def address_on(network: str) -> str:
    """Our address on a network, spelled as people expect it. Raises: KeyError (none set), MalformedAddress."""
    chain = NETWORKS[network].chain
    address = require_address(chain, settings.ONCHAIN_ADDRESSES[network])
    return checksummed_evm(address) if chain in _EVM else address


def nodes_of(chain: str) -> list[str]:
    """The hosts of the nodes that could be asked, without the keys in their addresses."""
    return [urlsplit(url).hostname or "" for url in settings.CHAIN_ENDPOINTS.get(chain, [])]
