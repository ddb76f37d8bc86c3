"""The desk: rows are looked at, stories are read, buttons call the acts with a written reason (A2)."""

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from escrows.models import Escrow
from escrows.preview import end_frozen_preview
from escrows.states import Status
from lockbay.events.models import Event
from lockbay.people.models import User
from lockbay.people.roles import AUDITOR, OPERATOR, install_roles
from notifications.fanout import fan_out
from tests.cast import (
    a_delivered_trade,
    a_paid_trade,
    a_trade_in,
    a_waiting_trade,
    an_offer,
    max_,
    olu,
    set_back,
    snapshot_of,
    wallet_of,
)
from tests.cast import bea as _bea
from tests.escrows.actions.test_start_deadline import an_untold_offer
from tests.escrows.deposits import a_deposit, credit, take_back

pytestmark = pytest.mark.django_db(transaction=True)


def desk(person: User | None = None) -> Client:
    client = Client()
    client.force_login(person or olu())
    return client


def button(escrow: Escrow, name: str) -> str:
    return reverse(f"admin:escrows_escrow_{name}", args=[escrow.pk])


def shown(client: Client, escrow: Escrow) -> str:
    return client.get(reverse("admin:escrows_escrow_change", args=[escrow.pk])).content.decode()


@pytest.mark.parametrize("status", Status)
def test_the_story_of_a_trade_in_any_status_is_read(status: Status) -> None:
    escrow = a_trade_in(status, description="<b>lamp</b>")
    page = shown(desk(), escrow)
    assert "escrow.created" in page
    assert "The chain of events is whole." in page
    assert "<b>lamp</b>" not in page
    if status in {Status.COMPLETED, Status.REFUNDED}:
        assert f"escrow:{escrow.public_id}:hold:USD" in page


def test_rows_are_listed_and_found_and_never_typed_into() -> None:
    escrow = a_paid_trade()
    client = desk()
    assert (
        escrow.public_id
        in client.get(reverse("admin:escrows_escrow_changelist"), {"q": escrow.public_id.lower()}).content.decode()
    )
    before = snapshot_of(escrow)
    answer = client.post(reverse("admin:escrows_escrow_change", args=[escrow.pk]), {"status": "completed"})
    assert answer.status_code == 403
    assert client.post(reverse("admin:escrows_escrow_delete", args=[escrow.pk]), {"post": "yes"}).status_code == 403
    assert snapshot_of(escrow) == before


def test_an_overdue_release_is_completed_by_hand_after_seeing_who_gets_what() -> None:
    escrow = a_delivered_trade()
    set_back(escrow, "inspection_ends_at")
    client = desk()
    assert "20.00 USD" in client.get(button(escrow, "complete_overdue")).content.decode()
    client.post(button(escrow, "complete_overdue"), {"reason": "the worker was down"})
    escrow.refresh_from_db()
    assert escrow.status == Status.COMPLETED
    fact = Event.objects.get(kind="escrow.completed")
    assert (fact.actor_id, fact.data["note"]) == (olu().pk, "the worker was down")


def test_unpaid_and_unaccepted_trades_are_ended_by_hand() -> None:
    unpaid, silent = an_offer(), a_paid_trade()
    set_back(unpaid, "expires_at")
    set_back(silent, "accept_by")
    client = desk()
    for escrow, name in ((unpaid, "expire_unpaid"), (silent, "refund_silent")):
        assert client.get(button(escrow, name)).status_code == 200
        client.post(button(escrow, name), {"reason": "as agreed by phone"})
        escrow.refresh_from_db()
    assert (unpaid.status, silent.status) == (Status.EXPIRED, Status.REFUNDED)
    assert str(wallet_of(_bea())) == "21.00 USD"


def test_staff_see_who_was_told_and_start_the_time_of_a_person_whom_nothing_reached() -> None:
    escrow = an_untold_offer()
    while fan_out():
        pass
    page = shown(desk(), escrow)
    assert "Who was told" in page
    assert "trade_offered" in page
    assert "Start the deadline" in page
    client = desk()
    assert "their time to answer starts now" in client.get(button(escrow, "start_clock")).content.decode()
    client.post(button(escrow, "start_clock"), {"reason": ""})
    escrow.refresh_from_db()
    assert escrow.accept_by is None
    client.post(button(escrow, "start_clock"), {"reason": "told on the phone"})
    escrow.refresh_from_db()
    assert escrow.accept_by is not None
    assert "Start the deadline" not in shown(desk(), escrow)


@pytest.mark.parametrize("name", ["expire_unpaid", "complete_overdue", "refund_silent"])
def test_what_the_act_refuses_is_said_and_changes_nothing(name: str) -> None:
    client = desk()
    for escrow in (an_offer(), a_paid_trade(), a_delivered_trade()):
        before = snapshot_of(escrow)
        for reason in ("", "because"):
            answer = client.post(button(escrow, name), {"reason": reason}, follow=True)
            assert "Nothing was changed." in answer.content.decode()
        assert snapshot_of(escrow) == before


def test_an_auditor_looks_and_an_operator_acts() -> None:
    install_roles()
    escrow = a_delivered_trade()
    set_back(escrow, "inspection_ends_at")
    person = max_()
    person.groups.set([Group.objects.get(name=AUDITOR)])
    assert escrow.public_id in shown(desk(person), escrow)
    assert desk(person).post(button(escrow, "complete_overdue"), {"reason": "x"}).status_code == 403
    person.groups.set([Group.objects.get(name=OPERATOR)])
    desk(person).post(button(escrow, "complete_overdue"), {"reason": "x"})
    escrow.refresh_from_db()
    assert escrow.status == Status.COMPLETED


def a_frozen_trade() -> Escrow:
    trade = a_waiting_trade()
    gone, stays = a_deposit(trade, "12.00"), a_deposit(trade, "9.00")
    credit(gone, stays)
    take_back(gone)
    trade.refresh_from_db()
    return trade


def test_a_frozen_trade_is_found_and_ended_after_seeing_what_goes_back() -> None:
    frozen, running = a_frozen_trade(), a_paid_trade()
    client = desk()
    listed = client.get(reverse("admin:escrows_escrow_changelist"), {"frozen": "yes"}).content.decode()
    assert (frozen.public_id in listed, running.public_id in listed) == (True, False)
    assert "end-frozen" in shown(client, frozen)
    assert "12.00 USD · payment_confirmed" in shown(client, frozen)
    assert "refund-unaccepted" not in shown(client, frozen)
    assert "end-frozen" not in shown(client, running)
    page = client.get(button(frozen, "end_frozen")).content.decode()
    assert "9.00 USD" in page
    digest = end_frozen_preview(frozen).digest
    assert digest in page
    before = snapshot_of(frozen)
    for form in ({"reason": "gone", "digest": "0" * 12}, {"reason": " ", "digest": digest}):
        answer = client.post(button(frozen, "end_frozen"), form, follow=True)
        assert "Nothing was changed." in answer.content.decode()
    assert snapshot_of(frozen) == before
    client.post(button(frozen, "end_frozen"), {"reason": "gone for good", "digest": digest})
    frozen.refresh_from_db()
    assert (frozen.status, frozen.close_reason, str(wallet_of(_bea()))) == ("refunded", "payment_gone", "9.00 USD")
    fact = Event.objects.get(kind="escrow.refunded")
    assert (fact.actor_id, fact.data["note"]) == (olu().pk, "gone for good")
    rows = client.get(reverse("admin:escrows_vanishedfunding_changelist")).content.decode()
    assert frozen.public_id in rows
