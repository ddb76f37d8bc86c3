"""The inbox, intents and deposits in the admin: read-only, with a dry run and a replay."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from lockbay.events.kinds import Kind
from lockbay.events.models import Event
from lockbay.people.models import User
from payments.actions.apply_event import drain
from payments.inbox_admin import readable_body
from payments.models import Deposit, InboxEvent, Intent
from payments.states import InboxStatus
from tests.payments.money_in import an_intent, payer, raw_of, stored
from wallets.models import Operation
from wallets.money import Money
from wallets.queries import balances_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("books_green")]


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(User.objects.create(username="olu", is_staff=True, is_superuser=True))
    return client


def page(name: str, row: InboxEvent) -> str:
    return reverse(f"admin:payments_inboxevent_{name}", args=[row.pk])


def test_lists_and_rows_open_and_cannot_be_changed(staff: Client) -> None:
    stored(raw_of(an_intent()))
    drain()
    for model in (Intent, Deposit, InboxEvent):
        name = model._meta.model_name
        assert staff.get(reverse(f"admin:payments_{name}_changelist")).status_code == 200
        change = reverse(f"admin:payments_{name}_change", args=[model.objects.get().pk])
        assert staff.get(change).status_code == 200
        assert staff.post(change, {}).status_code == 403
        assert staff.get(reverse(f"admin:payments_{name}_add")).status_code == 403


def test_the_row_shows_its_body(staff: Client) -> None:
    row = stored(b'{"id":"<script>","amount":1.10}')
    html = staff.get(page("change", row)).content.decode()
    assert "&lt;script&gt;" in html
    assert "&quot;1.10&quot;" in html
    assert "<script>&quot;" not in html


@pytest.mark.parametrize("raw", [b"", b"\xff\x00", b"[" * 90_000, b'{"a":NaN}', b'{"a":1e9999999999999999999999}'])
def test_any_body_can_be_shown(raw: bytes) -> None:
    assert isinstance(readable_body(raw), str)


def test_a_dry_run_shows_entries_and_messages_and_changes_nothing(staff: Client) -> None:
    row = stored(raw_of(an_intent()))
    html = staff.get(page("dry_run", row)).content.decode()
    assert "platform:clearing/sandbox:USDT" in html
    assert "20.00 USD" in html
    assert "deposit.credited" in html
    assert 'name="reason"' not in html
    row.refresh_from_db()
    assert row.status == InboxStatus.PENDING
    assert not Operation.objects.exists()


def test_a_replay_needs_a_reason_and_is_recorded_with_the_staff_member(staff: Client) -> None:
    row = stored(raw_of(an_intent()))
    assert 'name="reason"' in staff.get(page("replay", row)).content.decode()
    answer = staff.post(page("replay", row), {"reason": " "}, follow=True)
    assert "needs a written reason" in answer.content.decode()
    assert not Operation.objects.exists()

    answer = staff.post(page("replay", row), {"reason": "the customer called"}, follow=True)
    assert "now applied" in answer.content.decode()
    event = Event.objects.get(kind=Kind.INBOX_REPLAYED)
    assert (event.actor.username, event.data["reason"]) == ("olu", "the customer called")
    assert balances_of(payer().pk)["available", "USD"] == Money(2000, "USD")


@pytest.mark.parametrize("name", ["dry_run", "replay"])
def test_staff_without_the_right_cannot_replay(client: Client, name: str) -> None:
    client.force_login(User.objects.create(username="max", is_staff=True))
    row = stored(raw_of(an_intent()))
    answers: list[Any] = [client.get(page(name, row)), client.post(page(name, row), {"reason": "because"})]
    assert [answer.status_code for answer in answers] == [403, 403]
    assert not Operation.objects.exists()
