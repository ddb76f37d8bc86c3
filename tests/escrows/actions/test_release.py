"""The buyer lets the money go (E14, F29)."""

from datetime import timedelta

import pytest
from pytest_django import Settings

from escrows.actions.mark_delivered import mark_delivered
from escrows.actions.release import release_escrow
from escrows.errors import NotAllowed, PreviewChanged, Reason, SnapshotMalformed
from escrows.models import Escrow
from escrows.preview import release_preview
from escrows.states import Status
from lockbay.events.models import Event
from lockbay.people.models import User
from tests.cast import (
    a_delivered_trade,
    a_paid_trade,
    an_active_trade,
    bea,
    held_by,
    released,
    snapshot_of,
    sol,
    usd,
    wallet_of,
)
from tests.escrows.actions.triple import Triple
from wallets.accounts import FEES, platform_account
from wallets.queries import balance_of


class TestRelease(Triple):
    allowed = {Status.ACTIVE: Status.COMPLETED, Status.DELIVERED: Status.COMPLETED}
    answered = frozenset({Status.COMPLETED})

    def act(self, escrow: Escrow, actor: User | None = None) -> object:
        return release_escrow(actor=actor or bea(), escrow_id=escrow.pk, digest=release_preview(escrow).digest)

    @pytest.mark.parametrize(
        ("fee_payer", "seller_gets"), [("buyer", "20.10"), ("seller", "19.09"), ("split", "19.59")]
    )
    def test_pays_the_seller_and_the_fee_to_the_cent(self, fee_payer: str, seller_gets: str) -> None:
        trade = released(a_delivered_trade(price="20.10", fee_payer=fee_payer))
        assert wallet_of(sol()) == usd(seller_gets)
        assert balance_of(platform_account(FEES, "USD")) == usd("1.01")
        assert (wallet_of(bea()), held_by(trade)) == (usd("0.00"), usd("0.00"))
        fact = Event.objects.filter(subject_id=trade.pk).order_by("seq").last()
        assert fact is not None
        assert (fact.kind, fact.data["seller_gets"], fact.data["fee"]) == (
            "escrow.completed",
            f"{seller_gets} USD",
            "1.01 USD",
        )

    def test_refuses_the_seller(self) -> None:
        with pytest.raises(NotAllowed) as caught:
            self.act(a_delivered_trade(), actor=sol())
        assert caught.value.reason == Reason.BUYER_ONLY

    def test_refuses_a_preview_of_an_older_version(self) -> None:
        trade = an_active_trade()
        shown = release_preview(trade).digest
        mark_delivered(actor=sol(), escrow_id=trade.pk)
        before = snapshot_of(trade)
        for digest in (shown, "", "0" * 12):
            with pytest.raises(PreviewChanged):
                release_escrow(actor=bea(), escrow_id=trade.pk, digest=digest)
        assert snapshot_of(trade) == before

    def test_a_second_click_is_answered_with_the_finished_trade_whatever_its_digest(self) -> None:
        trade = released(a_delivered_trade())
        before = snapshot_of(trade)
        again = release_escrow(actor=bea(), escrow_id=trade.pk, digest="old")
        assert again.status == Status.COMPLETED
        assert snapshot_of(trade) == before

    def test_never_posts_from_a_snapshot_it_cannot_trust(self) -> None:
        trade = a_delivered_trade()
        digest = release_preview(trade).digest
        good = trade.pricing
        Escrow.objects.filter(pk=trade.pk).update(pricing={**good, "fee": "100"})
        before = snapshot_of(trade)
        with pytest.raises(SnapshotMalformed):
            release_escrow(actor=bea(), escrow_id=trade.pk, digest=digest)
        assert snapshot_of(trade) == before
        Escrow.objects.filter(pk=trade.pk).update(pricing=good)

    def test_with_a_window_only_the_moment_is_stored(self, settings: Settings) -> None:
        settings.RELEASE_UNDO_WINDOW = timedelta(seconds=60)
        trade = released(a_delivered_trade())
        assert trade.status == Status.DELIVERED
        assert trade.release_due_at is not None
        assert (held_by(trade), wallet_of(sol())) == (usd("21.00"), usd("0.00"))
        before = snapshot_of(trade)
        assert released(trade).release_due_at == trade.release_due_at
        assert snapshot_of(trade) == before

    def test_a_paid_trade_that_nobody_accepted_is_not_released(self) -> None:
        trade = a_paid_trade()
        before = snapshot_of(trade)
        with pytest.raises(Exception, match="payment_confirmed"):
            released(trade)
        assert snapshot_of(trade) == before
