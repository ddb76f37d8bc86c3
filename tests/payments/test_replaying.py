"""Replaying many events: the dry run writes nothing and says what applying then does, whoever the provider is; it may
be interrupted and repeated (P4)."""

import re
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.test import Client
from django.urls import reverse

from lockbay.events.kinds import Kind
from lockbay.events.models import Event
from lockbay.people.models import User
from payments import replaying
from payments.actions.apply_event import drain
from payments.actions.receive_event import receive_event
from payments.actions.replay_event import ReplayReport, replay_event
from payments.errors import Unreadable
from payments.models import Deposit, InboxEvent, Intent
from payments.providers import provider_of
from payments.replaying import Selection, Summary, replay_each
from payments.states import InboxStatus, IntentStatus
from tests.payments.money_in import NotingPurpose, an_intent, fingerprint, payer, raw_of, stored
from wallets.models import Operation
from wallets.money import Money
from wallets.queries import balances_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("books_green")]

FIXTURES = Path(__file__).parent / "providers" / "fixtures"
PROVIDERS = sorted(folder.name for folder in FIXTURES.iterdir())


@pytest.fixture
def olu() -> User:
    return User.objects.create(username="olu", is_staff=True, is_superuser=True)


@pytest.fixture
def broken(noting: NotingPurpose, settings: Any) -> list[InboxEvent]:
    """Four parked events whose cause is repaired, but for the second one's."""
    settings.INBOX_MAX_ATTEMPTS = 1
    noting.fails_on = {f"trade{number}" for number in range(4)}
    rows = [stored(raw_of(an_intent(purpose="noting", reference=f"trade{number}"))) for number in range(4)]
    drain()
    assert set(InboxEvent.objects.values_list("status", flat=True)) == {InboxStatus.PARKED}
    noting.fails_on = {"trade1"}
    return rows


def recorded(provider: str) -> list[InboxEvent]:
    """Every recorded event of a provider in the inbox, each about an open request of ours where it names one."""
    adapter, rows = provider_of(provider), []
    for path in sorted((FIXTURES / provider).iterdir()):
        raw = path.read_bytes().rstrip(b"\n")
        _open_what_it_is_about(provider, raw)
        inbox_id = receive_event(provider=adapter, raw=raw, headers={})
        if inbox_id is not None:
            rows.append(InboxEvent.objects.get(pk=inbox_id))
    return rows


def _open_what_it_is_about(provider: str, raw: bytes) -> None:
    try:
        reports = provider_of(provider).read_event(raw)
    except Unreadable:
        return
    for report in reports:
        known = Intent.objects.filter(provider=provider, provider_payment_id=report.payment_id)
        if not report.payment_id or known.exists():
            continue
        method = next(iter(provider_of(provider).methods()))
        asset, network = report.asset or method.asset, report.network or method.network
        intent = an_intent(provider=provider, asset=asset, network=network, is_open=False)
        address = report.address or intent.public_id
        Intent.objects.filter(pk=intent.pk).update(
            status=IntentStatus.OPEN, provider_payment_id=report.payment_id, address=address
        )


def told(report: ReplayReport) -> Any:
    """What a report says, without the ids that a rolled back row may have given out and without times."""
    kinds = [re.sub(r"\d+", "#", f"{message.kind} {message.subject}") for message in report.messages]
    entries = [(entry.account, entry.money) for entry in report.entries]
    deposits = [(one.before, one.after) for one in report.deposits]
    return report.status_before, report.status, report.outcome, entries, kinds, deposits, report.asked


@pytest.mark.parametrize("provider", PROVIDERS)
def test_of_every_recorded_event_the_dry_run_writes_nothing_and_says_what_applying_does(provider: str) -> None:
    rows, olu = recorded(provider), payer("olu")
    before = fingerprint()
    for row in rows:
        dry = replay_event(actor=olu, inbox_id=row.pk, dry_run=True)
        assert fingerprint() == before, row.event_id
        real = replay_event(actor=olu, inbox_id=row.pk, dry_run=False, reason="matrix")
        assert told(real) == told(dry), row.event_id
        after = fingerprint()
        assert (after != before) == dry.is_change, row.event_id
        assert not replay_event(actor=olu, inbox_id=row.pk, dry_run=False, reason="again").is_change, row.event_id
        before = fingerprint()
        assert before == after, row.event_id


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("replay", *arguments, stdout=out, stderr=out)
    return out.getvalue()


