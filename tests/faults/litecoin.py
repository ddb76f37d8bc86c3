"""A trade whose 2.10 USD are to be paid in litecoin by BlockBee: asked for while the rate was known, which is then
lost."""

import httpx

from escrows.actions.start_payment import start_payment
from escrows.models import Escrow
from lockbay import clock, http
from payments.methods import PayMethod
from payments.models import Intent, StoredRate
from payments.rates import quotes
from tests import cast
from tests.notifications.stories import has_email
from tests.payments.money_in import a_txid
from tests.payments.providers.rails import RAILS

BLOCKBEE = next(rail for rail in RAILS if rail.name == "blockbee")
RATE = "84"  # so that 0.025 LTC are what is asked
EXACTLY = "0.025"
BEAS = "bea@example.org"
_OURS, _THEIRS = "ltc1qg9stkxrszkdqsuj92lm4c7akvk36zvhqw7p6ck", "ltc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"


def a_trade_in_litecoin() -> Escrow:
    """2.00 and the fee of 0.10; the buyer has an e-mail address. No rate is known any more when it returns."""
    agreed = cast.an_agreement(price="2.00")
    has_email(cast.bea(), BEAS)
    StoredRate.objects.create(base="LTC", quote="USD", rate=RATE, source="test", fetched_at=clock.real_now())
    created = {"status": "success", "address_in": _THEIRS, "address_out": _OURS, "minimum_transaction_coin": "0.002"}
    http.use_transport(httpx.MockTransport(lambda _request: httpx.Response(200, json=created)))
    start_payment(actor=cast.bea(), escrow_id=agreed.pk, method=PayMethod("blockbee", "LTC", "LTC"), request_key="u1")
    http.use_transport(None)
    StoredRate.objects.all().delete()
    quotes.forget_all()
    agreed.refresh_from_db()
    return agreed


def webhook_of(trade: Escrow, coins: str) -> bytes:
    """The provider's event about so many litecoin, digit by digit."""
    intent = Intent.objects.get(reference=trade.public_id)
    told = {"coin": "ltc", "address_in": _THEIRS, "address_out": _OURS, "txid_in": a_txid("litecoin"), "value_coin": 0}
    raw = BLOCKBEE.event(intent, BLOCKBEE.confirmed, **told)
    return raw.replace(b'"value_coin":0,', f'"value_coin":{coins},'.encode())
