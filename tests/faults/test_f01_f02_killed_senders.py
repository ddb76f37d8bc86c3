"""F1 and F2 at every channel: whoever has the message is killed with -9 at each step between commit and send, or after
the channel took it and before that is marked. Nothing is lost; at most one more copy goes out, and it is recorded as
uncertain. A channel that tells copies by their key shows none."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import transaction

from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.recording import NewEvent, record
from lockbay.people.models import Channel, Contact, User
from notifications.channels import ADAPTERS, STAFF_CHANNELS, channel_of, deduplicates
from notifications.fanout import fan_out
from notifications.models import Delivery
from telegrambot.line import MOST_AT_ONCE
from telegrambot.sandbox.testing import SandboxClient
from tests.faults.killed_senders import far_ends, run_and_die_at_commit, run_bot, run_worker
from tests.notifications.stories import lease_runs_out
from tests.telegrambot.crowd import crowd_of, happened_to

pytestmark = pytest.mark.django_db(transaction=True)

KILLED = -9
CHANNELS = ["telegram", *ADAPTERS]  # a further channel is in the matrix by being there
ADDRESSES = {"email": "p0@example.org", "sms": "+2348012345678", "whatsapp": "+2348012345678"}


@dataclass
class Far:
    """A channel's far end: who sends there, and how many messages it took."""

    channel: str
    folder: Path
    taken: list[str]
    phones: SandboxClient
    user: User | None

    def run(self, killed: str = "") -> int:
        return run_bot(killed) if self.channel == "telegram" else run_worker(killed)

    def copies(self) -> int:
        if self.channel == "telegram":
            return sum(message["from_bot"] for message in self.phones.messages("p0"))
        if self.channel == "pagerduty":  # one alert for each key, however often it is told
            return len({json.loads(body)["dedup_key"] for body in self.taken})
        return len(list(self.folder.iterdir())) if self.channel == "email" else len(self.taken)

    def happens(self) -> None:
        """Money arrives; for a channel of the staff, the books are broken."""
        if self.user is not None:
            happened_to([self.user], Kind.DEPOSIT_CREDITED)
        else:
            with transaction.atomic():
                record([NewEvent(Kind.LEDGER_BREACHED, "ledger_check", 1, data={})])

    def delivery(self) -> Delivery:
        """The message, as its row says now."""
        return Delivery.objects.get(channel=self.channel)


@pytest.fixture(params=CHANNELS)
def far(request: Any, phones: SandboxClient, settings: LazySettings, tmp_path: Path) -> Iterator[Far]:
    """Only this channel reaches anybody."""
    channel = request.param
    settings.STAFF_EMAILS = []
    settings.EMAIL_BACKEND, settings.EMAIL_FILE_PATH = "django.core.mail.backends.filebased.EmailBackend", tmp_path
    with far_ends() as (url, taken):
        settings.TWILIO_API_URL = settings.WHATSAPP_API_URL = settings.PAGERDUTY_API_URL = url
        _set_up(settings, channel, url)
        yield Far(channel, tmp_path, taken, phones, _somebody(channel, phones))


def _set_up(settings: LazySettings, channel: str, url: str) -> None:
    names = {"slack": {"SLACK_WEBHOOK_URL": f"{url}/hook"}}.get(channel)
    if names is None and channel in ADAPTERS:
        names = {name: value or "12345" for name, value in channel_of(channel).required_settings().items()}
    for name, value in (names or {}).items():
        if not getattr(settings, name, ""):
            setattr(settings, name, value)


def _somebody(channel: str, phones: SandboxClient) -> User | None:
    """Nobody else is behind a channel of the staff."""
    if channel in STAFF_CHANNELS:
        return None
    (user,) = crowd_of(1, phones if channel == "telegram" else None)
    if channel != "telegram":
        User.objects.filter(pk=user.pk).update(telegram_id=None)
        address = ADDRESSES[channel]
        Contact.objects.create(user=user, channel=Channel(channel), address=address, verified_at=clock.real_now())
    return user


@pytest.fixture
def delivery(far: Far) -> Delivery:
    far.happens()
    while fan_out():
        pass
    return far.delivery()


def test_killed_at_every_step_between_commit_and_send_it_goes_out_once(far: Far) -> None:
    assert run_and_die_at_commit(far.happens) == KILLED
    assert not Delivery.objects.exists()
    assert far.run("before claim") == KILLED
    assert far.delivery().state == "queued"
    assert far.run("after claim") == KILLED
    delivery = far.delivery()
    assert (delivery.state, delivery.sent_at) == ("sending", None), "nothing says that it was sent"
    assert far.copies() == 0
    lease_runs_out(delivery)
    assert far.run() == 0
    assert far.copies() == 1
    assert far.delivery().state == "sent"


def test_killed_between_send_and_mark_it_is_one_more_copy_and_recorded(far: Far, delivery: Delivery) -> None:
    assert far.run("before mark") == KILLED
    assert far.copies() == 1
    lease_runs_out(delivery)
    assert far.run() == 0
    shows_copies = not deduplicates(far.channel)
    assert far.copies() == (2 if shows_copies else 1)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.is_uncertain, delivery.attempts) == ("sent", shows_copies, 2)
    assert list(delivery.tries.order_by("number").values_list("outcome", flat=True)) == ["uncertain", "sent"]


def test_killed_twice_there_is_no_third_copy_and_nothing_is_lost(far: Far, delivery: Delivery) -> None:
    for _ in range(2):
        assert far.run("before mark") == KILLED
        lease_runs_out(delivery)
    assert far.run() == 0
    delivery.refresh_from_db()
    if deduplicates(far.channel):
        assert (far.copies(), len(far.taken)) == (1, 3), "the same key each time"
        assert (delivery.state, delivery.is_uncertain) == ("sent", False)
    else:
        assert far.copies() == 2
        assert (delivery.state, delivery.is_uncertain, delivery.sent_at) == ("failed", True, None)


def test_only_pagerduty_tells_copies_by_their_key() -> None:
    assert [channel for channel in CHANNELS if deduplicates(channel)] == ["pagerduty"]


def test_a_bot_killed_in_the_middle_of_many_loses_none_and_records_each_copy(phones: SandboxClient) -> None:
    people = crowd_of(12, phones)
    happened_to(people, Kind.DEPOSIT_CREDITED)
    assert run_bot("before mark") == KILLED
    taken_ahead = Delivery.objects.filter(state="sending")
    assert 1 < taken_ahead.count() <= 2 * MOST_AT_ONCE
    assert run_bot() == 0
    rows = {row.recipient_id: row for row in Delivery.objects.filter(channel="telegram")}
    assert {row.state for row in rows.values()} == {"sent"}
    for user in people:
        copies = sum(message["from_bot"] for message in phones.messages(user.username))
        assert copies in (1, 2)
        assert copies == 1 or rows[user.pk].is_uncertain
