"""A payout quote that travels through a form: what was looked at is what is approved, or nothing is (W2)."""

from datetime import datetime

from django.core import signing

from wallets.errors import QuoteExpired
from wallets.models import Withdrawal
from wallets.money import Money
from wallets.quoting import PayoutQuote

MOST_SECONDS = 300  # a rate is good for as long
_SALT = "wallets.payout_quote"


def sign_quote(withdrawal: Withdrawal, quote: PayoutQuote) -> str:
    """The quote for this revision, as text that nobody can change."""
    facts = {
        "withdrawal": withdrawal.pk,
        "revision": withdrawal.revision,
        "minor": quote.payout.minor,
        "asset": quote.payout.asset,
        "rate": quote.rate,
        "source": quote.rate_source,
        "at": quote.rate_at.isoformat(),
    }
    return signing.dumps(facts, salt=_SALT)


def read_quote(withdrawal: Withdrawal, text: str) -> PayoutQuote:
    """The quote that was shown. Raises: QuoteExpired when it is too old, of another withdrawal, or not ours."""
    try:
        facts = signing.loads(text, salt=_SALT, max_age=MOST_SECONDS)
    except signing.BadSignature:
        raise QuoteExpired from None
    if facts["withdrawal"] != withdrawal.pk:
        raise QuoteExpired
    return PayoutQuote(
        payout=Money(facts["minor"], facts["asset"]),
        rate=facts["rate"],
        rate_source=facts["source"],
        rate_at=datetime.fromisoformat(facts["at"]),
    )
