"""What is shown is what is posted, to the cent (E5)."""

from collections import Counter

import pytest

from escrows.errors import NotEnough
from escrows.models import Escrow
from escrows.preview import Preview, payment_preview, refund_preview, release_preview
from tests.cast import (
    a_delivered_trade,
    a_paid_trade,
    a_waiting_trade,
    an_agreement,
    bea,
    cancelled,
    give,
    paid,
    released,
    sol,
    usd,
)
from tests.escrows.deposits import a_deposit, credit
from wallets.accounts import CREDIT, HOLD
from wallets.models import Entry

pytestmark = pytest.mark.django_db(transaction=True)


def posted(escrow: Escrow, purpose: str) -> Counter[tuple[str, int]]:
    """(who, cents) of every leg but the hold's."""
    owners = {bea().pk: "buyer", sol().pk: "seller", None: "platform"}
    entries = Entry.objects.filter(operation__key=f"escrow:{escrow.public_id}:{purpose}").exclude(account__kind=HOLD)
    return Counter((owners[entry.account.owner_id], entry.amount) for entry in entries.select_related("account"))


def shown(preview: Preview) -> Counter[tuple[str, int]]:
    return Counter((line.who, line.money.minor) for line in preview.lines)


@pytest.mark.parametrize("fee_payer", ["buyer", "seller", "split"])
@pytest.mark.parametrize("price", ["2.00", "20.10", "499.99"])
def test_a_release_posts_what_its_preview_shows(price: str, fee_payer: str) -> None:
    trade = a_delivered_trade(price=price, fee_payer=fee_payer)
    preview = release_preview(trade)
    released(trade)
    assert shown(preview) == posted(trade, "release")


def test_a_refund_posts_what_its_preview_shows() -> None:
    give(bea(), "3.00", kind=CREDIT)
    with_credit = paid(an_agreement())
    short = a_waiting_trade()
    credit(a_deposit(short, "20.20"))
    short.refresh_from_db()
    for trade in (with_credit, short):
        preview = refund_preview(trade)
        cancelled(trade)
        assert shown(preview) == posted(trade, "refund")
        assert len(preview.lines) == 2


def test_a_wallet_payment_posts_what_its_preview_shows() -> None:
    give(bea(), "3.00", kind=CREDIT)
    give(bea(), "18.00")
    trade = an_agreement()
    preview = payment_preview(trade)
    paid(trade)
    assert shown(preview) == Counter({("buyer", -300): 1, ("buyer", -1800): 1})
    assert sum(posted(trade, "fund").values()) == 2


def test_an_unpaid_trade_gives_nothing_back_and_a_poor_wallet_pays_nothing() -> None:
    trade = an_agreement()
    assert refund_preview(trade).lines == ()
    with pytest.raises(NotEnough) as caught:
        payment_preview(trade)
    assert caught.value.missing == usd("21.00")


def test_a_digest_belongs_to_one_act_of_one_trade_in_one_version() -> None:
    first, second = a_paid_trade(), a_paid_trade()
    digests = {release_preview(first).digest, refund_preview(first).digest, release_preview(second).digest}
    first.version += 1
    assert len(digests | {release_preview(first).digest}) == 4
    assert all(len(digest) == 12 for digest in digests)