def fails(*arguments: str, with_words: str) -> str:
    out = StringIO()
    with pytest.raises(CommandError, match=with_words) as stopped:
        call_command("replay", *arguments, stdout=out, stderr=out)
    assert stopped.value.returncode != 0
    return out.getvalue()


def test_the_command_shows_first_and_changes_nothing(broken: list[InboxEvent]) -> None:
    before = fingerprint()
    words = run("--status", "parked")
    assert fingerprint() == before
    assert words.count("parked -> applied") == 3
    assert "4 of 4 events (dry run" in words
    assert "3 would change" in words
    assert "3 x parked → applied" in words
    assert f"failed: {broken[1].pk}" in words
    assert words.count("20.00 USD  user-") + words.count("20.00 USD  user:") == 3


def test_applying_takes_each_by_itself_tells_failure_and_changes_nothing_the_second_time(
    broken: list[InboxEvent], olu: User
) -> None:
    given = ("--status", "parked", "--apply", "--reason", "repaired", "--actor", "olu")
    words = fails(*given, with_words="some_failed")
    assert "3 changed" in words
    assert [row.status for row in InboxEvent.objects.order_by("pk")] == ["applied", "parked", "applied", "applied"]
    assert balances_of(payer().pk)["available", "USD"] == Money(6000, "USD")
    replayed = Event.objects.filter(kind=Kind.INBOX_REPLAYED)
    assert {(event.actor, event.data["reason"]) for event in replayed} == {(olu, "repaired")}
    assert replayed.count() == 3

    before = fingerprint()
    first, last = str(broken[0].pk), str(broken[-1].pk)
    fails("--from-id", first, "--to-id", last, *given[2:], with_words="some_failed")
    assert fingerprint() == before


