"""Repairs at the desk: from a row in three clicks, by whom they may be, shown before they are done (A3, A4)."""

import re
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from escrows.jobs import run_deadlines
from escrows.states import Status
from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.models import Event
from lockbay.people.models import User
from lockbay.people.roles import AUDITOR, MEDIATOR, OPERATOR, OWNER, install_roles
from notifications.fanout import fan_out
from notifications.models import Delivery
from payments.models import Deposit, InboxEvent
from tests import cast
from tests.cast import bea, held_by, olu, usd, wallet_of
from tests.payments.money_in import a_txid, raw_of, stored
from tests.repairs.stories import MENDINGS, Mending, a_credit, a_debt, a_lost_payment, everything, said_of
from tests.withdrawals.stories import ada
from wallets.models import Operation, Repair

pytestmark = pytest.mark.django_db(transaction=True)
ROWS = {
    "escrow": "escrows_escrow",
    "user": "people_user",
    "deposit": "payments_deposit",
    "operation": "wallets_operation",
}


def desk(person: User | None = None) -> Client:
    client = Client()
    client.force_login(person or olu())
    return client


def with_role(role: str) -> User:
    install_roles()
    person = User.objects.create(username=role, is_staff=True)
    person.groups.add(Group.objects.get(name=role))
    return person


def text_of(answer: Any) -> str:
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", answer.content.decode())


def form_of(answer: Any) -> dict[str, str]:
    """The hidden fields of the form that does it."""
    form = text_of(answer).rpartition('<form method="post" action=')[2]
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form))


def page(repair: Repair, act: str = "change") -> str:
    return reverse(f"admin:wallets_repair_{act}", args=[repair.pk])


def test_a_payment_that_was_logged_and_not_stored_is_repaired_in_three_clicks() -> None:
    """ES101325WZY2: the money is there, the trade says payment_pending."""
    trade, intent = a_lost_payment()
    trade_page = reverse("admin:escrows_escrow_change", args=[trade.pk])
    paid_at = f"{clock.now():%Y-%m-%dT%H:%M}"
    with cast.later(hours=5):
        client, before = desk(), everything()
        assert f"/admin/escrows/escrow/{trade.pk}/repair/" in text_of(client.get(trade_page))
        first = client.get(f"/admin/escrows/escrow/{trade.pk}/repair/", follow=True)  # 1: Repair
        assert intent.public_id in text_of(first)
        start = first.redirect_chain[-1][0]
        given = {"kind": "confirm_payment", **said_of(intent, paid_at=paid_at)}
        second = client.get(start, given)  # 2: Show exactly what happens
        shown = text_of(second)
        assert f"escrow:{trade.public_id}:hold:USD" in shown
        assert "payment_pending → <b>payment_confirmed</b>" in shown
        assert "it is done at once" in shown
        assert everything() == before, "looking changes nothing"
        form = {**form_of(second), "reason": "the log shows it, nothing was stored", "evidence": "log of 13 October"}
        third = client.post(start, form, follow=True)  # 3: Do it
        assert "There is nothing else to do." in text_of(third)
        after = everything()
        client.post(start, form, follow=True)
        assert everything() == after, "a second click"
        run_deadlines()
        fan_out()
    trade.refresh_from_db()
    repair, deposit = Repair.objects.get(), Deposit.objects.get()
    assert (trade.status, trade.expires_at, held_by(trade)) == (Status.PAYMENT_CONFIRMED, None, usd("21.00"))
    assert (trade.deposit_reference, f"{trade.payment_confirmed_at:%Y-%m-%dT%H:%M}") == (deposit.txid, paid_at)
    assert (repair.evidence, repair.operations) == ("log of 13 October", [f"deposit:{deposit.pk}:credit:1"])
    assert {"payment_confirmed", "trade_offered"} <= set(Delivery.objects.values_list("template", flat=True))
    trail = Event.objects.get(kind=Kind.REPAIR_DONE)
    assert (trail.actor_id, trail.data["operations"]) == (olu().pk, repair.operations)
    assert "Repaired here before" in text_of(desk().get(start))


def test_a_parked_event_prefills_the_form() -> None:
    trade, intent = a_lost_payment()
    row = stored(raw_of(intent))
    InboxEvent.objects.filter(pk=row.pk).update(status="parked")
    start = reverse("admin:wallets_repair_start", args=["inbox", row.pk])
    assert "/repair/" in text_of(desk().get(reverse("admin:payments_inboxevent_change", args=[row.pk])))
    shown = text_of(desk().get(start))
    assert f'value="{a_txid(intent.pk)}"' in shown
    assert f'value="{intent.pay_amount.plain()}"' in shown
    preview = desk().get(start, {"kind": "confirm_payment", **said_of(intent)})
    desk().post(start, {**form_of(preview), "reason": "parked by mistake", "evidence": "the event"})
    assert held_by(trade) == usd("21.00")


@pytest.mark.parametrize("name", MENDINGS)
def test_every_kind_starts_from_its_row_and_is_done_from_its_preview(name: str) -> None:
    mending: Mending = MENDINGS[name]()
    client = desk()
    row = reverse(f"admin:{ROWS[mending.subject_type]}_change", args=[mending.subject_id])
    assert "/repair/" in text_of(client.get(row))
    start = reverse("admin:wallets_repair_start", args=[mending.subject_type, mending.subject_id])
    assert f'name="kind" value="{mending.kind}"' in text_of(client.get(start))
    preview = client.get(start, {"kind": mending.kind, **mending.given})
    assert "The exact entries" in text_of(preview)
    answer = client.post(start, {**form_of(preview), "reason": "as agreed", "evidence": "ticket 7"}, follow=True)
    assert "Done: repair" in text_of(answer)
    repair = Repair.objects.get()
    assert (repair.status, repair.parameters) == ("done", mending.given)
    listed = text_of(client.get(reverse("admin:wallets_repair_changelist")))
    assert page(repair) in listed


