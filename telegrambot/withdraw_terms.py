"""The terms of a withdrawal as a draft keeps them: what was shown is what is asked for (E5)."""

import hashlib
from datetime import datetime
from typing import Any

from lockbay import clock
from telegrambot.models import Draft
from wallets.money import Money
from wallets.quoting import WithdrawalTerms

HOME_ASSET = "USD"


def frozen_terms(terms: WithdrawalTerms) -> dict[str, Any]:
    """The terms as the draft keeps them, with the moment at which they were shown."""
    return {
        "fee": terms.fee.minor,
        "network_fee": terms.network_fee.minor,
        "estimate": terms.estimate.minor,
        "payout_asset": terms.estimate.asset,
        "rate": terms.rate,
        "rate_source": terms.rate_source,
        "rate_at": terms.rate_at.isoformat(),
        "shown_at": clock.real_now().isoformat(),
    }


def terms_of(draft: Draft) -> WithdrawalTerms:
    """The terms that a draft keeps."""
    kept = draft.data["terms"]
    return WithdrawalTerms(
        fee=Money(kept["fee"], HOME_ASSET),
        network_fee=Money(kept["network_fee"], HOME_ASSET),
        estimate=Money(kept["estimate"], kept["payout_asset"]),
        rate=kept["rate"],
        rate_source=kept["rate_source"],
        rate_at=datetime.fromisoformat(kept["rate_at"]),
    )


def digest_of(draft: Draft) -> str:
    """Of everything that the review shows (E5)."""
    kept = draft.data["terms"]
    facts = (draft.data["amount_minor"], draft.data["destination"], draft.data["kind"], *sorted(kept.items()))
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:12]
