"""The invitation binds the account that opens it, once (E3)."""

from threading import Thread

import pytest
from django.db import connection

from escrows.actions.invite import make_invite
from escrows.actions.join import join_escrow
from escrows.errors import EscrowRefusal, InviteUnknown, InviteUsed, NotAllowed, NotFound, SelfTrade, WrongStatus
from escrows.states import JOINABLE, Status
from lockbay.events.models import Event
from lockbay.people.models import InviteToken, User
from tests.cast import a_trade_in, an_agreement, an_offer, bea, cancelled, paid, snapshot_of, sol, stranger

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("books_green")]


@pytest.mark.parametrize("side", ["buyer", "seller"])
def test_the_other_side_joins(side: str) -> None:
    joined = an_agreement(side=side)
    assert (joined.buyer, joined.seller) == (bea(), sol())
    assert joined.version == 2
    assert list(Event.objects.order_by("seq").values_list("kind", flat=True)) == [
        "escrow.created",
        "escrow.party_joined",
    ]


def test_the_token_itself_is_not_kept() -> None:
    token = make_invite(actor=bea(), escrow_id=an_offer().pk)
    assert InviteToken.objects.get().digest != token


def test_opening_the_same_link_again_returns_the_trade() -> None:
    offer = an_offer()
    token = make_invite(actor=bea(), escrow_id=offer.pk)
    join_escrow(actor=sol(), token=token)
    before = snapshot_of(offer)
    assert join_escrow(actor=sol(), token=token).pk == offer.pk
    assert snapshot_of(offer) == before


def test_refuses_oneself_and_whoever_comes_second() -> None:
    token = make_invite(actor=bea(), escrow_id=an_offer(counterparty_hint="@bea_on_telegram").pk)
    with pytest.raises(SelfTrade):
        join_escrow(actor=bea(), token=token)
    join_escrow(actor=sol(), token=token)
    with pytest.raises(InviteUsed):
        join_escrow(actor=stranger(), token=token)


@pytest.mark.parametrize("token", ["", "nonsense", "\x00", "x" * 10_000])
def test_refuses_a_token_that_does_not_exist(token: str) -> None:
    with pytest.raises(InviteUnknown):
        join_escrow(actor=sol(), token=token)


def test_a_new_link_replaces_the_old_one() -> None:
    offer = an_offer()
    old, new = (make_invite(actor=bea(), escrow_id=offer.pk) for _ in range(2))
    with pytest.raises(InviteUnknown):
        join_escrow(actor=sol(), token=old)
    assert join_escrow(actor=sol(), token=new).seller == sol()


def test_a_seller_may_join_after_the_payment() -> None:
    offer = paid(an_offer())
    joined = join_escrow(actor=sol(), token=make_invite(actor=bea(), escrow_id=offer.pk))
    assert (joined.status, joined.seller) == (Status.PAYMENT_CONFIRMED, sol())


def test_nobody_joins_what_is_over() -> None:
    offer = an_offer()
    token = make_invite(actor=bea(), escrow_id=offer.pk)
    cancelled(offer)
    with pytest.raises(WrongStatus):
        join_escrow(actor=sol(), token=token)


@pytest.mark.parametrize("status", Status)
def test_no_invitation_where_both_sides_are_there_or_the_trade_is_further(status: Status) -> None:
    escrow = a_trade_in(status)
    with pytest.raises(NotAllowed if status in JOINABLE else WrongStatus):
        make_invite(actor=bea(), escrow_id=escrow.pk)


def test_a_stranger_gets_no_link() -> None:
    offer = an_offer()
    with pytest.raises(NotFound):
        make_invite(actor=stranger(), escrow_id=offer.pk)
    with pytest.raises(NotFound):
        make_invite(actor=bea(), escrow_id=offer.pk + 1)


def test_of_many_who_open_a_link_at_once_one_joins() -> None:
    offer = an_offer()
    token = make_invite(actor=bea(), escrow_id=offer.pk)
    people = [User.objects.create_user(username=f"person{number}") for number in range(6)]
    results: list[object] = []

    def join(person: User) -> None:
        try:
            results.append(join_escrow(actor=person, token=token).seller_id)
        except EscrowRefusal as refusal:
            results.append(type(refusal))
        finally:
            connection.close()

    threads = [Thread(target=join, args=(person,)) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results.count(InviteUsed) == 5
    offer.refresh_from_db()
    assert offer.seller_id in results