def test_what_is_refused_is_said_with_the_right_repair_and_changes_nothing() -> None:
    cast.an_active_trade()
    fund = Operation.objects.latest("pk")
    before, client = everything(), desk()
    start = reverse("admin:wallets_repair_start", args=["operation", fund.pk])
    shown = text_of(client.get(start, {"kind": "reverse_operation"}))
    assert "choose Move a trade on" in shown
    assert "Nothing was changed." in shown
    answer = text_of(
        client.post(start, {"kind": "reverse_operation", "request_key": "k", "reason": "x", "digest": "1"})
    )
    assert "choose Move a trade on" in answer
    assert "no such repair" in text_of(client.get(start, {"kind": "print_money"}))
    assert everything() == before


@pytest.mark.parametrize(("role", "may"), [(OPERATOR, True), (OWNER, True), (AUDITOR, False), (MEDIATOR, False)])
def test_operators_and_owners_repair_and_the_others_look(role: str, may: bool) -> None:
    a_credit().ask(olu())
    client = desk(with_role(role))
    start = reverse("admin:wallets_repair_start", args=["user", bea().pk])
    assert client.get(start).status_code == (200 if may else 403)
    form = {"kind": "credit_user", "amount": "5.00", "source": "losses", "reason": "x", "request_key": "k"}
    assert client.post(start, form).status_code == (200 if may else 403)
    assert Repair.objects.get().reason in text_of(client.get(page(Repair.objects.get())))
    trade = cast.an_offer()
    button = f"/admin/escrows/escrow/{trade.pk}/repair/"
    assert (button in text_of(client.get(reverse("admin:escrows_escrow_change", args=[trade.pk])))) is may
    assert client.get(button).status_code == (302 if may else 403)
    for act in ("confirm", "close"):
        assert client.get(page(Repair.objects.get(), act)).status_code == (200 if may else 403)


def test_the_second_person_sees_the_same_and_confirms_and_staff_are_written_to(settings: Any) -> None:
    settings.STAFF_EMAILS = ["desk@lockbay.example"]
    start = reverse("admin:wallets_repair_start", args=["user", bea().pk])
    given = {"kind": "credit_user", "amount": "300.00", "source": "losses", "target": "available"}
    preview = desk().get(start, given)
    assert "nothing moves before a second person confirms" in text_of(preview)
    answer = desk().post(start, {**form_of(preview), "reason": "our mistake", "evidence": ""}, follow=True)
    assert "waits for a second person" in text_of(answer)
    repair = Repair.objects.get()
    fan_out()
    assert Delivery.objects.filter(template="staff_repair_waiting", audience__contains="desk@").exists()
    waiting = reverse("admin:wallets_repair_changelist"), {"status__exact": "proposed"}
    assert page(repair) in text_of(desk(ada()).get(*waiting))
    assert "You proposed it." in text_of(desk().get(page(repair, "confirm")))
    shown = desk(ada()).get(page(repair, "confirm"))
    assert f"user:{bea().pk}:available:USD" in text_of(shown)
    form = {"digest": shown.context["preview"].digest, "reason": ""}
    assert "write down why" in text_of(desk(ada()).post(page(repair, "confirm"), form, follow=True))
    assert wallet_of(bea()) == usd("0.00")
    desk(ada()).post(page(repair, "confirm"), {**form, "reason": "I read the ticket"})
    assert wallet_of(bea()) == usd("300.00")
    story = text_of(desk(with_role(AUDITOR)).get(page(repair)))
    assert "our mistake" in story
    assert "I read the ticket" in story
    assert page(repair) not in text_of(desk(ada()).get(*waiting))


def test_when_something_has_changed_the_second_person_sees_it_fresh_and_proposes_that(settings: Any) -> None:
    settings.REPAIR_TWO_PEOPLE_ABOVE_USD = Decimal(1)
    repair = a_debt().ask(olu())
    cast.give(bea(), "3.00")
    shown = text_of(desk(ada()).get(page(repair, "confirm")))
    assert "Something has changed since it was proposed." in shown
    assert "4.00 USD" in shown
    before = everything()
    form = {"digest": repair.digest, "reason": "yes"}
    assert "Something has changed" in text_of(desk(ada()).post(page(repair, "confirm"), form, follow=True))
    assert everything() == before
    again = re.search(r'href="(/admin/wallets/repair/start/[^"]+)"', shown)
    assert again is not None
    assert "4.00 USD" in text_of(desk(ada()).get(again[1].replace("&amp;", "&")))
    assert "Refuse" in text_of(desk(ada()).get(page(repair, "close")))
    desk(ada()).post(page(repair, "close"), {"reason": "other numbers by now"})
    repair.refresh_from_db()
    assert (repair.status, repair.second) == ("refused", ada())


@pytest.mark.parametrize(("subject", "pk"), [("escrow", 999_999), ("user", 999_999), ("inbox", 999_999)])
def test_a_row_that_is_not_there_offers_nothing(subject: str, pk: int) -> None:
    shown = text_of(desk().get(reverse("admin:wallets_repair_start", args=[subject, pk])))
    assert "Show exactly" not in shown or subject == "user"
    assert desk().get(f"/admin/wallets/repair/start/nothing/{pk}/").status_code == 404
