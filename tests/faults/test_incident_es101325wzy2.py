"""ES101325WZY2, as it happened and as it must end: a payment was logged as confirmed, then something raised, and
nothing was stored. Here whatever raises between the credit and the commit leaves nothing behind and nothing said; a
replay, at the desk or on the command line, finishes it once (E7, E8, P4, A3, F38)."""

from collections import Counter
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.urls import reverse

from escrows.deadlines import waiting_clock_of
from escrows.jobs import run_deadlines
from escrows.models import Escrow
from escrows.states import Status
from lockbay.events.models import Event
from notifications import jobs as notices
from notifications.models import Delivery, PendingFanout
from payments.models import Deposit, InboxEvent
from payments.states import InboxStatus, Outcome
from tests import cast
from tests.cast import bea, held_by, olu, usd, wallet_of
from tests.notifications.stories import forget_the_past
from tests.payments.providers.rails import RAILS, configure
from wallets.models import Entry, Operation
from wallets.proof import check_ledger

pytestmark = pytest.mark.django_db(transaction=True)

DYNOPAY = next(rail for rail in RAILS if rail.name == "dynopay")
STAFF = "olu@lockbay.example"
# Each of these statements comes after the credit was decided; the last two after it was posted.
MOMENTS = {
    "the trade's status is written": ('UPDATE "escrows_escrow"',),
    "the entries are posted": ("INSERT INTO", '"wallets_entry"'),
    "the fact is recorded": ("INSERT INTO", f'"{Event._meta.db_table}"'),
    "the message is noted": ("INSERT INTO", f'"{PendingFanout._meta.db_table}"'),
}


class Broke(Exception):
    """What the driver raised."""


@pytest.fixture(autouse=True)
def _house(settings: Any) -> None:
    configure(settings)
    settings.STAFF_EMAILS = [STAFF]


@pytest.fixture
def trade() -> Escrow:
    """101.00 to pay, the fee in it; 7.35 in the buyer's wallet."""
    cast.give(bea(), "7.35")
    made = cast.a_waiting_trade(price="96.19", hours=48)
    forget_the_past()
    return made


def a_webhook(trade: Escrow) -> bytes:
    """105.26 instead of 101.00."""
    intent = DYNOPAY.open(price="101.00", purpose="escrow", reference=trade.public_id, who=bea())
    return DYNOPAY.event(intent, DYNOPAY.confirmed, amount=105.26)


def at_the_desk(row: InboxEvent) -> str:
    """What the page says after the button."""
    client = Client()
    client.force_login(olu())
    dry_run, replay = (reverse(f"admin:payments_inboxevent_{name}", args=[row.pk]) for name in ("dry_run", "replay"))
    shown = client.get(dry_run).content.decode()
    assert Deposit.objects.count() == InboxEvent.objects.exclude(operations=[]).count(), "a dry run changes nothing"
    client.post(replay, {"reason": "the cause is mended"}, follow=True)
    return shown


def on_the_command_line(row: InboxEvent) -> str:
    """What it prints."""
    out = StringIO()
    call_command("replay", str(row.pk), stdout=out)
    assert Deposit.objects.count() == InboxEvent.objects.exclude(operations=[]).count(), "a dry run changes nothing"
    call_command("replay", str(row.pk), apply=True, reason="the cause is mended", actor=olu().username, stdout=out)
    return out.getvalue()


