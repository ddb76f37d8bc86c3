"""Who brings people earns a part of the fee (E19)."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction
from pytest_django import Settings

from escrows.actions.make_affiliate_link import make_affiliate_link
from escrows.actions.note_first_start import Arrival, note_first_start
from escrows.actions.release import release_escrow
from escrows.affiliate_models import FirstStart
from escrows.affiliates import standing_of
from escrows.preview import release_preview
from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.models import Event
from lockbay.people.models import User
from tests.at_once import at_once
from tests.cast import (
    a_delivered_trade,
    a_paid_trade,
    bea,
    cancelled,
    max_,
    olu,
    released,
    sol,
    stranger,
    usd,
    wallet_of,
)
from wallets.accounts import AFFILIATE, FEES, platform_account
from wallets.models import Operation
from wallets.proof import check_ledger
from wallets.queries import balance_of

pytestmark = pytest.mark.django_db


def brings(referrer: User, newcomer: User) -> Arrival:
    return note_first_start(actor=newcomer, code=make_affiliate_link(actor=referrer).code)


def earned(person: User) -> str:
    return str(wallet_of(person, AFFILIATE))


def fees() -> str:
    return str(balance_of(platform_account(FEES, "USD")))


class TestArriving:
    def test_the_first_start_by_a_link_is_its_owners(self):
        assert brings(max_(), bea()) is Arrival.REFERRED
        assert FirstStart.objects.get(user=bea()).referrer == max_()
        event = Event.objects.get(kind=Kind.REFERRAL_JOINED)
        assert event.data == {"user_id": max_().pk}  # who came stays their own business

    def test_a_repetition_of_the_same_update_changes_nothing_and_tells_the_same(self):
        assert [brings(max_(), bea()), brings(max_(), bea())] == [Arrival.REFERRED] * 2
        assert Event.objects.filter(kind=Kind.REFERRAL_JOINED).count() == 1

    def test_only_the_first_start_counts(self):
        assert note_first_start(actor=bea()) is Arrival.PLAIN
        assert brings(max_(), bea()) is Arrival.TOO_LATE
        assert FirstStart.objects.get(user=bea()).referrer is None

    def test_nobody_takes_over_whom_another_brought(self):
        brings(max_(), bea())
        assert brings(olu(), bea()) is Arrival.TOO_LATE
        assert FirstStart.objects.get(user=bea()).referrer == max_()

    def test_refuses_a_link_of_ones_own(self):
        assert brings(bea(), bea()) is Arrival.OWN
        assert FirstStart.objects.get(user=bea()).referrer is None

    def test_the_database_refuses_it_too(self):
        with pytest.raises(IntegrityError), transaction.atomic():
            FirstStart.objects.create(user=bea(), referrer=bea(), at=clock.now())

    def test_an_unknown_code_brings_nobody(self):
        assert note_first_start(actor=bea(), code="NOSUCH22") is Arrival.UNKNOWN

    def test_a_code_is_read_in_small_letters_too(self):
        code = make_affiliate_link(actor=max_()).code.lower()
        assert note_first_start(actor=bea(), code=code) is Arrival.REFERRED

    def test_a_person_has_one_link_for_ever(self):
        assert make_affiliate_link(actor=max_()).code == make_affiliate_link(actor=max_()).code


class TestEarning:
    def test_a_completed_trade_of_the_referred_cuts_the_fee_in_one_operation(self):
        brings(max_(), bea())
        escrow = a_delivered_trade(price="100.00")
        assert (earned(max_()), fees()) == ("0.00 USD", "0.00 USD")  # the fee stays in the hold until release
        released(escrow)
        assert (earned(max_()), fees()) == ("0.50 USD", "4.50 USD")
        operation = Operation.objects.get(kind="escrow_release")
        assert operation.entries.count() == 4
        told = Event.objects.get(kind=Kind.AFFILIATE_EARNED)
        assert told.data == {"user_id": max_().pk, "money": "0.50 USD"}
        assert check_ledger(full=True).is_green

    def test_both_parties_referrers_earn_each(self):
        brings(max_(), bea())
        brings(olu(), sol())
        released(a_delivered_trade(price="100.00"))
        assert (earned(max_()), earned(olu()), fees()) == ("0.50 USD", "0.50 USD", "4.00 USD")

    def test_one_who_brought_both_earns_once(self):
        brings(max_(), bea())
        brings(max_(), sol())
        released(a_delivered_trade(price="100.00"))
        assert (earned(max_()), fees()) == ("0.50 USD", "4.50 USD")

    def test_a_party_of_the_trade_earns_nothing_from_it(self):
        brings(sol(), bea())
        released(a_delivered_trade(price="100.00"))
        assert (earned(sol()), fees()) == ("0.00 USD", "5.00 USD")

    def test_cents_are_rounded_down(self):
        brings(max_(), bea())
        released(a_delivered_trade(price="3.00"))  # fee 0.15
        assert (earned(max_()), fees()) == ("0.01 USD", "0.14 USD")

    def test_after_the_year_it_is_over(self, settings: Settings):
        brings(max_(), bea())
        FirstStart.objects.filter(user=bea()).update(at=clock.now() - settings.AFFILIATE_PERIOD - timedelta(seconds=1))
        released(a_delivered_trade(price="100.00"))
        assert (earned(max_()), fees()) == ("0.00 USD", "5.00 USD")

    def test_a_trade_that_is_not_completed_earns_nothing(self):
        brings(max_(), bea())
        cancelled(a_paid_trade(price="100.00"))
        assert earned(max_()) == "0.00 USD"

    def test_switched_off_nothing_is_cut(self, settings: Settings):
        settings.AFFILIATE_PERCENT = Decimal(0)
        brings(max_(), bea())
        released(a_delivered_trade(price="100.00"))
        assert (earned(max_()), fees()) == ("0.00 USD", "5.00 USD")

    def test_the_parties_see_the_whole_fee_and_never_who_shares_it(self):
        plain = release_preview(a_delivered_trade(price="100.00"))
        brings(max_(), bea())
        shared = release_preview(a_delivered_trade(price="100.00"))
        assert shared.lines == plain.lines

    def test_a_referrer_who_comes_between_the_look_and_the_click_refuses_nothing(self):
        escrow = a_delivered_trade(price="100.00")
        digest = release_preview(escrow).digest
        brings(max_(), bea())
        release_escrow(actor=bea(), escrow_id=escrow.pk, digest=digest)
        assert earned(max_()) == "0.50 USD"

    def test_the_standing_counts_people_trades_and_money(self):
        brings(max_(), bea())
        brings(max_(), stranger())
        released(a_delivered_trade(price="100.00"))
        released(a_delivered_trade(price="50.00"))
        standing = standing_of(max_().pk)
        assert (standing.people, standing.trades, standing.earned, standing.balance) == (2, 2, usd("0.75"), usd("0.75"))


@pytest.mark.django_db(transaction=True)
def test_one_person_who_starts_by_two_links_at_once_is_brought_by_one():
    codes = [make_affiliate_link(actor=person).code for person in (max_(), olu())]
    newcomer = bea()
    arrivals = at_once(lambda code: note_first_start(actor=newcomer, code=code), codes * 4)
    referrer = FirstStart.objects.get(user=newcomer).referrer
    assert {str(one) for one in arrivals} == {"referred", "too_late"}
    assert referrer in (max_(), olu())
    assert Event.objects.filter(kind=Kind.REFERRAL_JOINED).count() == 1
