"""What a withdrawal costs and brings, and where it may go (W1, W5, W7).

Terms are told before a request is made; the quote is made afresh when it is approved. Neither uses the network: fees
and rates are read as they are stored, and what is too old is refused, never guessed. A place to pay out to comes out of
here checked by its chain's own format and checksum, or by the bank itself.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Context, Decimal

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from payments import banks
from payments.banks import Bank
from payments.chains.addresses import require_address
from payments.chains.base import MalformedAddress
from payments.errors import AddressRefused, MethodGone
from payments.models import Intent
from payments.network_fees import BANK, FeeUnknown, network_fee
from payments.networks import NETWORKS
from payments.rates.currencies import FIATS
from payments.rates.errors import RateUnavailable
from payments.rates.quotes import Quote, quote_of
from payments.valuation import value_of
from wallets.assets import DIGITS
from wallets.errors import NothingArrives, QuoteUnavailable
from wallets.models import Destination, Withdrawal
from wallets.money import Money
from wallets.quoting import PayoutQuote, WithdrawalTerms, service_fee

_TURNING = Context(prec=28)


@dataclass(frozen=True, slots=True)
class PayoutMethod:
    """A way out that people are offered; `code` is its short text, e.g. "kraken:USDT:TRC20"."""

    rail: str
    asset: str
    network: str

    @property
    def code(self) -> str:
        return f"{self.rail}:{self.asset}:{self.network}"

    @property
    def is_bank(self) -> bool:
        return NETWORKS[self.network].chain == BANK


@dataclass(frozen=True, slots=True)
class Target:
    """A place to pay out to, checked: what the rail needs, and the one spelling of it."""

    method: PayoutMethod
    details: dict[str, str]
    fingerprint: str


def payout_methods() -> list[PayoutMethod]:
    """Every way out, in the order of the setting. Raises: ImproperlyConfigured."""
    return [_read_method(code) for code in settings.PAYOUT_METHODS]


def payout_method(code: str) -> PayoutMethod:
    """The offered method with this code. Raises: MethodGone."""
    for method in payout_methods():
        if method.code == code:
            return method
    raise MethodGone(code[:60])


def crypto_target(method: PayoutMethod, text: str) -> Target:
    """An address of the method's chain, in its one spelling. None of our networks needs a tag besides.

    Raises: AddressRefused, also for an address that we gave out to be paid to ourselves.
    """
    network = NETWORKS[method.network]
    try:
        address = require_address(network.chain, text)
    except MalformedAddress as error:
        raise AddressRefused(network.chain, str(error.args[-1])) from error
    if _is_ours(network.chain, address):
        raise AddressRefused(network.chain, "ours")
    return Target(method, {"address": address, "tag": ""}, f"{method.network}:{address}")


def bank_target(method: PayoutMethod, bank: Bank, account_number: str) -> Target:
    """The account with the name that its bank gives for it: to be shown to the owner before it is saved.

    Uses the network. Raises: AccountMalformed, AccountUnknown, BankUnreachable, MethodGone.
    """
    number = banks.require_account_number(account_number)
    holder = banks.desk_of(look_up_rail(method)).holder_of(bank.code, number)
    details = {"bank_code": bank.code, "bank_name": bank.name, "account_number": number, "account_name": holder}
    return Target(method, details, f"{method.network}:{bank.code}:{number}")


def look_up_rail(method: PayoutMethod) -> str:
    """Whose look-up serves a bank method: its own rail's, or the setting's where a person pays by hand."""
    return settings.BANK_LOOK_UP_RAIL if method.rail == "manual" else method.rail


class PaymentsQuoter:
    """What the wallets ask of this room (wallets/quoting.py)."""

    def terms_for(self, destination: Destination, amount: Money, now: datetime) -> WithdrawalTerms:
        """Fee of the house, network fee, and what would arrive by the rate of now.

        Raises: QuoteUnavailable, NothingArrives.
        """
        fee = service_fee(amount)
        network = _network_fee_of(destination)
        left = amount - fee - network
        quote = _rate(amount.asset, destination.payout_asset)
        arrives = _arriving(amount, left, fee + network, quote)
        return WithdrawalTerms(
            fee=fee,
            network_fee=network,
            estimate=arrives,
            rate=format(quote.rate, "f"),
            rate_source=quote.source,
            rate_at=quote.fetched_at,
        )

    def payout_quote(self, withdrawal: Withdrawal, now: datetime) -> PayoutQuote:
        """What is left of the withdrawal after its agreed fees, by the rate of now.

        Raises: QuoteUnavailable, NothingArrives.
        """
        quote = _rate(withdrawal.asset, withdrawal.payout_asset)
        fees = withdrawal.fee + withdrawal.network_fee
        payout = _arriving(withdrawal.amount, withdrawal.net, fees, quote)
        return PayoutQuote(payout, format(quote.rate, "f"), quote.source, quote.fetched_at)


def _read_method(code: str) -> PayoutMethod:
    parts = code.split(":")
    if len(parts) != 3 or parts[1] not in DIGITS or parts[2] not in NETWORKS:
        raise ImproperlyConfigured(f"PAYOUT_METHODS: {code!r} is not rail:asset:network.")
    return PayoutMethod(*parts)


def _arriving(amount: Money, left: Money, fees: Money, quote: Quote) -> Money:
    arrives = value_of(left, quote.rate, quote.quote) if left.minor > 0 else Money(0, quote.quote)
    if arrives.minor <= 0:
        raise NothingArrives(amount, fees)
    return arrives


def _network_fee_of(destination: Destination) -> Money:
    try:
        fee = network_fee(network=destination.network, asset=destination.payout_asset, rail=destination.rail)
    except FeeUnknown as error:
        raise QuoteUnavailable("network_fee") from error
    return fee.money


def _rate(asset: str, payout_asset: str) -> Quote:
    """Units of `payout_asset` for one of `asset`. Coins are quoted in dollars, so their price is turned round, and down
    in the last of 28 digits. Raises: QuoteUnavailable."""
    try:
        if payout_asset == asset or payout_asset in FIATS:
            return quote_of(asset, payout_asset)
        price = quote_of(payout_asset, asset)
    except RateUnavailable as error:
        raise QuoteUnavailable("rate") from error
    turned = _TURNING.divide(Decimal(1), price.rate)
    return Quote(asset, payout_asset, turned, price.source, price.fetched_at, price.tier)


def _is_ours(chain: str, address: str) -> bool:
    """True for an address of ours: one from the settings, or one that a request of ours owns for ever."""
    for network, text in settings.ONCHAIN_ADDRESSES.items():
        if network in NETWORKS and NETWORKS[network].chain == chain and _same(chain, text, address):
            return True
    networks = [code for code, network in NETWORKS.items() if network.chain == chain]
    given = Intent.objects.filter(network__in=networks)
    if NETWORKS[networks[0]].folds_case:
        return given.filter(address__iexact=address).exists()
    return given.filter(address__in=[address, address.removeprefix("bitcoincash:")]).exists()


def _same(chain: str, text: str, address: str) -> bool:
    try:
        return require_address(chain, text) == address
    except MalformedAddress:
        return False