def test_an_event_that_breaks_the_transaction_stops_nobody(
    broken: list[InboxEvent], olu: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(**options: Any) -> ReplayReport:
        if options["inbox_id"] == broken[0].pk:
            raise OperationalError("the connection died")
        return replay_event(**options)

    monkeypatch.setattr(replaying, "replay_event", breaks)
    words = fails(str(broken[0].pk), str(broken[2].pk), *_APPLY, with_words="some_failed")
    assert "OperationalError: the connection died" in words
    assert f"broken off: {broken[0].pk}" in words
    assert Operation.objects.count() == 1


def test_it_can_be_interrupted_and_goes_on(
    broken: list[InboxEvent], olu: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(**options: Any) -> ReplayReport:
        if options["inbox_id"] == broken[2].pk:
            raise KeyboardInterrupt
        return replay_event(**options)

    monkeypatch.setattr(replaying, "replay_event", interrupted)
    words = fails("--provider", "sandbox", *_APPLY, with_words="interrupted")
    assert "2 of 4 events" in words
    monkeypatch.setattr(replaying, "replay_event", replay_event)
    fails("--provider", "sandbox", *_APPLY, with_words="some_failed")
    assert Deposit.objects.count() == 3


_APPLY = ("--apply", "--reason", "repaired", "--actor", "olu")


def test_it_refuses_what_is_not_said_clearly(broken: list[InboxEvent], olu: User) -> None:
    User.objects.create(username="max", is_staff=True)
    one = str(broken[0].pk)
    for arguments, words in (
        ((), "nothing_selected"),
        ((one, "--apply", "--actor", "olu"), "reason_missing"),
        ((one, "--apply", "--reason", "x"), "actor_is_no"),
        ((one, "--apply", "--reason", "x", "--actor", "max"), "actor_is_no"),
        ((one, "--apply", "--reason", "x", "--actor", "bea"), "actor_is_no"),
        (("--since", "yesterday"), "since"),
    ):
        fails(*arguments, with_words=words)
    assert not Operation.objects.exists()


def test_long_runs_tell_how_far_they_are(broken: list[InboxEvent], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("payments.management.commands.replay._PROGRESS_EVERY", 2)
    assert re.findall(r"^\d/4$", run("--provider", "sandbox"), re.MULTILINE) == ["2/4", "4/4"]


def test_each_condition_selects(broken: list[InboxEvent]) -> None:
    early, *_others = broken
    InboxEvent.objects.filter(pk=early.pk).update(received_at=datetime(2026, 1, 1, tzinfo=UTC), status="pending")
    intent = Intent.objects.get(provider_payment_id=early.payment_ref)
    new_year = datetime(2026, 1, 2, tzinfo=UTC)

    def selected(**conditions: Any) -> list[int]:
        pks = list(Selection(**conditions).rows().values_list("pk", flat=True))
        return [[row.pk for row in broken].index(pk) for pk in pks]

    assert selected(ids=(broken[3].pk, broken[1].pk)) == [1, 3]
    assert selected(first_id=broken[1].pk, last_id=broken[2].pk) == [1, 2]
    assert selected(provider="dynopay") == []
    assert selected(status="parked") == [1, 2, 3]
    assert selected(status="failed") == [0, 1, 2, 3]
    assert selected(until=new_year) == [0]
    assert selected(since=new_year, status="failed", last_id=broken[1].pk) == [1]
    for name in (early.payment_ref, intent.public_id, intent.reference):
        assert selected(payment=name) == [0]
    assert Selection().is_empty


def test_an_event_that_is_gone_is_told(olu: User) -> None:
    summary = Summary()
    for result in replay_each(actor=olu, inbox_ids=[4711], dry_run=True):
        summary.add(result)
    assert summary.broken == [4711]


class TestAtTheDesk:
    @pytest.fixture
    def desk(self, client: Client, olu: User) -> Client:
        client.force_login(olu)
        return client

    def post(self, desk: Client, rows: list[InboxEvent], **more: str) -> Any:
        words = {"action": "replay_selected", "_selected_action": [str(row.pk) for row in rows], **more}
        return desk.post(reverse("admin:payments_inboxevent_changelist"), words, follow=True)

    def test_the_dry_run_comes_first_and_a_reason_is_needed(self, desk: Client, broken: list[InboxEvent]) -> None:
        before = fingerprint()
        page = self.post(desk, broken[:3]).content.decode()
        assert "A replay of 3 events was run and taken back" in page
        assert 'name="reason"' in page
        assert "no plan for trade1" in page
        page = self.post(desk, broken[:3], apply="1", reason=" ").content.decode()
        assert "needs a written reason" in page
        after = fingerprint()
        assert {name for name in before if before[name] != after[name]} <= {"people.User"}, "the login's time"

    def test_with_a_reason_each_is_replayed(self, desk: Client, broken: list[InboxEvent], olu: User) -> None:
        page = self.post(desk, broken[:3], apply="1", reason="repaired").content.decode()
        assert f"3 events were replayed, 2 changed. Failed: {broken[1].pk}" in " ".join(page.split())
        assert Deposit.objects.count() == 2
        assert Event.objects.filter(kind=Kind.INBOX_REPLAYED, actor=olu).count() == 2

    def test_too_many_are_left_to_the_command(
        self, desk: Client, broken: list[InboxEvent], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("payments.inbox_admin._MOST_SELECTED", 2)
        assert "at most 2 events" in self.post(desk, broken, apply="1", reason="x").content.decode()
        assert not Operation.objects.exists()

    def test_staff_without_the_right_cannot(self, client: Client, broken: list[InboxEvent]) -> None:
        client.force_login(User.objects.create(username="max", is_staff=True))
        assert self.post(client, broken, apply="1", reason="x").status_code == 403
        assert not Operation.objects.exists()