@pytest.mark.parametrize("replay", [at_the_desk, on_the_command_line], ids=lambda way: way.__name__)
@pytest.mark.parametrize("moment", MOMENTS)
def test_nothing_is_stored_nor_said_and_a_replay_finishes_it_once(
    trade: Escrow,
    moment: str,
    replay: Callable[[InboxEvent], str],
    mailoutbox: list[Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    raw, before = a_webhook(trade), _state_of(trade)
    with connection.execute_wrapper(_break_at(*MOMENTS[moment])):
        assert DYNOPAY.send(raw) == 200, "it is in the inbox: the provider need not send it again"
    row = InboxEvent.objects.get()
    _require_nothing_happened(trade, before, row, mailoutbox, caplog)

    with cast.later(hours=3):
        run_deadlines()
        assert Escrow.objects.get(pk=trade.pk).status == Status.PAYMENT_PENDING, "it does not expire over that"
        shown = replay(row)
        assert "4.26 USD" in shown
        assert "101.00 USD" in shown
        _require_finished(trade, row)
        notices.fan_out()
        told = _require_told_once(trade, mailoutbox)
        after = _state_of(trade)
        for again in (at_the_desk, on_the_command_line, lambda _row: DYNOPAY.send(raw)):
            again(row)
            notices.fan_out()
        assert _state_of(trade) == after, "doing it again changes nothing"
        assert _require_told_once(trade, mailoutbox) == told
    assert check_ledger(full=True).breaches == []


def _break_at(*words: str) -> Callable[..., Any]:
    """Raises instead of the first statement that contains all `words`."""

    def execute(run: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if all(word in sql for word in words):
            raise Broke(f"before {sql[:40]}")
        return run(sql, params, many, context)

    return execute


def _state_of(trade: Escrow) -> dict[str, Any]:
    return {
        **cast.snapshot_of(trade),
        "wallet": wallet_of(bea()),
        "held": held_by(trade),
        "entries": Entry.objects.count(),
        "deposits": list(Deposit.objects.values()),
        "noted": PendingFanout.objects.count(),
        "deliveries": list(Delivery.objects.values("event", "audience", "channel")),
    }


def _require_nothing_happened(
    trade: Escrow, before: dict[str, Any], row: InboxEvent, mails: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    assert _state_of(trade) == before
    assert (row.status, row.last_outcome, row.operations) == (InboxStatus.PENDING, Outcome.FAILED, [])
    assert "Traceback" in row.error
    assert "Broke: before" in row.error
    notices.fan_out()
    assert (mails, Delivery.objects.count()) == ([], 0)
    lines = [record.msg for record in caplog.records if isinstance(record.msg, dict)]
    assert "INBOX_EVENT_FAILED" in [line["event"] for line in lines]
    assert "ESCROW_PAYMENT_CONFIRMED" not in [line["event"] for line in lines]
    assert [one["outcome"] for line in lines for one in line.get("events", [])] == ["failed"]


def _require_finished(trade: Escrow, row: InboxEvent) -> None:
    trade.refresh_from_db()
    row.refresh_from_db()
    deposit = Deposit.objects.get()
    assert (row.status, row.operations) == (InboxStatus.APPLIED, [f"deposit:{deposit.pk}:credit:1"])
    assert (trade.status, trade.expires_at) == (Status.PAYMENT_CONFIRMED, None)
    assert (held_by(trade), wallet_of(bea())) == (usd("101.00"), usd("11.61"))
    # The payment is as old as its event, however long the repair took; the seller's time waits for the offer (N8).
    assert deposit.confirmed_at == trade.payment_confirmed_at == row.received_at
    assert trade.delivery_deadline is not None
    assert (trade.delivery_deadline - row.received_at).total_seconds() == 48 * 3600
    assert waiting_clock_of(trade) is not None
    assert Counter(Operation.objects.exclude(kind="gift").values_list("kind", flat=True)) == {"escrow_fund": 1}


def _require_told_once(trade: Escrow, mails: list[Any]) -> list[tuple[str, str, str]]:
    assert [mail.to for mail in mails] == [[STAFF]]
    assert trade.public_id in mails[0].subject
    told = Delivery.objects.order_by("audience").values_list("audience", "channel", "template")
    assert list(told) == [
        ("buyer", "telegram", "payment_confirmed"),
        ("seller", "telegram", "trade_offered"),
        (f"staff:{STAFF}", "email", "staff_payment_confirmed"),
    ]
    return list(told)
