"""What the tests of money in and out of the wallet need: prices, an e-mail address, a place to withdraw to."""

from lockbay import clock
from lockbay.people.models import Channel, Contact, User
from payments.rates.prewarm import prewarm
from payments.refreshing_fees import refresh_network_fees
from wallets.accounts import AVAILABLE, HELD, user_account
from wallets.actions.destinations import add_destination
from wallets.actions.transfer import transfer
from wallets.models import Destination
from wallets.money import parse_money

TRON = "TQpgyGhLQSbtomi1Dcf6PvftoAdrkrK6eF"
BITCOIN = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"


def know_prices() -> None:
    """Rates and network fees are fresh."""
    prewarm("test")
    refresh_network_fees()


def prove_email(user: User) -> None:
    """The person has a verified e-mail address."""
    address = f"{user.username}@example.org"
    Contact.objects.create(user=user, channel=Channel.EMAIL, address=address, verified_at=clock.now())


def a_place(user: User, *, is_usable: bool = True, asset: str = "USDT", network: str = "TRC20") -> Destination:
    """A saved address; a usable one has had its 24 hours."""
    address = {"TRC20": TRON, "BTC": BITCOIN}[network]
    place = add_destination(
        actor=user,
        rail="sandbox",
        payout_asset=asset,
        network=network,
        label="",
        details={"address": address, "tag": ""},
        fingerprint=f"{network}:{address}",
    )
    if is_usable:
        Destination.objects.filter(pk=place.pk).update(usable_at=clock.now())
        place.refresh_from_db()
    return place


def hold(user: User, amount: str) -> None:
    """Puts some of what is available aside."""
    source, target = user_account(user.pk, "USD", AVAILABLE), user_account(user.pk, "USD", HELD)
    transfer(actor=None, key=f"hold:{user.pk}", source=source, target=target, money=parse_money(amount, "USD"))
