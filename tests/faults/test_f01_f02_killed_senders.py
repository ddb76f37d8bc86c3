"""F1 and F2 at every channel: the sender is killed with -9 between commit and send, or after the channel took the
message and before that is marked. Nothing is lost; at most one more copy goes out, and it is recorded as uncertain."""

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
from notifications.channels import ADAPTERS, channel_of
from notifications.fanout import fan_out
from notifications.models import Delivery
from telegrambot.sandbox.testing import SandboxClient
from tests.faults.killed_senders import far_ends, run_bot, run_worker
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

    def run(self, killed: str = "") -> int:
        return run_bot(killed) if self.channel == "telegram" else run_worker(killed)

    def copies(self) -> int:
        if self.channel == "telegram":
            return sum(message["from_bot"] for message in self.phones.messages("p0"))
        return len(list(self.folder.iterdir())) if self.channel == "email" else len(self.taken)


@pytest.fixture(params=CHANNELS)
def far(request: Any, phones: SandboxClient, settings: LazySettings, tmp_path: Path) -> Iterator[Far]:
    """Only this channel reaches anybody."""
    channel = request.param
    settings.STAFF_EMAILS = []
    settings.EMAIL_BACKEND, settings.EMAIL_FILE_PATH = "django.core.mail.backends.filebased.EmailBackend", tmp_path
    with far_ends() as (url, taken):
        settings.TWILIO_API_URL = settings.WHATSAPP_API_URL = settings.PAGERDUTY_API_URL = url
        _set_up(settings, channel, url)
        yield Far(channel, tmp_path, taken, phones)


def _set_up(settings: LazySettings, channel: str, url: str) -> None:
    names = {"slack": {"SLACK_WEBHOOK_URL": f"{url}/hook"}}.get(channel)
    if names is None and channel in ADAPTERS:
        names = {name: value or "12345" for name, value in channel_of(channel).required_settings().items()}
    for name, value in (names or {}).items():
        if not getattr(settings, name, ""):
            setattr(settings, name, value)


@pytest.fixture
def delivery(far: Far) -> Delivery:
    """Money arrived for somebody whom only this channel reaches; for a channel of the staff, the books are broken."""
    if far.channel in ("slack", "pagerduty"):
        with transaction.atomic():
            record([NewEvent(Kind.LEDGER_BREACHED, "ledger_check", 1, data={})])
    else:
        _money_arrives(far)
    while fan_out():
        pass
    return Delivery.objects.get(channel=far.channel)


def _money_arrives(far: Far) -> None:
    (user,) = crowd_of(1, far.phones if far.channel == "telegram" else None)
    if far.channel != "telegram":
        User.objects.filter(pk=user.pk).update(telegram_id=None)
        channel, address = Channel(far.channel), ADDRESSES[far.channel]
        Contact.objects.create(user=user, channel=channel, address=address, verified_at=clock.real_now())
    happened_to([user], Kind.DEPOSIT_CREDITED)


def test_killed_between_commit_and_send_it_goes_out_once_after_the_restart(far: Far, delivery: Delivery) -> None:
    assert far.run("after claim") == KILLED
    assert far.copies() == 0
    delivery.refresh_from_db()
    assert (delivery.state, delivery.sent_at) == ("sending", None), "nothing says that it was sent"
    lease_runs_out(delivery)
    assert far.run() == 0
    assert far.copies() == 1
    delivery.refresh_from_db()
    assert delivery.state == "sent"


def test_killed_between_send_and_mark_it_is_one_more_copy_and_recorded(far: Far, delivery: Delivery) -> None:
    assert far.run("before mark") == KILLED
    assert far.copies() == 1
    lease_runs_out(delivery)
    assert far.run() == 0
    assert far.copies() == 2
    delivery.refresh_from_db()
    assert (delivery.state, delivery.is_uncertain, delivery.attempts) == ("sent", True, 2)
    assert list(delivery.tries.order_by("number").values_list("outcome", flat=True)) == ["uncertain", "sent"]
    if far.channel == "pagerduty":
        assert far.taken[0] == far.taken[1], "the same key: PagerDuty makes it one"


def test_killed_twice_there_is_no_third_copy(far: Far, delivery: Delivery) -> None:
    for _ in range(2):
        assert far.run("before mark") == KILLED
        lease_runs_out(delivery)
    assert far.run() == 0
    assert far.copies() == 2
    delivery.refresh_from_db()
    assert (delivery.state, delivery.is_uncertain, delivery.sent_at) == ("failed", True, None)
